import type { ArmId } from '../fleet/arm-id.js';
import { Lookup } from '../reconcile/lookup.js';
import { blocked, keep, type Change, type Permission, type Reader } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { object, text } from '../fleet/json.js';

/** A container registry as we use it. Wire names: npm @azure/arm-containerregistry 12.0.0. */
export interface RegistryState {
  readonly id: string;
  readonly name: string;
  readonly loginServer: string;
  /** False where repository conditions decide and AcrPull and AcrPush are ignored. Source: registry docs, ABAC repository permissions. */
  readonly legacyRoles: boolean;
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
    const legacyRoles = text(properties.roleAssignmentMode) !== 'AbacRepositoryPermissions';
    return { id: this.id, name: this.name, loginServer: text(properties.loginServer) ?? '', legacyRoles };
  }

  override reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.ContainerRegistry/registries/read', this.id)];
  }

  plan(observed: RegistryState | undefined): Change {
    if (observed === undefined) {
      return blocked({ code: 'WI2501', what: `Registry ${this.name} was not found`, tried: `read ${this.id}`, because: 'there is no such resource', remedy: 'correct the input registry: an ARM id, or resourceGroup/name in the connection’s subscription' });
    }
    if (observed.legacyRoles) return keep('it honours AcrPull and AcrPush');
    return blocked({
      code: 'WI2502',
      what: `Registry ${this.name} would ignore the grant`,
      because: 'it is in the mode AbacRepositoryPermissions, which does not honour AcrPull and AcrPush',
      remedy: 'grant a Container Registry Repository role with a condition by hand, or use a registry in the mode LegacyRegistryPermissions',
    });
  }
}
