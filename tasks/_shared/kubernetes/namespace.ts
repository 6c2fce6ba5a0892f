import { keep, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { value, type Ref, type Refs } from '../reconcile/ref.js';
import { Problem } from '../reconcile/problem.js';
import type { ClusterConnection } from './connection.js';
import { object, text } from './json.js';
import { kinds, metadataOf, pathOf } from './objects.js';
import { applyRights } from './permissions.js';

export interface NamespaceInputs {
  readonly clusterId: string;
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

  /** @param cluster ARM id of the cluster, usually an output of its lookup, so that an unusable cluster stops what is in it. */
  constructor(
    private readonly connection: ClusterConnection,
    readonly name: string,
    cluster: Ref<string> = value(connection.clusterId),
  ) {
    this.inputs = { clusterId: cluster };
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

  plan(observed: NamespaceState | undefined): Change {
    if (observed === undefined) return { action: 'create', reason: 'it does not exist', fields: [], widens: false };
    if (!observed.terminating) return keep('it exists');
    return { action: 'blocked', problem: terminating(this.name, this.cluster).parts, awaits: false };
  }

  permissions(): readonly Permission[] {
    return applyRights(this.connection, true, kinds.namespace);
  }

  async apply(_change: Change, _known: NamespaceInputs, writer: Writer): Promise<void> {
    const ref = { ...kinds.namespace, name: this.name };
    const wanted = { ...kinds.namespace, metadata: { name: this.name } };
    await writer.write({ action: 'create', object: pathOf(ref), widens: false }, () => this.connection.apply(wanted));
  }
}

function terminating(name: string, cluster: string): Problem {
  return new Problem({
    code: 'WI4101',
    what: `Namespace ${name} on ${cluster} is being deleted`,
    because: 'its phase is Terminating: nothing can be made in it',
    remedy: 'wait until it is gone, or find the finalizer that holds it (kubectl get namespace -o yaml), then run again',
  });
}
