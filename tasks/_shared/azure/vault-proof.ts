import { object, text } from '../fleet/json.js';
import { unusedName } from '../fleet/names.js';
import { Problem } from '../reconcile/problem.js';
import { strongReader } from '../reconcile/plan.js';
import { successesInARow, type ProofContext } from '../reconcile/proof.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { serviceError } from './errors.js';
import { gives, listAssignments } from './role-assignments.js';
import { roles } from './roles.js';
import { itemRoles, itemScope, itemTitle, type VaultItem } from './vault-items.js';
import { entryOf, gettable } from './vault-policies.js';
import { readVault, type VaultState } from './vault-state.js';

/** Who reads, for messages and for the strong read of the grant. */
export interface VaultReader {
  /** The identity's token, renewed while a proof waits. */
  readonly token: () => Promise<string>;
  readonly principalId: string;
  readonly identityName: string;
}

/** The code of a vault that this agent cannot reach: what was granted is then not exercised, which says nothing against the grant. */
export const unreachableCode = 'WI2416';

/** So often a vault that gives no answer is asked again before it counts as one that the agent cannot reach. */
const silentTries = 3;

/**
 * Reads a granted item with the identity's own token, without looking at its value, waiting until the grant acts. Every secret is proven with
 * a name that nobody uses: the vault checks rights before existence, so that "not found" says that the right is there.
 * @param azure that may read the vault's role assignments and policies
 * @throws Problem WI2403 at once when a strong read shows no grant; WI2404 at the deadline; WI2405 for a missing item, WI2417 for one that is
 * deleted and can be recovered; WI2416 when the vault cannot be reached from here.
 */
export async function readGranted(azure: Azure, vault: VaultState, item: VaultItem, reader: VaultReader, deadlineMs: number, context: ProofContext): Promise<void> {
  const waiting = { clock: azure.clock, signal: context.signal, progress: (line: string) => context.progress(line) };
  const patience = { deadlineMs, firstWaitMs: 1_000, longestWaitMs: 20_000, growth: 1.2, inARow: successesInARow(context) };
  let silent = 0;
  await until(patience, waiting, async (): Promise<Attempt<undefined>> => {
    try {
      return await tryRead(azure, vault, item, reader, deadlineMs);
    } catch (error) {
      if (!(error instanceof Problem) || error.parts.code !== 'WI2006') throw error;
      silent += 1;
      const failure = unreachable(vault, error.parts.tried ?? '', error.parts.because);
      if (silent >= silentTries) throw failure;
      return { wait: `key vault ${vault.name} gives no answer`, failure };
    }
  });
}

/**
 * Asks for a secret that was not granted and expects a refusal.
 * The vault checks rights before existence, so a name that nobody uses serves.
 * @throws Problem WI2406 when the vault did not refuse.
 */
export async function refusedElsewhere(azure: Azure, vault: VaultState, reader: VaultReader): Promise<void> {
  const name = unusedName(vault.id, reader.principalId);
  const { status } = await get(azure, vault, { section: 'secrets', name }, reader);
  if (status === 403) return;
  throw new Problem({
    code: 'WI2406',
    what: `Identity ${reader.identityName} reaches more of key vault ${vault.name} than was granted`,
    tried: `read the secret ${name}, which nobody granted`,
    because: `the vault answered ${status} instead of refusing: a broader role is assigned to the identity or one of its groups`,
    remedy: `remove the broader assignment (az role assignment list --assignee ${reader.principalId} --scope ${vault.id} --include-inherited)`,
  });
}

async function tryRead(azure: Azure, vault: VaultState, item: VaultItem, reader: VaultReader, deadlineMs: number): Promise<Attempt<undefined>> {
  const title = itemTitle(item);
  const what = `Identity ${reader.identityName} cannot read ${title} of key vault ${vault.name}`;
  const { status, body, tried } = await get(azure, vault, { section: item.section, name: item.name ?? unusedName(vault.id, reader.principalId) }, reader);
  if (status === 200 || (status === 404 && item.name === undefined)) return { done: undefined };
  const { message, code } = serviceError(status, body);
  const inner = text(object(object(object(body).error).innererror).code) ?? code;
  const because = message.split(/\r?\n/)[0] ?? message;
  const parts = { what, tried, because, serviceCode: inner, status };
  if (status === 404) throw await missing(azure, vault, item, reader, parts);
  if (inner === 'ForbiddenByFirewall' || inner === 'ForbiddenByConnection') throw unreachable(vault, tried, because, inner);
  const lacking = await lackingGrant(azure, vault, item, reader);
  if (lacking !== undefined) {
    throw new Problem({ ...parts, code: 'WI2403', because: lacking, remedy: 'run FederateServiceAccount again; if something removes the grant, find it in the Activity Log of the vault' });
  }
  const remedy = `the grant is in place but did not act within ${Math.round(deadlineMs / 1000)} s: raise propagationTimeoutInMinutes or run again`;
  return { wait: `the grant on ${title} is in place, the vault does not act on it yet`, failure: new Problem({ ...parts, code: 'WI2404', remedy }) };
}

