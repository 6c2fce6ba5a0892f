import { blocked, keep, writes, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import type { Access } from '../reconcile/access.js';
import { unknown, value, type Known, type Ref, type Refs } from '../reconcile/ref.js';
import type { ProblemParts } from '../reconcile/problem.js';
import type { ClusterConnection } from './connection.js';
import { object, text } from '../fleet/json.js';
import { foundLabels, labelChanges, labelRivals, lowersPodSecurity, type FoundLabels, type NamespaceLabels } from './namespace-labels.js';
import { kinds, metadataOf, pathOf } from './objects.js';
import { applyRights, rights } from './permissions.js';

export interface NamespaceInputs {
  /** ARM id of the cluster: an unusable cluster stops what is in it. */
  readonly cluster: string;
  /** ARM id of the identity of the workload that lives in the namespace; while it is unknown, the namespace waits for whoever makes both. */
  readonly identity: string;
}

/** A namespace as it was found. */
export interface NamespaceState {
  readonly name: string;
  readonly terminating: boolean;
  /** Absent where no labels are asked for. */
  readonly found?: FoundLabels;
}

/** Ensures that a namespace exists, and has the labels that are asked for; its other labels, and what is in it, are not touched. */
export class Namespace implements Resource<NamespaceInputs, NamespaceState> {
  readonly key: string;
  readonly kind = 'namespace';
  readonly cluster: string;
  readonly inputs: Refs<NamespaceInputs>;

  /**
   * @param inputs.identity only where another task makes identity and namespace together
   * @param accesses who writes into the cluster
   * @param wanted labels that it shall have; absent: those that it has are nobody's business
   */
  constructor(
    private readonly connection: ClusterConnection,
    readonly name: string,
    inputs: { readonly cluster?: Ref<string>; readonly identity?: Ref<string> } = {},
    readonly accesses: readonly Access[] = [],
    private readonly wanted?: NamespaceLabels,
  ) {
    this.inputs = { cluster: inputs.cluster ?? value(connection.clusterId), identity: inputs.identity ?? value('') };
    this.key = `${connection.clusterId} namespace ${name}`;
    this.cluster = connection.label;
  }

  observe(reader: Reader): Promise<NamespaceState | undefined> {
    return reader.once(this.key, async () => {
      const found = await this.connection.get({ ...kinds.namespace, name: this.name });
      if (found === undefined) return undefined;
      const terminating = metadataOf(found).deleting || text(object(found.status).phase) === 'Terminating';
      return { name: this.name, terminating, ...(this.wanted === undefined ? {} : { found: foundLabels(found, this.wanted.part) }) };
    });
  }

  plan(observed: NamespaceState | undefined, known: Known<NamespaceInputs>): Change {
    if (observed === undefined) {
      const fields = this.#changes({ labels: {}, others: {}, own: [] });
      const creation = { action: 'create', reason: 'it does not exist', fields, widens: lowersPodSecurity(fields) } as const;
      return known.identity === unknown ? blocked(awaited(this.name, this.cluster), true, creation) : creation;
    }
    if (observed.terminating) return blocked(terminating(this.name, this.cluster));
    const fields = this.#changes(observed.found);
    if (fields.length === 0) return keep(this.wanted === undefined ? 'it exists' : 'it exists and has its labels');
    const rivals = this.#rivals(observed.found);
    if (rivals.length > 0) return blocked(contested(this.name, this.cluster, rivals));
    return { action: 'update', reason: 'its labels differ', fields, widens: lowersPodSecurity(fields) };
  }

  permissions(change: Change): readonly Permission[] {
    const written = change.action === 'create' ? applyRights(this.connection, true, kinds.namespace) : rights(this.connection, ['patch'], kinds.namespace, this.name);
    return [...written, ...(this.connection.needs?.() ?? [])];
  }

  reads(): readonly Permission[] {
    return rights(this.connection, ['get'], kinds.namespace);
  }

  async apply(change: Change, _known: NamespaceInputs, writer: Writer): Promise<void> {
    const ref = { ...kinds.namespace, name: this.name };
    const { labels, part } = this.wanted ?? {};
    const wanted = { ...kinds.namespace, metadata: { name: this.name, ...(labels === undefined ? {} : { labels }) } };
    const after = Object.entries(labels ?? {}).map(([label, text]) => `${label}=${text}`).join(' ');
    const intent = { action: change.action, object: pathOf(ref), ...(after === '' ? {} : { after }), widens: writes(change) && change.widens };
    await writer.write(intent, () => this.connection.apply(wanted, part === undefined ? {} : { part }));
  }

  #changes(found: FoundLabels | undefined): FieldChange[] {
    return found === undefined || this.wanted === undefined ? [] : labelChanges(found, this.wanted);
  }

  #rivals(found: FoundLabels | undefined): string[] {
    return found === undefined || this.wanted === undefined ? [] : labelRivals(found, this.wanted);
  }
}

function awaited(name: string, cluster: string): ProblemParts {
  return {
    code: 'WI4103',
    what: `Namespace ${name} on ${cluster} does not exist`,
    because: 'the workload’s identity is not there either',
    remedy: 'run the task FederateServiceAccount first; it makes both',
  };
}

function terminating(name: string, cluster: string): ProblemParts {
  return {
    code: 'WI4101',
    what: `Namespace ${name} on ${cluster} is being deleted`,
    because: 'its phase is Terminating: nothing can be made in it',
    remedy: 'wait until it is gone, or find the finalizer that holds it (kubectl get namespace -o yaml), then run again',
  };
}

function contested(name: string, cluster: string, rivals: readonly string[]): ProblemParts {
  return {
    code: 'WI4140',
    what: `Labels of namespace ${name} on ${cluster} belong to somebody else`,
    because: rivals.join('; '),
    remedy: 'agree on one value, or take the label out of namespaceLabels or podSecurity; a label of somebody else is not taken over silently',
  };
}
