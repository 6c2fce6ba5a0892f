import { readBoundaryPolicy, type GivenPolicy } from '../_shared/agent/boundary-input.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import { readRemoval, type RemovalInputs } from '../_shared/agent/removal-inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { readSecrets, type SecretsWanted } from '../_shared/agent/vault-inputs.js';
import { placeEarly, readPropagationTimeout, readProveFrom, readWorkloads, type ProveFrom } from '../_shared/agent/workload-inputs.js';
import type { OtherConnections } from '../_shared/agent/shared-inputs.js';
import { longestTag } from '../_shared/azure/identity.js';
import { itemForm, itemPattern } from '../_shared/azure/vault-items.js';
import type { PlacedWorkload, WorkloadInputs } from '../_shared/fleet/workload.js';
import { readAccess, type AccessInputs } from './secrets-inputs.js';

/** The inputs that FederateServiceAccount has besides the shared ones. */
export interface Inputs extends WorkloadInputs, AccessInputs {
  /** Tag of identities that are made; absent where nobody is named. */
  readonly owner?: string;
  /** Whether namespace and service account are made and annotated in the cluster. */
  readonly createServiceAccount: boolean;
  readonly boundaries: GivenPolicy;
  /** Whether workloads are restarted whose pods do not have the identity yet. */
  readonly restartWorkloads: boolean;
  /** By the label of the account's place; an account without an entry gets no secret. */
  readonly secrets: ReadonlyMap<string, SecretsWanted>;
  readonly removal: RemovalInputs;
  readonly proveFrom: ProveFrom;
  /** How long a proof waits for what was written to take effect. Milliseconds. */
  readonly propagationTimeoutMs: number;
}

/** What secrets are granted. */
const granted = { pattern: itemPattern, form: itemForm, idle: 'nothing would be granted on it', remedy: 'name the secrets that the workload may read' };

/** Reads the inputs of FederateServiceAccount. */
export function readInputs(inputs: InputReader, shared: SharedInputs, connections: OtherConnections): Inputs {
  const workload = readWorkloads(inputs, shared.clusters);
  const access = readAccess(inputs, connections);
  const createServiceAccount = inputs.boolean('createServiceAccount', true);
  const restartWorkloads = inputs.boolean('restartWorkloads');
  if (restartWorkloads && !createServiceAccount && inputs.sound('createServiceAccount')) {
    inputs.contradiction('restartWorkloads', 'is true', 'input createServiceAccount is false, so that this task does not know whether pods would get the identity', 'leave the restart to what annotates the service account, or let this task do both');
  }
  const boundaries = readBoundaryPolicy(inputs);
  const secrets = readSecrets(inputs, shared, workload, (access.vaultConnection ?? shared.connection).subscriptionId, granted);
  if (inputs.sound('serviceAccounts', 'identity', 'identityResourceGroup', 'secrets', 'keyVault')) checkSharers(inputs, shared, workload, secrets);
  const owner = readOwner(inputs);
  return { ...workload, ...owner, ...access, createServiceAccount, boundaries, restartWorkloads, secrets, removal: readRemoval(inputs), proveFrom: readProveFrom(inputs), propagationTimeoutMs: readPropagationTimeout(inputs) };
}

function readOwner(inputs: InputReader): { owner?: string } {
  const owner = inputs.optionalText('owner');
  if (owner !== undefined && owner.length > longestTag) inputs.refuse('owner', owner, `at most ${longestTag} characters: it becomes a tag`);
  return owner === undefined ? {} : { owner };
}

/** Accounts with secrets of their own need identities of their own: who has the identity has all that it may read. */
function checkSharers(inputs: InputReader, { clusters }: SharedInputs, workload: WorkloadInputs, secrets: Inputs['secrets']): void {
  if (workload.accounts.every((account) => account.secrets === undefined)) return;
  const first = new Map<string, PlacedWorkload>();
  const mayRead = ({ label }: PlacedWorkload): string => [...(secrets.get(label)?.names ?? [])].map((name) => name.toLowerCase()).sort().join();
  for (const one of placeEarly(workload, clusters)) {
    const key = `${one.entry.id} ${one.identity.id.toLowerCase()}`;
    const other = first.get(key) ?? one;
    first.set(key, other);
    if (mayRead(one) === mayRead(other)) continue;
    const [here, there] = [other, one].map(({ namespace, serviceAccount }) => `${namespace}/${serviceAccount}`) as [string, string];
    inputs.contradiction('serviceAccounts', `gives ${here} and ${there} different secrets`, `they share the identity ${one.identity.name}, so each could read those of the other`, 'put {serviceAccount} into the pattern of the input identity, or give them the same secrets');
    return;
  }
}
