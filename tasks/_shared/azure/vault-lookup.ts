import type { ArmId } from '../fleet/arm-id.js';
import { object, objects, text } from '../fleet/json.js';
import { sharedReader } from '../reconcile/plan.js';
import { Lookup } from '../reconcile/lookup.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { blocked, keep, type Change, type Permission, type Reader } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { readVault, type VaultState } from './vault-state.js';

/** What decides who reads a vault: role assignments, down to single items, or access policies for the vault as a whole. */
export type VaultMode = 'roles' | 'policies';

/**
 * What decides in a vault, before a plan is made: it decides what is planned.
 * @param unreadable as what a vault counts that cannot be read: what is planned then reads it again, and says why it cannot
 */
export async function vaultMode(azure: Azure, place: ArmId, unreadable: VaultMode): Promise<VaultMode> {
  try {
    return (await readVault(azure, sharedReader(), place))?.rbac === false ? 'policies' : 'roles';
  } catch {
    azure.signal.throwIfAborted();
    return unreadable;
  }
}

/** A key vault that a task only reads. */
export class VaultLookup extends Lookup<VaultState> {
  readonly kind = 'key vault';

  /** @param mode what the grants on it were planned for; `either` where nothing is granted */
  constructor(
    private readonly azure: Azure,
    private readonly place: ArmId,
    private readonly mode: VaultMode | 'either' = 'roles',
  ) {
    super(`key vault ${place.id.toLowerCase()}`, place.name, place.id);
  }

  /** @throws Problem WI2411 for a vault that was deleted and can be recovered. */
  async observe(reader: Reader): Promise<VaultState | undefined> {
    const found = await readVault(this.azure, reader, this.place);
    const gone = found === undefined ? await this.deleted() : undefined;
    if (gone !== undefined) throw new Problem(gone);
    return found;
  }

  override reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.KeyVault/vaults/read', this.id)];
  }

  plan(observed: VaultState | undefined): Change {
    if (observed === undefined) {
      return blocked({ code: 'WI2401', what: `Key vault ${this.name} was not found`, tried: `read ${this.id}`, because: 'there is no such resource', remedy: 'correct the input keyVault: an ARM id, or resourceGroup/name in the connection’s subscription' });
    }
    const wanted = observed.rbac ? 'roles' : 'policies';
    if (this.mode === 'either') return keep('it is there');
    if (wanted === this.mode) return keep(observed.rbac ? 'roles decide who reads its secrets' : 'access policies decide who reads it, as a whole');
    if (!observed.rbac) {
      return blocked({
        code: 'WI2402',
        what: `Key vault ${this.name} cannot be granted secret by secret`,
        because: 'it uses access policies, which know no single secrets: whoever may get one may get all',
        remedy: 'switch the vault to Azure role-based access control, or keep this workload’s secrets in a vault that uses it, or set allowVaultWideAccess to true if the workload may read everything in this vault',
      });
    }
    return blocked({ code: 'WI2412', what: `Key vault ${this.name} was switched to roles while the run was made ready`, because: 'its access policies have no effect any more', remedy: 'run again: the grants are planned as role assignments then' });
  }

  /**
   * Why a vault is not there: it was deleted, and its name is taken until it is purged. A list that may not be read says nothing.
   * Source: Key Vault docs, soft-delete overview; npm @azure/arm-keyvault 5.0.0, vaults.listDeleted.
   */
  private async deleted(): Promise<ProblemParts | undefined> {
    const list = `/subscriptions/${this.place.subscriptionId}/providers/Microsoft.KeyVault/deletedVaults`;
    const found = await this.azure.arm.list(list, apiVersions.vaults, { tried: `list deleted vaults`, what: 'Deleted vaults cannot be listed' }).catch(() => {
      this.azure.signal.throwIfAborted();
      return [];
    });
    const gone = objects(found).find(({ name }) => text(name)?.toLowerCase() === this.name.toLowerCase());
    if (gone === undefined) return undefined;
    const { vaultId, location, deletionDate, scheduledPurgeDate } = object(gone.properties);
    const where = text(vaultId)?.toLowerCase() === this.id.toLowerCase() ? '' : ` (as ${text(vaultId) ?? 'another resource'})`;
    return {
      code: 'WI2411',
      what: `Key vault ${this.name} is deleted`,
      tried: `read ${this.id}`,
      because: `it was deleted${where} on ${text(deletionDate) ?? 'an unknown day'} and can be recovered until ${text(scheduledPurgeDate) ?? 'it is purged'}`,
      remedy: `recover it with its contents (az keyvault recover --name ${this.name} --location ${text(location) ?? '…'}), or name another vault; a new one can take the name only after az keyvault purge, which is final and which purge protection refuses`,
    };
  }
}
