import { lastPart } from '../fleet/arm-id.js';
import { Problem } from '../reconcile/problem.js';
import { successesInARow, type ProofContext } from '../reconcile/proof.js';
import { until, type Attempt } from '../reconcile/retry.js';
import type { Azure } from './azure.js';
import { list, object, text, texts } from '../fleet/json.js';
import { unusedName } from '../fleet/names.js';
import type { RegistryState } from './registry-lookup.js';
import { exchangeAtRegistry, postToRegistry, refusalOf, type Form } from './registry-tokens.js';
import { explains, givesOn, notGranted, repositoryRoleOf, tokenActions, type RegistryRole } from './registry-roles.js';
import { listAssignments } from './role-assignments.js';
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
  readonly role: RegistryRole;
  /** Names, and beginnings such as `backend/*`. */
  readonly repositories: readonly string[];
}

/**
 * Walks the registry's token flow (Entra token → refresh token → access token) until the access token carries the granted
 * actions on each repository. Source: Azure/acr, AAD-OAuth.
 * @returns the refresh token, with which {@link refusedElsewhere} goes on.
 * @throws Problem WI2503 at once when a strong read shows no grant, WI2504 at the deadline, WI2505 when the registry does not let this agent in.
 */
export async function walkTokenFlow(azure: Azure, registry: RegistryState, grant: RegistryGrant, caller: RegistryCaller, deadlineMs: number, context: ProofContext): Promise<string> {
  const waiting = { clock: azure.clock, signal: context.signal, progress: (line: string) => context.progress(line) };
  const patience = { deadlineMs, firstWaitMs: 1_000, longestWaitMs: 20_000, growth: 1.2, inARow: successesInARow(context) };
  return until(patience, waiting, () => tryFlow(azure, registry, grant, caller, deadlineMs));
}

/** What was asked for beyond the grant, and how it was answered. */
export interface Elsewhere {
  /** `push` or `another repository` */
  readonly what: string;
  /** Name of another assignment that allows it; absent when it was refused. */
  readonly allowedBy?: string;
}

/**
 * Asks for what was not granted: in the legacy mode for an action that the role does not have, else for a repository that nobody has. A registry
 * does not look whether a repository exists before it issues a token.
 * @param refreshToken as {@link walkTokenFlow} gave it
 * @throws Problem WI2514 when it is allowed and no assignment of the identity itself says why.
 */
export async function refusedElsewhere(azure: Azure, registry: RegistryState, { role, repositories: [first = ''] }: RegistryGrant, caller: RegistryCaller, refreshToken: string): Promise<Elsewhere> {
  const forbidden = notGranted(registry.mode, role, sampleOf(first, registry, caller), stranger(registry, caller));
  const scope = { repository: forbidden.repository, actions: forbidden.actions };
  const { carried } = await accessToken(azure, registry, [scope], refreshToken);
  const allowed = forbidden.actions.filter((action) => carried.get(forbidden.repository)?.includes(action) === true);
  const what = registry.mode === 'LegacyRegistryPermissions' ? forbidden.actions.join(' and ') : 'another repository';
  if (allowed.length === 0) return { what };
  const known = (await listAssignments(azure, registry.id, caller.principalId)).find((entry) => explains(registry.mode, forbidden, registry.id, entry));
  if (known !== undefined) return { what, allowedBy: lastPart(known.id) };
  throw new Problem({
    code: 'WI2514',
    what: `Identity ${caller.identityName} reaches more of registry ${registry.name} than was granted`,
    tried: `get a registry token for repository:${forbidden.repository}:${forbidden.actions.join(',')}, which nobody granted`,
    because: `the token allows ${allowed.join(' and ')} there, and no assignment of the identity itself says why: a group that it belongs to has a broader role, or a custom role gives it`,
    remedy: `find the broader assignment (az role assignment list --assignee ${caller.principalId} --scope ${registry.id} --include-inherited --include-groups) and remove it`,
  });
}

