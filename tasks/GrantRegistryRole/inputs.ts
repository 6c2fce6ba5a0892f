import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { namedResource, readPropagationTimeout, readResource, readWorkload } from '../_shared/agent/workload-inputs.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { WorkloadInputs } from '../_shared/fleet/workload.js';

/** Whom the role is for. */
export type Grantee = { readonly kind: 'workload'; readonly workload: WorkloadInputs } | { readonly kind: 'kubelet' };

/** The inputs that GrantRegistryRole has besides the shared ones. */
export interface Inputs {
  readonly role: 'AcrPull' | 'AcrPush';
  readonly grantee: Grantee;
  /** By cluster label. */
  readonly registries: ReadonlyMap<string, ArmId>;
  /** The repository with which the grant is proven. */
  readonly repository: string | undefined;
  /** How long a proof waits for what was written to take effect. Milliseconds. */
  readonly propagationTimeoutMs: number;
}

const registryType = 'Microsoft.ContainerRegistry/registries';
/** Source: OCI distribution specification, repository names. */
const repositoryName = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;

/** Reads the inputs of GrantRegistryRole. */
export function readInputs(inputs: InputReader, shared: SharedInputs): Inputs {
  const role = inputs.choice('role', ['AcrPull', 'AcrPush'], 'AcrPull');
  const kind = inputs.choice('principal', ['workload', 'kubelet'], 'workload');
  const grantee: Grantee = kind === 'kubelet' ? { kind } : { kind, workload: readWorkload(inputs, shared.clusters) };
  const { subscriptionId } = shared.connection;
  const common = readResource(inputs, 'registry', registryType, subscriptionId);
  const registries = new Map<string, ArmId>();
  for (const { label, overrides } of shared.clusters) {
    const own = overrides.registry === undefined ? common : namedResource(inputs, 'registry', overrides.registry, registryType, subscriptionId);
    if (own !== undefined) registries.set(label, own);
  }
  if (common === undefined && (shared.clusters.length === 0 || registries.size < shared.clusters.length)) inputs.text('registry');
  const repository = inputs.optionalText('repository');
  if (repository !== undefined && !repositoryName.test(repository)) inputs.refuse('repository', repository, 'a repository name such as orders/api');
  if (kind === 'workload' && repository === undefined) inputs.text('repository');
  return { role, grantee, registries, repository, propagationTimeoutMs: readPropagationTimeout(inputs) };
}
