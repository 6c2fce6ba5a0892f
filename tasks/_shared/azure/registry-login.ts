import { Problem } from '../reconcile/problem.js';
import type { Azure } from './azure.js';
import { exchangeAtRegistry } from './registry-tokens.js';

/** Who brings a refresh token along instead of a password. Source: ACR docs, authentication; Azure/acr, AAD-OAuth. */
const tokenUser = '00000000-0000-0000-0000-000000000000';

/** User and password of a registry. */
export interface RegistryLogin {
  readonly user: string;
  readonly password: string;
}

/**
 * What the run's connection signs in to a container registry of Azure with: its own token, exchanged there. No token is sent to any other host.
 * @param host of the registry, with a port where it has one
 * @returns undefined for hosts outside of the cloud's registries: those are asked without a login.
 * @throws Problem WI4215 when the registry refuses, and what asking for a token throws.
 */
export async function registryLogin(azure: Azure, host: string): Promise<RegistryLogin | undefined> {
  const { cloud, connection } = azure;
  const suffix = cloud.containerRegistrySuffix;
  if (suffix === undefined || !host.toLowerCase().endsWith(`.${suffix}`)) return undefined;
  const token = await azure.token(cloud.containerRegistryAudience);
  const exchanged = await exchangeAtRegistry(azure, { name: host, loginServer: host }, connection.tenantId, token);
  if ('refreshToken' in exchanged) return { user: tokenUser, password: exchanged.refreshToken };
  throw new Problem({
    code: 'WI4215',
    what: `Registry ${host} does not let service connection ${connection.name} in`,
    tried: `exchange its Entra token at ${host}`,
    because: exchanged.refusal,
    remedy: 'grant the connection’s principal AcrPull on the registry (Container Registry Repository Reader where the registry honours roles for repositories), and let the agent’s address through the registry’s firewall',
  });
}
