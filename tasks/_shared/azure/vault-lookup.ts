import type { ArmId } from '../fleet/arm-id.js';
import { Lookup } from '../reconcile/lookup.js';
import { blocked, keep, type Change, type Permission, type Reader } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { object, text } from '../fleet/json.js';

/** A key vault as we use it. Wire names: npm @azure/arm-keyvault 5.0.0. */
export interface VaultState {
  readonly id: string;
  readonly name: string;
  /** With its trailing slash. */
  readonly uri: string;
  /** True where roles decide; false where access policies do. Null counts as access policies. Source: Key Vault docs, access-control-default. */
  readonly rbac: boolean;
}

/** A key vault that a task only reads. */
export class VaultLookup extends Lookup<VaultState> {
  readonly kind = 'key vault';

  constructor(
    private readonly azure: Azure,
    place: ArmId,
  ) {
    super(`key vault ${place.id.toLowerCase()}`, place.name, place.id);
  }

  async observe(reader: Reader): Promise<VaultState | undefined> {
    const purpose = { tried: `read ${this.id}`, what: `Key vault ${this.name} cannot be read` };
    const raw = await reader.once(this.key, () => this.azure.arm.get(this.id, apiVersions.vaults, purpose));
    if (raw === undefined) return undefined;
    const properties = object(raw.properties);
    return { id: this.id, name: this.name, uri: text(properties.vaultUri) ?? '', rbac: properties.enableRbacAuthorization === true };
  }

  override reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.KeyVault/vaults/read', this.id)];
  }

  plan(observed: VaultState | undefined): Change {
    if (observed === undefined) {
      return blocked({ code: 'WI2401', what: `Key vault ${this.name} was not found`, tried: `read ${this.id}`, because: 'there is no such resource', remedy: 'correct the input keyVault: an ARM id, or resourceGroup/name in the connection’s subscription' });
    }
    if (observed.rbac) return keep('roles decide who reads its secrets');
    return blocked({
      code: 'WI2402',
      what: `Key vault ${this.name} cannot be granted secret by secret`,
      because: 'it uses access policies, which know no single secrets',
      remedy: 'switch the vault to Azure role-based access control, or keep this workload’s secrets in a vault that uses it',
    });
  }
}
