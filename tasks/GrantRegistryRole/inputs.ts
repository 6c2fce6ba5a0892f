import { readBoundaryPolicy, type GivenPolicy } from '../_shared/agent/boundary-input.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import { readRemoval, type RemovalInputs } from '../_shared/agent/removal-inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { namedResource, readPropagationTimeout, readResource, readWorkloads } from '../_shared/agent/workload-inputs.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { WorkloadInputs } from '../_shared/fleet/workload.js';
import { readAdminUser, type AdminUserInputs } from './admin-user-inputs.js';

/** Whom the role is for. */
export type Grantee = { readonly kind: 'workload'; readonly workload: WorkloadInputs } | { readonly kind: 'kubelet' };

/** The inputs that GrantRegistryRole has besides the shared ones. */
export interface Inputs {
  readonly role: 'AcrPull' | 'AcrPush';
  readonly grantee: Grantee;
  readonly boundaries: GivenPolicy;
  /** By cluster label. */
  readonly registries: ReadonlyMap<string, ArmId>;
  /** The repository with which the grant is proven. */
  readonly repository: string | undefined;
  readonly removal: RemovalInputs;
  /** How long a proof waits for what was written to take effect. Milliseconds. */
  readonly propagationTimeoutMs: number;
  readonly adminUser: AdminUserInputs;
}

const registryType = 'Microsoft.ContainerRegistry/registries';
/** Source: OCI distribution specification, repository names. */
const repositoryName = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;
/** The host of a registry in the place of the first part: `name.azurecr.io`, `.cn` and `.us`. */
const withHost = /^[^/]+\.azurecr\.[a-z]+\//;

/** Reads the inputs of GrantRegistryRole. */
export function readInputs(inputs: InputReader, shared: SharedInputs): Inputs {
  const registries = readRegistries(inputs, shared);
  const role = inputs.choice('role', ['AcrPull', 'AcrPush'], 'AcrPull');
  const kind = inputs.choice('principal', ['workload', 'kubelet'], 'workload');
  const repository = kind === 'workload' ? readRepository(inputs) : undefined;
  const grantee: Grantee = kind === 'kubelet' ? { kind } : { kind, workload: readWorkloads(inputs, shared.clusters) };
  const boundaries = readBoundaryPolicy(inputs);
  const removal = readRemoval(inputs);
  const adminUser = readAdminUser(inputs, shared, { role, principal: kind, state: removal.state });
  return { role, grantee, boundaries, registries, repository, removal, propagationTimeoutMs: readPropagationTimeout(inputs), adminUser };
}

function readRegistries(inputs: InputReader, { clusters, connection: { subscriptionId } }: SharedInputs): Inputs['registries'] {
  const common = readResource(inputs, 'registry', registryType, subscriptionId);
  if (common === undefined && inputs.sound('registry') && (clusters.length === 0 || clusters.some(({ overrides }) => overrides.registry === undefined))) inputs.text('registry');
  return new Map(clusters.flatMap(({ label, overrides: { registry } }) => {
    const own = registry === undefined ? common : namedResource(inputs, 'registry', registry, registryType, subscriptionId, label);
    return own === undefined ? [] : [[label, own] as const];
  }));
}

function readRepository(inputs: InputReader): string {
  const repository = inputs.text('repository');
  const isName = repository.length <= 255 && repositoryName.test(repository) && !withHost.test(repository);
  if (repository !== '' && !isName) inputs.refuse('repository', repository, 'a repository name such as orders/api, without host and tag');
  return repository;
}
