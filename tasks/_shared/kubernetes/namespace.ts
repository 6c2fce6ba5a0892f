import { blocked, keep, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import type { Access } from '../reconcile/access.js';
import { unknown, value, type Known, type Ref, type Refs } from '../reconcile/ref.js';
import type { ProblemParts } from '../reconcile/problem.js';
import type { ClusterConnection } from './connection.js';
import { object, text } from '../fleet/json.js';
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
}

/** Ensures that a namespace exists; what is in it, and its labels, are not touched. */
export class Namespace implements Resource<NamespaceInputs, NamespaceState> {
  readonly key: string;
  readonly kind = 'namespace';
  readonly cluster: string;
  readonly inputs: Refs<NamespaceInputs>;

  /**
   * @param inputs.identity only where another task makes identity and namespace together
   * @param accesses who writes into the cluster
   */
  constructor(
    private readonly connection: ClusterConnection,
    readonly name: string,
    inputs: { readonly cluster?: Ref<string>; readonly identity?: Ref<string> } = {},
    readonly accesses: readonly Access[] = [],
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
      return { name: this.name, terminating };
    });
  }

  plan(observed: NamespaceState | undefined, known: Known<NamespaceInputs>): Change {
    if (observed === undefined) {
      const creation = { action: 'create', reason: 'it does not exist', fields: [], widens: false } as const;
      return known.identity === unknown ? blocked(awaited(this.name, this.cluster), true, creation) : creation;
    }
    if (!observed.terminating) return keep('it exists');
    return blocked(terminating(this.name, this.cluster));
  }

  permissions(): readonly Permission[] {
    return applyRights(this.connection, true, kinds.namespace);
  }

  reads(): readonly Permission[] {
    return rights(this.connection, ['get'], kinds.namespace);
  }

  async apply(_change: Change, _known: NamespaceInputs, writer: Writer): Promise<void> {
    const ref = { ...kinds.namespace, name: this.name };
    const wanted = { ...kinds.namespace, metadata: { name: this.name } };
    await writer.write({ action: 'create', object: pathOf(ref), widens: false }, () => this.connection.apply(wanted));
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
