import type { IdentityCredential, IdentityFacts, IdentityGrant } from '../../../tasks/_shared/fleet/posture/access-facts.js';
import type { CredentialState } from '../../../tasks/_shared/fleet/posture/credential-review.js';
import type { Outcome } from '../../../tasks/_shared/fleet/posture/rule.js';

const subscription = '/subscriptions/33333333-3333-4333-8333-333333333333';
const group = `${subscription}/resourceGroups/rg-shared`;
export const vault = `${group}/providers/Microsoft.KeyVault/vaults/kv-orders`;
export const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/crorders`;

/** What is there without a boundary policy, and without a workspace of sign-ins. */
const plainCredential: IdentityCredential = {
  name: 'wi-aks-1-orders-api-12345678',
  issuer: 'https://westeurope.oic.prod-aks.azure.com/t/aaaa/',
  subject: 'system:serviceaccount:orders:api',
  cluster: 'aks-1',
  state: 'ok',
  detail: 'service account orders/api is there',
};
const plainGrant: IdentityGrant = {
  kind: 'role',
  role: 'Key Vault Secrets User',
  scope: `${vault}/secrets/orders-db`,
  principalId: '55555555-5555-4555-8555-555555555555',
  origin: { planned: 'made for orders/api by a run' },
};
const within = { boundary: { verdict: 'within', detail: 'stays within nonprod' } } as const;
const credential: IdentityCredential = { ...plainCredential, ...within };
const secretGrant: IdentityGrant = { ...plainGrant, ...within, lastUsed: { found: { at: '2026-11-20T08:00:00.000Z', since: '2026-08-24T08:00:00.000Z' } } };

/** An identity on which every rule passes. */
export const soundIdentity: IdentityFacts = {
  name: 'id-orders',
  id: `${subscription}/resourceGroups/rg-id/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders`,
  clientId: '44444444-4444-4444-8444-444444444444',
  principalId: '55555555-5555-4555-8555-555555555555',
  credentials: { found: [credential] },
  grants: [secretGrant],
  unread: [],
};

/** The sound identity with its credential in another state. */
export function trusting(state: CredentialState, more: Partial<IdentityCredential> = {}): IdentityFacts {
  return { ...soundIdentity, credentials: { found: [{ ...credential, state, detail: `it is ${state}`, ...more }] } };
}

/** The sound identity with its one grant changed. */
export function granted(more: Partial<IdentityGrant>): IdentityFacts {
  return { ...soundIdentity, grants: [{ ...secretGrant, ...more }] };
}

const bare: IdentityFacts = { ...soundIdentity, credentials: { found: [] }, grants: [] };
const unreadCredentials: IdentityFacts = { ...soundIdentity, credentials: { unread: '403 on the identity' } };
const unreadGrants: IdentityFacts = { ...soundIdentity, unread: ['role assignments of subscription 2: 403'] };
const withoutPolicy: IdentityFacts = { ...soundIdentity, credentials: { found: [plainCredential] }, grants: [plainGrant] };

/** What a rule answers to an identity, and what its evidence says. */
export type AccessCase = readonly [outcome: Outcome, identity: IdentityFacts, evidence: RegExp, object?: RegExp];

const named = /^identity id-orders, credential wi-aks-1-orders-api-12345678$/;
const onScope = /^identity id-orders, .+ on \/subscriptions\//;

export const cases: Readonly<Record<string, readonly AccessCase[]>> = {
  'access-issuer-known': [
    ['pass', soundIdentity, /1 credential of identity id-orders: each is of a cluster/],
    ['pass', trusting('clusterGone'), /1 credential/],
    ['fail', trusting('foreign'), /it is foreign/, named],
    ['notApplicable', bare, /has no federated credential/],
    ['unknown', trusting('unclear'), /credential wi-.*: it is unclear/],
    ['unknown', unreadCredentials, /who may become identity id-orders could not be read: 403/],
  ],
  'access-credential-cluster': [
    ['pass', soundIdentity, /the clusters are there/],
    ['pass', trusting('elsewhere'), /1 credential/],
    ['fail', trusting('clusterGone'), /it is clusterGone/, named],
    ['fail', trusting('issuerOld'), /it is issuerOld/, named],
    ['notApplicable', trusting('foreign'), /no credential of identity id-orders is one to ask that of/],
    ['unknown', trusting('unclear'), /it is unclear/],
    ['unknown', unreadCredentials, /403/],
  ],
  'access-credential-account': [
    ['pass', soundIdentity, /the service accounts are there/],
    ['fail', trusting('accountGone'), /it is accountGone/, named],
    ['notApplicable', trusting('elsewhere'), /no credential/],
    ['unknown', trusting('accountUnread'), /it is accountUnread/],
    ['unknown', unreadCredentials, /403/],
  ],
  'access-credential-case': [
    ['pass', soundIdentity, /the subjects are as tokens say them/],
    ['pass', trusting('accountUnread'), /1 credential/],
    ['fail', trusting('caseDiffers'), /it is caseDiffers/, named],
    ['notApplicable', trusting('accountGone'), /no credential/],
    ['unknown', unreadCredentials, /403/],
  ],
  'access-grant-least': [
    ['pass', soundIdentity, /1 grant of identity id-orders: none is more/],
    ['fail', granted({ role: 'Contributor' }), /it can change and delete every resource/, onScope],
    ['fail', granted({ role: 'Secret Keeper', danger: 'it allows everything (*)' }), /it allows everything/, onScope],
    ...[subscription, group, '/', '/providers/Microsoft.Management/managementGroups/nonprod'].map((scope): AccessCase => ['fail', granted({ scope }), /it reaches everything in that scope/]),
    ['notApplicable', bare, /has no grant that can be seen/],
    ['unknown', granted({ role: 'eeeeeeee-0000-4000-8000-000000000001', roleUnread: 'the request was refused (403)' }), /what the role allows could not be read: the request was refused \(403\)/],
    ['unknown', unreadGrants, /role assignments of subscription 2: 403/],
  ],
  'access-grant-exact': [
    ['pass', soundIdentity, /each names what it reaches/],
    ['pass', granted({ role: 'AcrPull', scope: registry }), /1 grant/],
    ['pass', granted({ role: 'Container Registry Repository Reader', scope: registry, condition: 'x' }), /1 grant/],
    ['fail', granted({ scope: vault }), /everything of its kind in the vault/, onScope],
    ['fail', granted({ role: 'key vault certificate user', scope: vault.toUpperCase() }), /everything of its kind/],
    ['fail', granted({ role: 'Container Registry Repository Reader', scope: registry }), /every repository of the registry/],
    ['fail', granted({ kind: 'access policy', role: 'access policy (secrets: get)', scope: vault }), /an access policy reaches the whole vault/],
    ['notApplicable', granted({ role: 'Contributor', scope: group }), /no grant of identity id-orders is one to ask that of/],
    ['unknown', granted({ role: '4633458b-17de-408a-b874-0445c86b69e6', scope: vault, roleUnread: '403' }), /what the role allows could not be read: 403/],
    ['unknown', granted({ role: '4633458b-17de-408a-b874-0445c86b69e6', scope: registry, roleUnread: '403' }), /403/],
    ['unknown', unreadGrants, /subscription 2/],
  ],
  'access-grant-planned': [
    ['pass', soundIdentity, /each was granted by a run/],
    ['fail', granted({ origin: { unplanned: 'it has neither name nor description' } }), /neither name nor description/, onScope],
    ['notApplicable', bare, /no grant/],
    ['unknown', granted({ origin: { untold: 'no ledger was given' } }), /no ledger was given/],
    ['unknown', unreadGrants, /subscription 2/],
  ],
  'access-boundaries': [
    ['pass', soundIdentity, /nothing crosses a boundary/],
    ['pass', granted({ boundary: { verdict: 'allowed', detail: 'crosses nonprod → prod, allowed by pulls' } }), /allowed by pulls/],
    ['fail', granted({ boundary: { verdict: 'refused', detail: 'crosses nonprod → prod' } }), /crosses nonprod → prod/, onScope],
    ['fail', granted({ boundary: { verdict: 'expired', detail: 'crosses nonprod → prod, which rule pulls allowed until 2026-01-01' } }), /until 2026-01-01/],
    ['fail', trusting('ok', { boundary: { verdict: 'refused', detail: 'crosses prod → nonprod' } }), /crosses prod → nonprod/, named],
    ['notApplicable', withoutPolicy, /no boundary policy was given/],
    ['unknown', granted({ boundary: { verdict: 'unknown', detail: 'nobody can say where it lies' } }), /nobody can say/],
    ['unknown', unreadCredentials, /403/],
    ['unknown', unreadGrants, /subscription 2/],
  ],
  'access-grant-used': [
    ['pass', soundIdentity, /a sign-in was seen/],
    ['fail', granted({ lastUsed: { found: { since: '2026-08-24T08:00:00.000Z' } } }), /no sign-in since 2026-08-24T08:00:00\.000Z can have been a use of it/, onScope],
    ['notApplicable', withoutPolicy, /no grant of identity id-orders is one to ask that of/],
    ['notApplicable', granted({ lastUsed: { found: { since: '2026-08-24T08:00:00.000Z', granted: '2026-11-01T08:00:00.000Z' } } }), /no grant of identity id-orders is one to ask that of/],
    ['pass', granted({ lastUsed: { found: { since: '2026-08-24T08:00:00.000Z', at: '2026-11-20T08:00:00.000Z', granted: '2026-11-01T08:00:00.000Z' } } }), /a sign-in was seen/],
    ['unknown', granted({ lastUsed: { unread: 'the workspace has no such table' } }), /no such table/],
    ['unknown', unreadGrants, /subscription 2/],
  ],
};

/** One property flipped: the rule that watches it, the identity after it, and the dependants that change with it. */
export const flips: readonly (readonly [rule: string, title: string, after: IdentityFacts, alsoChange?: readonly string[]])[] = [
  ['access-issuer-known', 'a foreign issuer', trusting('foreign'), ['access-credential-account', 'access-credential-case', 'access-credential-cluster']],
  ['access-issuer-known', 'an unclear issuer', trusting('unclear'), ['access-credential-account', 'access-credential-case', 'access-credential-cluster']],
  ['access-credential-cluster', 'a cluster that is gone', trusting('clusterGone'), ['access-credential-account', 'access-credential-case']],
  ['access-credential-cluster', 'an old issuer', trusting('issuerOld'), ['access-credential-account', 'access-credential-case']],
  ['access-credential-account', 'an account that is gone', trusting('accountGone'), ['access-credential-case']],
  ['access-credential-account', 'an account that is not read', trusting('accountUnread')],
  ['access-credential-case', 'a subject in another case', trusting('caseDiffers'), ['access-credential-account']],
  ['access-grant-least', 'a broad role', granted({ role: 'Owner' }), ['access-grant-exact']],
  ['access-grant-least', 'a wide scope', granted({ scope: group }), ['access-grant-exact']],
  ['access-grant-least', 'a role that is not read', granted({ roleUnread: '403' })],
  ['access-grant-exact', 'a whole vault', granted({ scope: vault })],
  ['access-grant-planned', 'an origin that is none of ours', granted({ origin: { unplanned: 'x' } })],
  ['access-boundaries', 'a crossing grant', granted({ boundary: { verdict: 'refused', detail: 'x' } })],
  ['access-boundaries', 'a crossing credential', trusting('ok', { boundary: { verdict: 'expired', detail: 'x' } })],
  ['access-grant-used', 'no use', granted({ lastUsed: { found: { since: '2026-08-24T08:00:00.000Z' } } })],
];
