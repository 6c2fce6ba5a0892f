import { Problem } from '../reconcile/problem.js';
import type { ProofContext } from '../reconcile/proof.js';
import { until, type Attempt } from '../reconcile/retry.js';
import type { Azure } from './azure.js';
import type { AzureResponse } from './http.js';
import { serviceError } from './errors.js';
import { list, object, text } from '../fleet/json.js';
import type { RegistryState } from './registry-lookup.js';
import { gives, listAssignments } from './role-assignments.js';
import { roles } from './roles.js';
import { tokenPayload } from './token-exchange.js';

/** Who asks the registry, for what. */
export interface RegistryCaller {
  /** Entra token of the identity for the registry audience. */
  readonly token: () => Promise<string>;
  readonly tenantId: string;
  readonly principalId: string;
  readonly identityName: string;
}

/** What has to be allowed. */
export interface RegistryGrant {
  readonly role: 'AcrPull' | 'AcrPush';
  readonly repository: string;
}

const actionsOf = { AcrPull: ['pull'], AcrPush: ['pull', 'push'] } as const;

/**
 * Walks the registry's token flow (Entra token → refresh token → access token) until the access token carries the granted
 * actions on the repository. Source: Azure/acr, AAD-OAuth.
 * @throws Problem WI2503 at once when a strong read shows no grant, WI2504 at the deadline.
 */
export async function walkTokenFlow(azure: Azure, registry: RegistryState, grant: RegistryGrant, caller: RegistryCaller, deadlineMs: number, context: ProofContext): Promise<void> {
  const waiting = { clock: azure.clock, signal: context.signal, progress: (line: string) => context.progress(line) };
  const patience = { deadlineMs, firstWaitMs: 1_000, longestWaitMs: 20_000, growth: 1.2 };
  await until(patience, waiting, () => tryFlow(azure, registry, grant, caller, deadlineMs));
}

async function tryFlow(azure: Azure, registry: RegistryState, grant: RegistryGrant, caller: RegistryCaller, deadlineMs: number): Promise<Attempt<undefined>> {
  const wanted = actionsOf[grant.role];
  const { actions, refusal } = await allowedActions(azure, registry, grant, caller);
  if (wanted.every((action) => actions.includes(action))) return { done: undefined };
  const because = refusal ?? `the token that it issued allows ${actions.length === 0 ? 'nothing' : actions.join(' and ')} there`;
  const parts = {
    what: `Identity ${caller.identityName} may not ${wanted.join(' and ')} repository ${grant.repository} of registry ${registry.name}`,
    tried: `get a registry token for repository:${grant.repository}:${wanted.join(',')}`,
    because,
  };
  if (refusal !== undefined && /firewall|is not allowed access/i.test(refusal)) {
    throw new Problem({ ...parts, code: 'WI2505', remedy: 'let the agent’s address through the registry’s firewall, or run the job on an agent inside the network; the grant itself is in place' });
  }
  const assignments = await listAssignments(azure, registry.id, caller.principalId);
  const accepted = grant.role === 'AcrPull' ? [roles.AcrPull, roles.AcrPush] : [roles.AcrPush];
  const granted = assignments.some((entry) => gives(entry, accepted, registry.id));
  if (!granted) {
    const missing = `no role assignment gives it ${grant.role} on the registry`;
    throw new Problem({ ...parts, code: 'WI2503', because: missing, remedy: 'run GrantRegistryRole again; if something removes the assignment, find it in the Activity Log of the registry' });
  }
  const remedy = `the assignment is in place but did not act within ${Math.round(deadlineMs / 1000)} s: raise propagationTimeoutInMinutes or run again`;
  return { wait: `${grant.role} is assigned, the registry does not act on it yet`, failure: new Problem({ ...parts, code: 'WI2504', remedy }) };
}

/** Both exchanges; the actions of the access token's claim, or the registry's refusal. */
async function allowedActions(azure: Azure, registry: RegistryState, grant: RegistryGrant, caller: RegistryCaller): Promise<{ actions: string[]; refusal?: string }> {
  const service = registry.loginServer;
  const exchange = await post(azure, registry, '/oauth2/exchange', { grant_type: 'access_token', service, tenant: caller.tenantId, access_token: await caller.token() });
  const refreshToken = text(object(exchange.body).refresh_token);
  if (refreshToken === undefined) return refused(exchange);
  const scope = `repository:${grant.repository}:${actionsOf[grant.role].join(',')}`;
  const access = await post(azure, registry, '/oauth2/token', { grant_type: 'refresh_token', service, scope, refresh_token: azure.secret(refreshToken) });
  const token = text(object(access.body).access_token);
  if (token === undefined) return refused(access);
  const entries = list(tokenPayload(azure.secret(token)).access).map(object);
  const entry = entries.find((item) => item.type === 'repository' && item.name === grant.repository);
  return { actions: list(entry?.actions).flatMap((action) => text(action) ?? []) };
}

function refused(response: AzureResponse): { actions: string[]; refusal: string } {
  return { actions: [], refusal: `it refused with ${response.status}: ${serviceError(response.status, response.body).message}` };
}

function post(azure: Azure, registry: RegistryState, path: string, form: Record<string, string>): Promise<AzureResponse> {
  return azure.http.send({
    method: 'POST',
    url: `https://${registry.loginServer}${path}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
    signal: azure.signal,
    expect: [400, 401, 403],
    tried: `call ${path} of registry ${registry.name}`,
    what: `Registry ${registry.name} cannot be reached`,
  });
}
