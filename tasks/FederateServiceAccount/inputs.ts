import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { namedResource, readPropagationTimeout, readResource, readWorkload } from '../_shared/agent/workload-inputs.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
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
  /** How long a proof waits for what was written to take effect. Milliseconds. */
  readonly propagationTimeoutMs: number;
}

const vaultType = 'Microsoft.KeyVault/vaults';
/** Source: Key Vault docs, about keys, secrets and certificates (object names). */
const secretName = /^[0-9A-Za-z-]{1,127}$/;

/** Reads the inputs of FederateServiceAccount. */
export function readInputs(inputs: InputReader, shared: SharedInputs): Inputs {
  const workload = readWorkload(inputs, shared.clusters);
  const createServiceAccount = inputs.boolean('createServiceAccount', true);
  const { subscriptionId } = shared.connection;
  const vault = readResource(inputs, 'keyVault', vaultType, subscriptionId);
  const names = checked(inputs, inputs.lines('secrets'));
  const secrets = new Map<string, SecretsWanted>();
  for (const entry of shared.clusters) {
    const wanted = secretsOf(inputs, entry, vault, names, subscriptionId);
    if (wanted !== undefined) secrets.set(entry.label, wanted);
  }
  return { ...workload, createServiceAccount, secrets, propagationTimeoutMs: readPropagationTimeout(inputs) };
}

function secretsOf(inputs: InputReader, entry: ClusterEntry, vault: ArmId | undefined, names: readonly string[], subscriptionId: string | undefined): SecretsWanted | undefined {
  const { keyVault, secrets } = entry.overrides;
  const ownVault = keyVault === undefined ? vault : namedResource(inputs, 'keyVault', keyVault, vaultType, subscriptionId);
  const ownNames = secrets === undefined ? names : checked(inputs, secrets.split(',').map((name) => name.trim()));
  if (ownNames.length === 0) return undefined;
  if (ownVault === undefined) {
    inputs.refuse('keyVault', '', `the vault that holds the secrets ${ownNames.join(', ')} of ${entry.label}`);
    return undefined;
  }
  return { vault: ownVault, names: ownNames };
}

function checked(inputs: InputReader, names: readonly string[]): readonly string[] {
  for (const name of names) {
    if (!secretName.test(name)) inputs.refuse('secrets', name, 'names of secrets: letters, digits and hyphens, at most 127');
  }
  return names;
}
