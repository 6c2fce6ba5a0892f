import { createHash } from 'node:crypto';
import { Problem } from '../reconcile/problem.js';
import { successesInARow, type ProofContext } from '../reconcile/proof.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { serviceError } from './errors.js';
import { object, text } from '../fleet/json.js';
import { gives, listAssignments } from './role-assignments.js';
import { roles } from './roles.js';
import type { VaultState } from './vault-lookup.js';

/** Who reads, for messages and for the strong read of the grant. */
export interface VaultReader {
  /** The identity's token, renewed while a proof waits. */
  readonly token: () => Promise<string>;
  readonly principalId: string;
  readonly identityName: string;
}

/**
 * Reads a granted secret with the identity's own token, without looking at its value, waiting until the grant acts.
 * @throws Problem WI2403 at once when a strong read shows no grant; WI2404 at the deadline; WI2405 for the vault's firewall or a
 * missing secret.
 */
export async function readGranted(azure: Azure, vault: VaultState, secret: string, reader: VaultReader, deadlineMs: number, context: ProofContext): Promise<void> {
  const waiting = { clock: azure.clock, signal: context.signal, progress: (line: string) => context.progress(line) };
  const patience = { deadlineMs, firstWaitMs: 1_000, longestWaitMs: 20_000, growth: 1.2, inARow: successesInARow(context) };
  await until(patience, waiting, () => tryRead(azure, vault, secret, reader, deadlineMs));
}

/**
 * Asks for a secret that was not granted and expects a refusal.
 * The vault checks rights before existence, so a name that nobody uses serves.
 * @throws Problem WI2406 when the vault did not refuse.
 */
export async function refusedElsewhere(azure: Azure, vault: VaultState, reader: VaultReader): Promise<void> {
  const name = `wi-proof-${createHash('sha256').update(`${vault.id}|${reader.principalId}`).digest('hex').slice(0, 12)}`;
  const { status } = await get(azure, vault, name, reader);
  if (status === 403) return;
  throw new Problem({
    code: 'WI2406',
    what: `Identity ${reader.identityName} reaches more of key vault ${vault.name} than was granted`,
    tried: `read the secret ${name}, which nobody granted`,
    because: `the vault answered ${status} instead of refusing: a broader role is assigned to the identity or one of its groups`,
    remedy: `remove the broader assignment (az role assignment list --assignee ${reader.principalId} --scope ${vault.id} --include-inherited)`,
  });
}

async function tryRead(azure: Azure, vault: VaultState, secret: string, reader: VaultReader, deadlineMs: number): Promise<Attempt<undefined>> {
  const what = `Identity ${reader.identityName} cannot read secret ${secret} of key vault ${vault.name}`;
  const { status, body, tried } = await get(azure, vault, secret, reader);
  if (status === 200) return { done: undefined };
  const { message, code } = serviceError(status, body);
  const inner = text(object(object(object(body).error).innererror).code) ?? code;
  const because = message.split(/\r?\n/)[0] ?? message;
  const parts = { what, tried, because, serviceCode: inner, status };
  if (status === 404) {
    throw new Problem({ ...parts, code: 'WI2405', remedy: 'create the secret in the vault or correct the input secrets; the grant itself is in place' });
  }
  if (inner === 'ForbiddenByFirewall' || inner === 'ForbiddenByConnection') {
    throw new Problem({ ...parts, code: 'WI2405', remedy: 'let the agent’s address through the vault’s firewall, or run the job on an agent inside the network' });
  }
  const assignments = await listAssignments(azure, vault.id, reader.principalId);
  const granted = assignments.some((entry) => gives(entry, [roles['Key Vault Secrets User']], `${vault.id}/secrets/${secret}`));
  if (!granted) {
    const missing = `no role assignment gives it Key Vault Secrets User on secret ${secret}`;
    throw new Problem({ ...parts, code: 'WI2403', because: missing, remedy: 'run FederateServiceAccount again; if something removes the assignment, find it in the Activity Log of the vault' });
  }
  const remedy = `the assignment is in place but did not act within ${Math.round(deadlineMs / 1000)} s: raise propagationTimeoutInMinutes or run again`;
  return { wait: `the grant on secret ${secret} is in place, the vault does not act on it yet`, failure: new Problem({ ...parts, code: 'WI2404', remedy }) };
}

async function get(azure: Azure, vault: VaultState, secret: string, reader: VaultReader): Promise<{ status: number; body: unknown; tried: string }> {
  const tried = `read secret ${secret} of key vault ${vault.name} as identity ${reader.identityName}`;
  const response = await azure.http.send({
    method: 'GET',
    url: `${vault.uri.replace(/\/$/, '')}/secrets/${encodeURIComponent(secret)}?api-version=${apiVersions.secrets}`,
    headers: { authorization: `Bearer ${await reader.token()}` },
    signal: azure.signal,
    expect: [403, 404],
    tried,
    what: `Key vault ${vault.name} gave no answer that proves anything`,
  });
  return { status: response.status, body: response.body, tried };
}
