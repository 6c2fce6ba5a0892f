import { entriesIn } from '../_shared/agent/input-text.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import { readRemoval, type RemovalInputs } from '../_shared/agent/removal-inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { namedResource, readPropagationTimeout, readResource, readWorkload } from '../_shared/agent/workload-inputs.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { WorkloadInputs } from '../_shared/fleet/workload.js';

/** The secrets that a workload may read on one cluster. */
export interface SecretsWanted {
  readonly vault: ArmId;
  readonly names: readonly string[];
}

/** The inputs that FederateServiceAccount has besides the shared ones. */
export interface Inputs extends WorkloadInputs {
  /** Whether namespace and service account are made and annotated in the cluster. */
  readonly createServiceAccount: boolean;
  /** By cluster label; a cluster without an entry gets no secret. */
  readonly secrets: ReadonlyMap<string, SecretsWanted>;
  readonly removal: RemovalInputs;
  /** How long a proof waits for what was written to take effect. Milliseconds. */
  readonly propagationTimeoutMs: number;
}

const vaultType = 'Microsoft.KeyVault/vaults';
/** Source: Key Vault docs, about keys, secrets and certificates (object names). */
const secretName = /^[0-9A-Za-z-]{1,127}$/;

const secretForm = 'names of secrets: letters, digits and hyphens, at most 127';

/** Reads the inputs of FederateServiceAccount. */
export function readInputs(inputs: InputReader, shared: SharedInputs): Inputs {
  const workload = readWorkload(inputs, shared.clusters);
  const createServiceAccount = inputs.boolean('createServiceAccount', true);
  return { ...workload, createServiceAccount, secrets: readSecrets(inputs, shared), removal: readRemoval(inputs), propagationTimeoutMs: readPropagationTimeout(inputs) };
}

function readSecrets(inputs: InputReader, { clusters, connection: { subscriptionId } }: SharedInputs): Inputs['secrets'] {
  const common = readResource(inputs, 'keyVault', vaultType, subscriptionId);
  const names = inputs.namesIn('secrets', secretName, secretForm);
  const wanted = clusters.map(({ label, overrides: { keyVault, secrets } }) => ({
    label,
    vault: keyVault === undefined ? common : namedResource(inputs, 'keyVault', keyVault, vaultType, subscriptionId, label),
    names: secrets === undefined ? names : inputs.checkedNames('secrets', entriesIn(secrets), secretName, secretForm, label),
  })).filter((entry) => entry.names.length > 0);
  checkTogether(inputs, common, clusters.length === 0 ? [{ vault: common, names, label: '' }] : wanted);
  return new Map(wanted.flatMap(({ label, vault, names: own }) => (vault === undefined ? [] : [[label, { vault, names: own }] as const])));
}

/** A vault without secrets, or secrets without a vault: one of the two was forgotten, or expanded to nothing. */
function checkTogether(inputs: InputReader, common: ArmId | undefined, wanted: readonly { readonly vault: ArmId | undefined; readonly names: readonly string[]; readonly label: string }[]): void {
  const homeless = wanted.find(({ vault, names }) => vault === undefined && names.length > 0);
  if (homeless !== undefined && inputs.sound('keyVault')) {
    const place = homeless.label === '' ? '' : ` of ${homeless.label}`;
    inputs.contradiction('keyVault', 'is empty', `input secrets names secrets, and nothing says which vault${place} has them`, 'give the vault, here or as keyVault in the entry of each cluster');
  }
  if (common !== undefined && inputs.sound('secrets') && wanted.every(({ names }) => names.length === 0)) {
    inputs.contradiction('secrets', 'is empty', `input keyVault names ${common.name}, and nothing would be granted on it`, 'name the secrets that the workload may read, or leave keyVault empty');
  }
}
