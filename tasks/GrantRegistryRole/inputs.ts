import { readBoundaryPolicy, type GivenPolicy } from '../_shared/agent/boundary-input.js';
import { readRoleAssignmentLimit } from '../_shared/agent/grant-inputs.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import { readRemoval, type RemovalInputs } from '../_shared/agent/removal-inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import type { OtherConnections } from '../_shared/agent/shared-inputs.js';
import { namedResource, readPropagationTimeout, readProveFrom, readResource, readWorkloads, type ProveFrom } from '../_shared/agent/workload-inputs.js';
import type { ServiceConnection } from '../_shared/azure/connection.js';
import { registryRoles, type RegistryRole } from '../_shared/azure/registry-roles.js';
import { principalTypes, type PrincipalType } from '../_shared/azure/role-assignment-write.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import { guid } from '../_shared/fleet/guid.js';
import type { WorkloadInputs } from '../_shared/fleet/workload.js';
import { readAdminUser, type AdminUserInputs } from './admin-user-inputs.js';

/** A principal that is known by its object id only. */
export interface ObjectPrincipal {
  readonly id: string;
  readonly type: PrincipalType;
}

/** Whom the role is for. */
export type Grantee = { readonly kind: 'workload'; readonly workload: WorkloadInputs } | { readonly kind: 'kubelet' } | ({ readonly kind: 'objectId' } & ObjectPrincipal);

/** The inputs that GrantRegistryRole has besides the shared ones. */
export interface Inputs {
  readonly role: RegistryRole;
  readonly grantee: Grantee;
  readonly boundaries: GivenPolicy;
  /** By cluster label. */
  readonly registries: ReadonlyMap<string, ArmId>;
  /** The service connection that may grant on the registries; undefined for the run's own. */
  readonly registryConnection: ServiceConnection | undefined;
  /** What the role is for where a registry knows repositories, and what the grant is proven with. Names, and beginnings such as `backend/*`. */
  readonly repositories: readonly string[];
  /** Role assignments that a subscription can have. */
  readonly roleAssignmentLimit: number;
  readonly proveFrom: ProveFrom;
  readonly removal: RemovalInputs;
  /** How long a proof waits for what was written to take effect. Milliseconds. */
  readonly propagationTimeoutMs: number;
  readonly adminUser: AdminUserInputs;
}

const registryType = 'Microsoft.ContainerRegistry/registries';
/**
 * A name, or the beginning of names and a star; not after the host of a registry. Source: OCI distribution specification, repository names.
 */
const repository = /^(?![^/]+\.azurecr\.[a-z]+\/)(?=.{1,255}$)[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*([._/-]?\*)?$/;
const repositoryForm = 'names of repositories such as orders/api, or backend/* for all that begin so, without host and tag';

/** Reads the inputs of GrantRegistryRole. */
export function readInputs(inputs: InputReader, shared: SharedInputs, connections: OtherConnections): Inputs {
  const registryConnection = connections('registryConnection');
  const registries = readRegistries(inputs, shared, registryConnection ?? shared.connection);
  const role = inputs.choice('role', registryRoles, 'AcrPull');
  const kind = inputs.choice('principal', ['workload', 'kubelet', 'objectId'], 'workload');
  const proveFrom = readProveFrom(inputs);
  const removal = readRemoval(inputs);
  const repositories = inputs.namesIn('repositories', repository, repositoryForm);
  if (kind === 'workload' && proveFrom === 'agent' && removal.state === 'present' && repositories.length === 0 && inputs.sound('repositories')) inputs.text('repositories');
  const grantee = readGrantee(inputs, shared, kind);
  const boundaries = readBoundaryPolicy(inputs);
  const roleAssignmentLimit = readRoleAssignmentLimit(inputs);
  const adminUser = readAdminUser(inputs, shared, { role, principal: kind, state: removal.state, proveFrom });
  return { role, grantee, boundaries, registries, registryConnection, repositories, roleAssignmentLimit, removal, proveFrom, propagationTimeoutMs: readPropagationTimeout(inputs), adminUser };
}

function readGrantee(inputs: InputReader, { clusters }: SharedInputs, kind: Grantee['kind']): Grantee {
  if (kind === 'objectId') {
    return { kind, id: inputs.matching('principalId', guid, 'the object id of the principal, a GUID; for an application that of its service principal').toLowerCase(), type: inputs.choice('principalType', principalTypes, 'ServicePrincipal') };
  }
  return kind === 'kubelet' ? { kind } : { kind, workload: readWorkloads(inputs, clusters) };
}

function readRegistries(inputs: InputReader, { clusters }: SharedInputs, { subscriptionId }: Pick<ServiceConnection, 'subscriptionId'>): Inputs['registries'] {
  const common = readResource(inputs, 'registry', registryType, subscriptionId);
  if (common === undefined && inputs.sound('registry') && (clusters.length === 0 || clusters.some(({ overrides }) => overrides.registry === undefined))) inputs.text('registry');
  return new Map(clusters.flatMap(({ label, overrides: { registry } }) => {
    const own = registry === undefined ? common : namedResource(inputs, 'registry', registry, registryType, subscriptionId, label);
    return own === undefined ? [] : [[label, own] as const];
  }));
}