/** What a strong read says against the grant; undefined when it is in place. */
async function lackingGrant(azure: Azure, vault: VaultState, item: VaultItem, { principalId }: VaultReader): Promise<string | undefined> {
  if (!vault.rbac) {
    const entry = entryOf((await readVault(azure, strongReader, vault))?.policies ?? [], principalId);
    return gettable(entry).includes(item.section) ? undefined : `no access policy lets it get ${item.section}`;
  }
  const role = itemRoles[item.section];
  const assignments = await listAssignments(azure, vault.id, principalId);
  const given = assignments.some((entry) => gives(entry, [roles[role]], itemScope(vault.id, item)));
  return given ? undefined : `no role assignment gives it ${role} on ${itemTitle(item)}`;
}

type Parts = Omit<ConstructorParameters<typeof Problem>[0], 'code' | 'remedy'>;

/** An item that is not there: perhaps it was deleted and can be recovered, which a vault tells those who may see what it holds. */
async function missing(azure: Azure, vault: VaultState, item: VaultItem, reader: VaultReader, parts: Parts): Promise<Problem> {
  const title = itemTitle(item);
  if (item.section === 'secrets' && item.name !== undefined) {
    const { status, body } = await fetch(azure, vault, `deletedsecrets/${item.name}`, reader, parts.tried ?? '').catch(() => ({ status: 0, body: undefined }));
    azure.signal.throwIfAborted();
    const { scheduledPurgeDate } = object(body);
    const until = typeof scheduledPurgeDate === 'number' ? `until ${new Date(scheduledPurgeDate * 1000).toISOString().slice(0, 10)}` : 'for now';
    if (status === 200) {
      return new Problem({ ...parts, code: 'WI2417', because: `the secret was deleted; it can be recovered ${until}`, remedy: `recover it (az keyvault secret recover --vault-name ${vault.name} --name ${item.name}); a new one cannot take its name before it is purged. The grant itself is in place` });
    }
  }
  return new Problem({ ...parts, code: 'WI2405', remedy: `create the ${title} in the vault or correct the input secrets; the grant itself is in place` });
}

function unreachable(vault: VaultState, tried: string, because: string, serviceCode?: string): Problem {
  return new Problem({
    code: unreachableCode,
    what: `Key vault ${vault.name} was granted, and the grant was not exercised`,
    tried,
    because: `this agent cannot reach the vault: ${because}`,
    remedy: 'run the job on an agent inside the vault’s network, or let the agent’s address through its firewall; with a private endpoint the agent has to resolve the vault’s name to it. Until then nothing proves that pods can read',
    ...(serviceCode === undefined ? {} : { serviceCode }),
  });
}

async function get(azure: Azure, vault: VaultState, { section, name }: Required<VaultItem>, reader: VaultReader): Promise<{ status: number; body: unknown; tried: string }> {
  const tried = `read ${itemTitle({ section, name })} of key vault ${vault.name} as identity ${reader.identityName}`;
  return { ...(await fetch(azure, vault, `${section}/${encodeURIComponent(name)}`, reader, tried)), tried };
}

async function fetch(azure: Azure, vault: VaultState, path: string, reader: VaultReader, tried: string): Promise<{ status: number; body: unknown }> {
  const { status, body } = await azure.http.send({
    method: 'GET',
    url: `${vault.uri.replace(/\/$/, '')}/${path}?api-version=${apiVersions.secrets}`,
    headers: { authorization: `Bearer ${await reader.token()}` },
    signal: azure.signal,
    expect: [403, 404],
    tried,
    what: `Key vault ${vault.name} gave no answer that proves anything`,
  });
  return { status, body };
}