async function tryFlow(azure: Azure, registry: RegistryState, grant: RegistryGrant, caller: RegistryCaller, deadlineMs: number): Promise<Attempt<string>> {
  const { role, repositories } = grant;
  const actions = tokenActions(registry.mode, role);
  const scopes = repositories.map((repository) => ({ repository: sampleOf(repository, registry, caller), actions }));
  const { refreshToken, carried, refusal } = await bothTokens(azure, registry, scopes, caller);
  const short = scopes.find(({ repository }) => !actions.every((action) => carried.get(repository)?.includes(action)));
  if (short === undefined && refreshToken !== undefined) return { done: refreshToken };
  const { repository = '' } = short ?? {};
  const has = carried.get(repository) ?? [];
  const parts = {
    what: `Identity ${caller.identityName} may not ${actions.join(' and ')} repository ${repository} of registry ${registry.name}`,
    tried: `get a registry token for repository:${repository}:${actions.join(',')}`,
    because: refusal ?? `the token that it issued allows ${has.length === 0 ? 'nothing' : has.join(' and ')} there`,
  };
  if (refusal !== undefined && /firewall|is not allowed access/i.test(refusal)) {
    throw new Problem({ ...parts, code: 'WI2505', remedy: 'let the agent’s address through the registry’s firewall, or run the job on an agent inside the network; the grant itself is in place' });
  }
  const granted = registry.mode === 'LegacyRegistryPermissions' ? role : repositoryRoleOf[role];
  const assignments = await listAssignments(azure, registry.id, caller.principalId);
  if (!repositories.every((one) => assignments.some((entry) => givesOn(registry.mode, role, [one], registry.id, entry)))) {
    const missing = `no role assignment gives it ${granted} on the registry${registry.mode === 'LegacyRegistryPermissions' ? '' : ' for all of these repositories'}`;
    throw new Problem({ ...parts, code: 'WI2503', because: missing, remedy: 'run GrantRegistryRole again; if something removes the assignment, find it in the Activity Log of the registry' });
  }
  const remedy = `the assignment is in place but did not act within ${Math.round(deadlineMs / 1000)} s: raise propagationTimeoutInMinutes or run again`;
  return { wait: `${granted} is assigned, the registry does not act on it yet`, failure: new Problem({ ...parts, code: 'WI2504', remedy }) };
}

interface Scope {
  readonly repository: string;
  readonly actions: readonly string[];
}

/** What an access token carries, by repository. */
interface Carried {
  readonly carried: ReadonlyMap<string, readonly string[]>;
  readonly refusal?: string;
}

/** Both exchanges; the refresh token and what the access token carries, or the registry's refusal. */
async function bothTokens(azure: Azure, registry: RegistryState, scopes: readonly Scope[], caller: RegistryCaller): Promise<Carried & { readonly refreshToken?: string }> {
  const exchanged = await exchangeAtRegistry(azure, registry, caller.tenantId, await caller.token());
  if ('refusal' in exchanged) return { carried: new Map(), refusal: exchanged.refusal };
  const { refreshToken } = exchanged;
  return { refreshToken, ...(await accessToken(azure, registry, scopes, refreshToken)) };
}

async function accessToken(azure: Azure, registry: RegistryState, scopes: readonly Scope[], refreshToken: string): Promise<Carried> {
  const asked = scopes.map(({ repository, actions }): Form[number] => ['scope', `repository:${repository}:${actions.join(',')}`]);
  const form: Form = [['grant_type', 'refresh_token'], ['service', registry.loginServer], ...asked, ['refresh_token', refreshToken]];
  const access = await postToRegistry(azure, registry, '/oauth2/token', form);
  const token = text(object(access.body).access_token);
  if (token === undefined) return { carried: new Map(), refusal: refusalOf(access) };
  const entries = list(tokenPayload(azure.secret(token)).access).map(object).filter(({ type }) => type === 'repository');
  return { carried: new Map(entries.map(({ name, actions }) => [text(name) ?? '', texts(actions)])) };
}

/** A name that a granted entry stands for: its own, or one that begins like it and that nobody uses. */
function sampleOf(repository: string, registry: RegistryState, caller: RegistryCaller): string {
  return repository.endsWith('*') ? `${repository.slice(0, -1)}${stranger(registry, caller)}` : repository;
}

/** The name of a repository that nobody has. */
function stranger({ id }: RegistryState, { principalId }: RegistryCaller): string {
  return unusedName(id, principalId);
}
