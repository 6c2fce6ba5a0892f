import type { ArmId } from '../fleet/arm-id.js';
import { placeLabel, type WorkloadInputs } from '../fleet/workload.js';
import { entriesIn } from './input-text.js';
import type { InputReader } from './inputs.js';
import type { SharedInputs } from './shared-inputs.js';
import { namedResource, readResource } from './workload-inputs.js';

/** The secrets that a workload has on one cluster. */
export interface SecretsWanted {
  readonly vault: ArmId;
  readonly names: readonly string[];
}

/** What a task takes for names of secrets, and what it does with them. */
export interface SecretsForm {
  readonly pattern: RegExp;
  readonly form: string;
  /** Why a vault without secrets is a mistake: `nothing would be granted on it`. */
  readonly idle: string;
  /** What the names are for: `name the secrets that the workload may read`. */
  readonly remedy: string;
}

const vaultType = 'Microsoft.KeyVault/vaults';

/**
 * Reads the inputs `keyVault` and `secrets`. What a line of serviceAccounts names counts before what the cluster's entry says, and that before the input.
 * @param subscriptionId completes `resourceGroup/name`
 * @returns by the label of the account's place; an account without an entry gets no secret.
 */
export function readSecrets(inputs: InputReader, { clusters }: Pick<SharedInputs, 'clusters'>, workload: WorkloadInputs, subscriptionId: string | undefined, accepted: SecretsForm): ReadonlyMap<string, SecretsWanted> {
  const { pattern, form } = accepted;
  const common = readResource(inputs, 'keyVault', vaultType, subscriptionId);
  const names = inputs.namesIn('secrets', pattern, form);
  const narrowed = new Map(workload.accounts.map((account) => [account, account.secrets === undefined ? undefined : inputs.checkedNames('serviceAccounts', entriesIn(account.secrets), pattern, form)]));
  const wanted = clusters.flatMap((entry) => {
    const { label, overrides: { keyVault, secrets } } = entry;
    const vault = keyVault === undefined ? common : namedResource(inputs, 'keyVault', keyVault, vaultType, subscriptionId, label);
    const own = secrets === undefined ? names : inputs.checkedNames('secrets', entriesIn(secrets), pattern, form, label);
    return workload.accounts.map((account) => ({ label, place: placeLabel(workload, entry, account), vault, names: narrowed.get(account) ?? own }));
  }).filter((one) => one.names.length > 0);
  checkTogether(inputs, common, clusters.length === 0 ? [{ vault: common, names, label: '' }] : wanted, accepted);
  return new Map(wanted.flatMap(({ place, vault, names: own }) => (vault === undefined ? [] : [[place, { vault, names: own }] as const])));
}

/** A vault without secrets, or secrets without a vault: one of the two was forgotten, or expanded to nothing. */
function checkTogether(inputs: InputReader, common: ArmId | undefined, wanted: readonly { readonly vault: ArmId | undefined; readonly names: readonly string[]; readonly label: string }[], { idle, remedy }: SecretsForm): void {
  const homeless = wanted.find(({ vault, names }) => vault === undefined && names.length > 0);
  if (homeless !== undefined && inputs.sound('keyVault')) {
    const place = homeless.label === '' ? '' : ` of ${homeless.label}`;
    inputs.contradiction('keyVault', 'is empty', `input secrets names secrets, and nothing says which vault${place} has them`, 'give the vault, here or as keyVault in the entry of each cluster');
  }
  if (common !== undefined && inputs.sound('secrets', 'serviceAccounts') && wanted.every(({ names }) => names.length === 0)) {
    inputs.contradiction('secrets', 'is empty', `input keyVault names ${common.name}, and ${idle}`, `${remedy}, or leave keyVault empty`);
  }
}
