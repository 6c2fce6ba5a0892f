import type { AccessControl } from '../azure/authority.js';
import type { RegistrySettings } from './settings.js';

/** One entry of an access token's `access` claim. */
export interface Grant {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

const provider = 'Microsoft.ContainerRegistry/registries';

/**
 * Actions that the registry-wide roles carry. Source: RBAC built-in roles (AcrPull: pull/read, AcrPush: push/write, AcrDelete:
 * artifacts/delete); that metadata and the catalogue follow pull and push is unconfirmed.
 */
const legacyActions: Readonly<Record<string, string>> = {
  pull: `${provider}/pull/read`,
  push: `${provider}/push/write`,
  delete: `${provider}/artifacts/delete`,
  metadata_read: `${provider}/pull/read`,
  metadata_write: `${provider}/push/write`,
};

/** Data actions of the repository roles. Source: ACR docs, Entra ABAC repository permissions; write and delete unconfirmed. */
const repositoryActions: Readonly<Record<string, string>> = {
  pull: `${provider}/repositories/content/read`,
  push: `${provider}/repositories/content/write`,
  delete: `${provider}/repositories/content/delete`,
  metadata_read: `${provider}/repositories/metadata/read`,
  metadata_write: `${provider}/repositories/metadata/write`,
};

/** Parses `type:name:action,action`; undefined when it has another form. */
export function parseScope(text: string): Grant | undefined {
  const match = /^(repository|registry):([^:]+):([a-z_*]+(?:,[a-z_*]+)*)$/.exec(text);
  const [, type, name, actions] = match ?? [];
  if (type === undefined || name === undefined || actions === undefined) return undefined;
  return { type, name, actions: actions.split(',') };
}

/** Decides what a principal may do, by the registry's role assignments at this moment. */
export class Grants {
  constructor(
    private readonly access: AccessControl,
    private readonly settings: () => RegistrySettings,
  ) {}

  /**
   * The asked scope with the actions that the principal really has.
   * @param behindMs how far the replica that answers lies behind
   */
  reduce(objectId: string, asked: Grant, behindMs = 0): Grant {
    return { ...asked, actions: this.#expand(asked).filter((action) => this.#allows({ objectId, behindMs }, asked, action)) };
  }

  #expand(asked: Grant): readonly string[] {
    if (asked.type !== 'repository' || !asked.actions.includes('*')) return asked.actions;
    return Object.keys(repositoryActions);
  }

  #allows(who: { readonly objectId: string; readonly behindMs: number }, asked: Grant, action: string): boolean {
    const { armId: scope, roleAssignmentMode } = this.settings();
    const legacy = roleAssignmentMode === 'LegacyRegistryPermissions';
    if (asked.type === 'registry') {
      if (asked.name !== 'catalog' || action !== '*') return false;
      return legacy
        ? this.access.allows({ ...who, scope, action: `${provider}/pull/read` })
        : this.access.allows({ ...who, scope, action: `${provider}/catalog/read`, data: true });
    }
    const right = (legacy ? legacyActions : repositoryActions)[action];
    if (right === undefined) return false;
    if (legacy) return this.access.allows({ ...who, scope, action: right });
    const attributes = { [`${provider}/repositories:name`]: asked.name };
    return this.access.allows({ ...who, scope, action: right, data: true, attributes });
  }
}
