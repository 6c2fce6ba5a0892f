import { lastPart } from '../fleet/arm-id.js';
import type { Cost, Writer } from '../reconcile/resource.js';
import { until } from '../reconcile/retry.js';
import type { Azure } from './azure.js';
import { azureProblem, thrownServiceError } from './errors.js';

/** Said when two writes to one identity overlap, whoever sent them. Source: Entra docs, federated credential considerations; hashicorp/terraform-provider-azurerm#29242. */
const concurrentWrites = 'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity';
/** Long enough for another pipeline that writes a full set of credentials at the published rate. */
const conflictPatience = { deadlineMs: 180_000, firstWaitMs: 4_000, longestWaitMs: 15_000 };

/** The lane of everything that is written to the credentials of an identity. */
export function credentialLane(identityId: string): string {
  return `federated credentials of ${identityId.toLowerCase()}`;
}

/** Most credentials per identity. Source: Entra docs, federated credential considerations. */
const limit = 20;

/**
 * What a change takes from the credentials that an identity can have.
 * @param used how many it has before the run
 * @param takes 1 for a new one, -1 for one that goes
 */
export function credentialCost(identityId: string, used: number, takes: number): Cost {
  const remedy = 'remove credentials that nothing uses (prune removes those whose cluster is gone); or give each cluster an identity ({cluster} in the input identity); or one to each boundary or ring ({ring}, or identity in the entries of the list)';
  return { budget: credentialLane(identityId), kind: 'federated credentials', of: lastPart(identityId), limit, used: () => Promise.resolve(used), takes, code: 'WI2203', remedy };
}

/**
 * Sends a write to the credentials of an identity; one of somebody else that overlaps is waited out, since Azure refuses with 409.
 * @param identity its name
 * @throws the Problem of any other refusal.
 */
export async function inCredentialTurn(azure: Azure, identity: string, writer: Writer, said: { readonly tried: string; readonly what: string }, send: () => Promise<unknown>): Promise<void> {
  const waiting = { clock: azure.clock, signal: writer.signal, progress: (text: string) => writer.progress(text) };
  await until(conflictPatience, waiting, async () => {
    try {
      await send();
      return { done: undefined };
    } catch (error) {
      const failure = azureProblem(said.tried, said.what, error);
      if (thrownServiceError(error)?.code !== concurrentWrites) throw failure;
      return { wait: `another run writes credentials of identity ${identity}`, failure };
    }
  });
}
