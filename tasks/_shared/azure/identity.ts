import type { IdentityPlace } from '../fleet/identity-place.js';
import { groupId, sameId } from '../fleet/arm-id.js';
import type { Known, Ref, Refs } from '../reconcile/ref.js';
import { show, unknown } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import type { ClusterState } from './cluster-state.js';
import { azureProblem } from './errors.js';
import { readIdentity, type IdentityState } from './identity-state.js';

/** What an identity is made from. */
export interface IdentityInputs {
  /** The cluster whose region a new identity takes, and whose own identities are never used. */
  readonly cluster: ClusterState;
}

/** A user-assigned managed identity: created where missing, reused where present. */
export class Identity implements Resource<IdentityInputs, IdentityState> {
  readonly key: string;
  readonly kind = 'identity';
  readonly name: string;
  readonly inputs: Refs<IdentityInputs>;
  readonly cluster?: string;

  constructor(
    private readonly azure: Azure,
    private readonly place: IdentityPlace,
    private readonly workload: string,
    cluster: Ref<ClusterState>,
    /** Name of the cluster it belongs to alone; absent for one that clusters share. */
    owner: string | undefined,
  ) {
    this.key = identityKey(place);
    this.name = place.name;
    this.inputs = { cluster };
    if (owner !== undefined) this.cluster = owner;
  }

  observe(reader: Reader): Promise<IdentityState | undefined> {
    return reader.once(this.key, () => readIdentity(this.azure, this.place));
  }

  plan(observed: IdentityState | undefined, known: Known<IdentityInputs>): Change {
    const forbidden = this.forbidden(observed, known.cluster);
    if (forbidden !== undefined) return forbidden;
    if (observed !== undefined) return keep('it exists');
    if (this.place.given) return missingIdentity(this.place, 'correct the ARM id in the input identity, or give a name pattern to have one made');
    const location = known.cluster === unknown ? unknown : known.cluster.location;
    return { action: 'create', reason: 'there is none of this name', widens: false, fields: [{ field: 'location', after: show(location) }] };
  }

  permissions(change: Change): Permission[] {
    if (!writes(change)) return [];
    const scope = groupId(this.place.subscriptionId, this.place.resourceGroup);
    return [{ plane: 'azure', action: 'Microsoft.ManagedIdentity/userAssignedIdentities/write', scope }];
  }

  async apply(_change: Change, known: IdentityInputs, writer: Writer): Promise<void> {
    const { location } = known.cluster;
    const tags = { 'managed-by': 'aks-workload-identity', workload: this.workload };
    const identities = this.azure.identities(this.place.subscriptionId).userAssignedIdentities;
    const options = { abortSignal: writer.signal };
    const intent = { action: 'create', object: this.place.id, after: `in ${location}`, widens: false };
    try {
      await writer.write(intent, () => identities.createOrUpdate(this.place.resourceGroup, this.place.name, { location, tags }, options));
    } catch (error) {
      throw azureProblem(`create ${this.place.id}`, `Identity ${this.name} was not created`, error);
    }
  }

  /**
   * Never federated, and no input overrides it: what the pipeline signs in with, what the cluster runs on, and whatever AKS keeps in
   * a node resource group. Source: DESIGN, rules of conduct.
   */
  private forbidden(observed: IdentityState | undefined, cluster: ClusterState | typeof unknown): Change | undefined {
    const { signIn } = this.azure.connection;
    let because: string | undefined;
    if (observed !== undefined && signIn.clientId === observed.clientId) because = 'it is what this pipeline’s service connection signs in with';
    if (cluster !== unknown) {
      if (cluster.ownIdentities.some((id) => sameId(id, this.place.id))) because = `cluster ${cluster.id.split('/').at(-1) ?? ''} itself runs on it`;
      if (cluster.nodeResourceGroup?.toLowerCase() === this.place.resourceGroup.toLowerCase()) because = 'it lies in a node resource group, which belongs to AKS';
    }
    if (because === undefined) return undefined;
    return blocked({ code: 'WI2201', what: `Identity ${this.name} must not be federated`, because, remedy: 'name another identity in the input identity' });
  }
}

/** The change for an identity that has to be there and is not. */
export function missingIdentity(place: IdentityPlace, remedy: string, awaits = false): Change {
  return blocked({ code: 'WI2202', what: `Identity ${place.name} does not exist`, tried: `read ${place.id}`, because: 'there is no such resource', remedy }, awaits);
}

/** The key of an identity's resource: the same for all clusters that share it. */
export function identityKey(place: IdentityPlace): string {
  return `identity ${place.id.toLowerCase()}`;
}
