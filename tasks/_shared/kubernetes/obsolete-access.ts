import { unknown, type Known, type Refs } from '../reconcile/ref.js';
import { keep, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { bindingState } from './access-binding.js';
import type { AccessPlace } from './access-grants.js';
import { ownKeys, type ClusterConnection } from './connection.js';
import { kinds, metadataOf, pathOf } from './objects.js';
import { rights } from './permissions.js';

export interface ObsoleteAccessInputs {
  readonly namespace: string;
}

/** Role bindings that this project made with a release, and that are not wanted any more. */
export interface ObsoleteAccessState {
  readonly bindings: readonly { readonly name: string; readonly gives: string }[];
}

/** Takes back what groups got with a release and shall not have any more. What others bound is not touched. */
export class ObsoleteAccess implements Resource<ObsoleteAccessInputs, ObsoleteAccessState> {
  readonly key: string;
  readonly kind = 'access no longer listed';
  readonly name: string;
  readonly cluster: string;

  /**
   * @param wanted names of the bindings that stay
   * @param after keys of the bindings that come first, so that nobody who changes roles is without one
   */
  constructor(
    private readonly connection: ClusterConnection,
    private readonly place: AccessPlace,
    private readonly wanted: readonly string[],
    readonly inputs: Refs<ObsoleteAccessInputs>,
    readonly after: readonly string[],
  ) {
    this.name = `${place.namespace}/${place.release}`;
    this.key = `${connection.clusterId} access no longer listed ${this.name}`;
    this.cluster = connection.label;
  }

  async observe(_reader: Reader, known: Known<ObsoleteAccessInputs>): Promise<ObsoleteAccessState> {
    return known.namespace === unknown ? { bindings: [] } : this.#look();
  }

  plan(observed: ObsoleteAccessState | undefined): Change {
    const { bindings } = observed ?? { bindings: [] };
    if (bindings.length === 0) return keep('no group has more than is listed');
    return { action: 'delete', reason: 'these groups are not listed any more', fields: bindings.map(({ name, gives }) => ({ field: name, before: gives, after: '(removed)' })), widens: false };
  }

  permissions(): readonly Permission[] {
    return rights(this.connection, ['delete'], kinds.roleBinding, this.place.namespace);
  }

  reads(): readonly Permission[] {
    return rights(this.connection, ['list'], kinds.roleBinding, this.place.namespace);
  }

  async apply(_change: Change, _known: ObsoleteAccessInputs, writer: Writer): Promise<void> {
    for (const { name, gives } of (await this.#look()).bindings) {
      const ref = { ...kinds.roleBinding, namespace: this.place.namespace, name };
      await writer.write({ action: 'delete', object: pathOf(ref), before: gives, widens: false }, () => this.connection.remove(ref));
    }
  }

  async #look(): Promise<ObsoleteAccessState> {
    const { namespace, release } = this.place;
    const found = await this.connection.list(kinds.roleBinding, namespace, `${ownKeys.managed}=true,${ownKeys.access}=${release}`);
    const bindings = found.flatMap((one) => {
      const { role, subjects } = bindingState(one);
      const { name, deleting } = metadataOf(one);
      return deleting || this.wanted.includes(name) ? [] : [{ name, gives: `${role} for ${subjects.join(', ')}` }];
    });
    return { bindings };
  }
}
