import type { AccessInventory } from '../_shared/azure/access-inventory.js';
import { beyond, readPolicy, policyObject } from '../_shared/azure/vault-policies.js';
import { lastPart, sameId } from '../_shared/fleet/arm-id.js';
import type { History } from '../_shared/fleet/history.js';
import type { SeenCluster } from '../_shared/fleet/posture/credential-review.js';
import type { LedgerObject } from '../_shared/fleet/posture/record-rules.js';
import type { Read } from '../_shared/reconcile/attempt.js';
import type { Candidate } from './identities.js';

/** What is there now, as far as an audit looked. */
export interface PresentState {
  readonly inventories: readonly AccessInventory[];
  /** Every identity that was found, with its credentials. */
  readonly candidates: readonly Candidate[];
  readonly clusters: readonly SeenCluster[];
}

const parts = {
  assignment: /^(\/subscriptions\/[^/]+.*)\/providers\/Microsoft\.Authorization\/roleAssignments\/[^/]+$/i,
  identity: /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.ManagedIdentity\/userAssignedIdentities\/[^/]+$/i,
  credential: /^(\/subscriptions\/.*\/userAssignedIdentities\/[^/]+)\/federatedIdentityCredentials\/([^/]+)$/i,
  policy: /^(\/subscriptions\/.*\/vaults\/[^/]+)\/accessPolicies\/([^/]+)$/i,
  account: /^\/api\/v1\/namespaces\/([^/]+)\/serviceaccounts\/([^/]+)$/,
};

/**
 * What the ledgers tell of and how it is now: role assignments, credentials, identities, access policies, service accounts. What they tell of elsewhere,
 * or of other kinds, is left out: other rules look at it, or nobody does.
 */
export function ledgerObjects(history: History, now: PresentState): LedgerObject[] {
  return history.objects.flatMap((written) => {
    const account = parts.account.exec(written);
    if (account !== null) return ofAccount(history, written, account[1] ?? '', account[2] ?? '', now);
    const last = history.of(written)?.afters.at(-1);
    const own = inventoryOf(written, now.inventories);
    return history.of(written) === undefined || own === undefined ? [] : (ofAssignment(written, last, own) ?? ofCredential(written, last, own, now) ?? ofIdentity(written, own) ?? ofPolicy(written, last, own) ?? []);
  });
}

function inventoryOf(written: string, inventories: readonly AccessInventory[]): AccessInventory | undefined {
  const subscription = /^\/subscriptions\/([^/]+)/i.exec(written)?.[1];
  return subscription === undefined ? undefined : inventories.find(({ subscriptionId }) => sameId(subscriptionId, subscription));
}

/** Compares what is found in a list; what the list could not be read for stays unread. */
function compared<T>(title: string, list: Read<readonly T[]>, find: (one: T) => boolean, difference: (found: T) => string | undefined): LedgerObject[] {
  if ('unread' in list) return [{ title, difference: list }];
  const found = list.found.find(find);
  return [{ title, difference: { found: found === undefined ? 'it is gone, and no ledger tells that it was taken back' : difference(found) } }];
}

function ofAssignment(written: string, last: string | undefined, { assignments }: AccessInventory): LedgerObject[] | undefined {
  const scope = parts.assignment.exec(written)?.[1];
  if (scope === undefined) return undefined;
  const condition = / where (.*)$/s.exec(last ?? '')?.[1];
  return compared(`role assignment ${lastPart(written)} on ${scope}`, assignments, ({ id }) => sameId(id, written), (found) => {
    if (last === undefined || found.condition === condition) return undefined;
    return `its condition is ${found.condition ?? 'gone'}, and ${condition ?? 'none'} was written`;
  });
}

function ofCredential(written: string, last: string | undefined, own: AccessInventory, { candidates }: PresentState): LedgerObject[] | undefined {
  const [, identityId, name] = parts.credential.exec(written) ?? [];
  if (identityId === undefined || name === undefined) return undefined;
  const title = `identity ${lastPart(identityId)}, credential ${name}`;
  const holder = candidates.find(({ state }) => sameId(state.id, identityId));
  // Credentials of an identity that is out of scope are not read.
  if (holder === undefined) return ofIdentity(identityId, own)?.filter(({ difference }) => 'unread' in difference || difference.found !== undefined).map(({ difference }) => ({ title, difference }));
  return compared(title, holder.credentials, (one) => sameId(one.name, name), ({ issuer, subject }) => (last === undefined || last === `${issuer} ${subject}` ? undefined : `it trusts ${issuer} ${subject}, and ${last} was written`));
}

function ofIdentity(written: string, { identities }: AccessInventory): LedgerObject[] | undefined {
  return parts.identity.test(written) ? compared(`identity ${lastPart(written)}`, identities, ({ id }) => sameId(id, written), () => undefined) : undefined;
}

function ofPolicy(written: string, last: string | undefined, { vaults }: AccessInventory): LedgerObject[] | undefined {
  const [, vaultId, principalId] = parts.policy.exec(written) ?? [];
  if (vaultId === undefined || principalId === undefined) return undefined;
  const wanted = readPolicy(last ?? '');
  return compared(`access policy of ${principalId} in vault ${lastPart(vaultId)}`, vaults, ({ id }) => sameId(policyObject(id, principalId), written), ({ policies }) => {
    const has = policies.find(({ objectId, applicationId }) => sameId(objectId, principalId) && applicationId === undefined)?.permissions;
    if (has === undefined) return 'it is gone, and no ledger tells that it was taken back';
    const lacking = beyond(wanted, has);
    return lacking.length === 0 ? undefined : `it has no ${lacking.join(', ')} any more`;
  });
}

/** A path of Kubernetes is alike on every cluster: it is looked for on each that a ledger names for it. */
function ofAccount(history: History, written: string, namespace: string, name: string, { clusters }: PresentState): LedgerObject[] {
  return clusters.flatMap(({ id, label, account }): LedgerObject[] => {
    if (account === undefined || history.of(written, id) === undefined) return [];
    const title = `service account ${namespace}/${name} on ${label}`;
    const presence = account(namespace, name);
    if (typeof presence === 'object') return [{ title, difference: presence }];
    return [{ title, difference: { found: presence === 'there' ? undefined : 'it is gone, and no ledger tells that it was taken back' } }];
  });
}
