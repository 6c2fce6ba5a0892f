import type { ArmId } from '../fleet/arm-id.js';
import { Lookup } from '../reconcile/lookup.js';
import { blocked, keep, type Change, type Permission, type Reader } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';
import { object, text, type Json } from '../fleet/json.js';
import type { RegistryMode } from './registry-roles.js';

/** A container registry as we use it. Wire names: npm @azure/arm-containerregistry 12.0.0. */
export interface RegistryState {
  readonly id: string;
  readonly name: string;
  readonly loginServer: string;
  readonly mode: RegistryMode;
}

/** Reads a registry, once per run; undefined when there is none. */
export function readRegistry(azure: Azure, { id, name }: Pick<ArmId, 'id' | 'name'>, reader: Reader): Promise<Json | undefined> {
  return reader.once(`registry ${id.toLowerCase()}`, () => azure.arm.get(id, apiVersions.registries, { tried: `read ${id}`, what: `Registry ${name} cannot be read` }));
}

/** What reading a registry takes. */
export function registryRight(azure: Azure, id: string): Permission {
  return rightAt(azure, 'Microsoft.ContainerRegistry/registries/read', id);
}

/** The change for a registry that is not there. */
export function missingRegistry({ id, name }: Pick<ArmId, 'id' | 'name'>): Change {
  return blocked({ code: 'WI2501', what: `Registry ${name} was not found`, tried: `read ${id}`, because: 'there is no such resource', remedy: 'correct the input registry: an ARM id, or resourceGroup/name in the connection’s subscription' });
}

/** A container registry that a task only reads. */
export class RegistryLookup extends Lookup<RegistryState> {
  readonly kind = 'registry';

  constructor(
    private readonly azure: Azure,
    private readonly place: ArmId,
  ) {
    super(`registry ${place.id.toLowerCase()}`, place.name, place.id);
  }

  async observe(reader: Reader): Promise<RegistryState | undefined> {
    const raw = await readRegistry(this.azure, this.place, reader);
    if (raw === undefined) return undefined;
    const properties = object(raw.properties);
    const mode = text(properties.roleAssignmentMode) === 'AbacRepositoryPermissions' ? 'AbacRepositoryPermissions' : 'LegacyRegistryPermissions';
    return { id: this.id, name: this.name, loginServer: text(properties.loginServer) ?? '', mode };
  }

  override reads(): Permission[] {
    return [registryRight(this.azure, this.id)];
  }

  plan(observed: RegistryState | undefined): Change {
    if (observed === undefined) return missingRegistry(this.place);
    return keep(observed.mode === 'LegacyRegistryPermissions' ? 'it honours AcrPull, AcrPush and AcrDelete' : 'it honours roles for repositories, and ignores AcrPull, AcrPush and AcrDelete');
  }
}
