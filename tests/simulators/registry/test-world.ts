import assert from 'node:assert/strict';
import { tenantId } from '../azure/authority.js';
import { Network } from '../kernel/network.js';
import type { SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { call, FakeAccess, FakeAuthority, json } from './fakes.js';
import { Registry } from './registry.js';
import type { RegistrySettings } from './settings.js';

export const armId = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/contoso';
export const login = 'registry.contoso.sim';
export const origin = `https://${login}`;
const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** A registry on an in-process network, with fakes for Entra and the role store. */
export class World {
  readonly clock = new VirtualClock();
  readonly network = new Network(this.clock);
  readonly authority = new FakeAuthority();
  readonly access = new FakeAccess();
  settings: RegistrySettings = {
    armId,
    loginServer: login,
    roleAssignmentMode: 'LegacyRegistryPermissions',
    adminUserEnabled: false,
    azureADAuthenticationAsArmPolicy: 'enabled',
  };
  readonly registry = new Registry({
    name: 'registry/contoso',
    clock: this.clock,
    authority: this.authority,
    access: this.access,
    settings: () => this.settings,
  });

  static async start(): Promise<World> {
    const world = new World();
    assert.equal(await world.network.attach(world.registry), origin);
    return world;
  }

  exchange(token: string, more: Record<string, string> = {}): Promise<SimResponse> {
    const body = new URLSearchParams({ grant_type: 'access_token', service: login, tenant: tenantId, access_token: token, ...more });
    return call(this.network, 'POST', `${origin}/oauth2/exchange`, { headers: form, body: body.toString() });
  }

  token(refreshToken: string, ...scopes: string[]): Promise<SimResponse> {
    const body = new URLSearchParams({ grant_type: 'refresh_token', service: login, refresh_token: refreshToken });
    for (const scope of scopes) body.append('scope', scope);
    return call(this.network, 'POST', `${origin}/oauth2/token`, { headers: form, body: body.toString() });
  }

  async refreshToken(objectId = 'oid'): Promise<string> {
    const response = await this.exchange(this.authority.issue(objectId, 'https://containerregistry.azure.net'));
    assert.equal(response.status, 200);
    return String(json(response).refresh_token);
  }

  async accessToken(...scopes: string[]): Promise<string> {
    return String(json(await this.token(await this.refreshToken(), ...scopes)).access_token);
  }

  use(method: string, path: string, token: string, headers: Record<string, string> = {}, body: string | Buffer = ''): Promise<SimResponse> {
    return call(this.network, method, `${origin}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers }, body });
  }
}

/** The claims of a JWT, unchecked. */
export function claims(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

/** The first error code of a refusal. */
export function code(response: SimResponse): unknown {
  const errors = json(response).errors as { code: string }[];
  return errors[0]?.code;
}
