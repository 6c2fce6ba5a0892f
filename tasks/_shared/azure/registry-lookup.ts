import type { ArmId } from '../fleet/arm-id.js';
import { Lookup } from '../reconcile/lookup.js';
import { blocked, keep, type Change, type Permission, type Reader } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { object, text } from '../fleet/json.js';
import type { RegistryMode } from './registry-roles.js';

/** A container registry as we use it. Wire names: npm @azure/arm-containerregistry 12.0.0. */
export interface RegistryState {
  readonly id: string;
  readonly name: string;
  readonly loginServer: string;
  readonly mode: RegistryMode;
}

/** A container registry that a task only reads. */
export class RegistryLookup extends Lookup<RegistryState> {
  readonly kind = 'registry';

  constructor(
    private readonly azure: Azure,
    place: ArmId,
  ) {
    super(`registry ${place.id.toLowerCase()}`, place.name, place.id);
  }

  async observe(reader: Reader): Promise<RegistryState | undefined> {
    const purpose = { tried: `read ${this.id}`, what: `Registry ${this.name} cannot be read` };
    const raw = await reader.once(this.key, () => this.azure.arm.get(this.id, apiVersions.registries, purpose));
    if (raw === undefined) return undefined;
    const properties = object(raw.properties);
    const mode = text(properties.roleAssignmentMode) === 'AbacRepositoryPermissions' ? 'AbacRepositoryPermissions' : 'LegacyRegistryPermissions';
    return { id: this.id, name: this.name, loginServer: text(properties.loginServer) ?? '', mode };
  }

  override reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.ContainerRegistry/registries/read', this.id)];
  }

  plan(observed: RegistryState | undefined): Change {
    if (observed === undefined) {
      return blocked({ code: 'WI2501', what: `Registry ${this.name} was not found`, tried: `read ${this.id}`, because: 'there is no such resource', remedy: 'correct the input registry: an ARM id, or resourceGroup/name in the connection’s subscription' });
    }
    return keep(observed.mode === 'LegacyRegistryPermissions' ? 'it honours AcrPull, AcrPush and AcrDelete' : 'it honours roles for repositories, and ignores AcrPull, AcrPush and AcrDelete');
  }
}
