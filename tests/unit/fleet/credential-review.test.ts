import assert from 'node:assert/strict';
import { reviewCredential, type CredentialState, type IssuerWorld, type SeenCluster, type Trust } from '../../../tasks/_shared/fleet/posture/credential-review.js';
import type { AccountState } from '../../../tasks/_shared/fleet/posture/known-accounts.js';
import { credentialName } from '../../../tasks/_shared/fleet/names.js';

const clusterId = '/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1';
const issuer = 'https://westeurope.oic.prod-aks.azure.com/22222222-2222-4222-8222-222222222222/aaaa/';
const old = issuer.replace('aaaa', 'bbbb');
const subject = 'system:serviceaccount:orders:api';

const cluster: SeenCluster = { id: clusterId, label: 'aks-1', issuerUrl: issuer, account: (namespace, name) => (namespace === 'orders' && name === 'api' ? 'there' : 'gone') };
const world = (changes: Partial<IssuerWorld> = {}): IssuerWorld => ({ clusters: [cluster], unseen: [], issuance: () => 'served', ...changes });
const trust = (changes: Partial<Trust> = {}): Trust => ({ name: 'by-hand', issuer, subject, ...changes });
const answering = (account: AccountState): IssuerWorld => world({ clusters: [{ ...cluster, account: () => account }] });
const lookedOver: IssuerWorld = world({ clusters: [{ id: clusterId, label: 'aks-1', issuerUrl: issuer }] });

describe('review of a federated credential', () => {
  const cases: readonly (readonly [title: string, trust: Trust, world: IssuerWorld, state: CredentialState, cluster: string | undefined, detail: RegExp])[] = [
    ['of a service account that is there', trust(), world(), 'ok', 'aks-1', /service account orders\/api is there/],
    ['of a cluster that is not looked into', trust(), lookedOver, 'elsewhere', 'aks-1', /not among the clusters that this audit looks into/],
    ['whose service account is gone', trust({ subject: 'system:serviceaccount:orders:web' }), world(), 'accountGone', 'aks-1', /aks-1 has no service account orders\/web: whoever makes one there becomes this identity/],
    ['of no service account', trust({ subject: 'repo:contoso/orders:ref:refs/heads/main' }), world(), 'accountGone', 'aks-1', /the subject of no service account/],
    ['whose service account could not be read', trust(), answering({ unread: 'accounts of orders: 403' }), 'accountUnread', 'aks-1', /could not be read: accounts of orders: 403/],
    ['with a capital, where the account is there', trust({ subject: 'system:serviceaccount:Orders:api' }), world(), 'caseDiffers', 'aks-1', /no token of aks-1 says system:serviceaccount:Orders:api: system:serviceaccount:orders:api may be meant/],
    ['with a capital, where accounts could not be read', trust({ subject: 'system:serviceaccount:orders:Api' }), answering({ unread: '403' }), 'caseDiffers', 'aks-1', /may be meant/],
    ['with a capital, where there is no such account in any case', trust({ subject: 'system:serviceaccount:Orders:web' }), world(), 'accountGone', 'aks-1', /has no service account Orders\/web/],
    ['that has our name for a cluster, with an issuer that it had', trust({ issuer: old, name: credentialName(clusterId, 'aks-1', 'orders', 'api') }), world(), 'issuerOld', 'aks-1', /aks-1 has the issuer .*aaaa\/ now, and this credential names .*bbbb\//],
    ['that has our name for a cluster whose issuer is off', trust({ name: credentialName(clusterId, 'aks-1', 'orders', 'api') }), world({ clusters: [{ id: clusterId, label: 'aks-1' }], issuance: () => 'gone' }), 'issuerOld', 'aks-1', /has the issuer switched off now/],
    ['that has our name for a cluster, and an issuer of somebody else', trust({ issuer: 'https://issuer.example/22222222-2222-4222-8222-222222222222/aaaa/', name: credentialName(clusterId, 'aks-1', 'orders', 'api') }), world(), 'foreign', undefined, /is served and belongs to no cluster that is seen/],
    ['that has our name for a cluster, and an issuer of another tenant', trust({ issuer: issuer.replace('22222222-2222', '99999999-2222'), name: credentialName(clusterId, 'aks-1', 'orders', 'api') }), world(), 'foreign', undefined, /is served/],
    ['that has our name for a cluster, and an issuer of which nobody knows', trust({ issuer: 'https://issuer.example', name: credentialName(clusterId, 'aks-1', 'orders', 'api') }), world({ issuance: () => ({ unclear: 'no route' }) }), 'unclear', undefined, /no route/],
    ['that has our name for a cluster, with an issuer in another region', trust({ issuer: old.replace('westeurope', 'northeurope'), name: credentialName(clusterId, 'aks-1', 'orders', 'api') }), world(), 'issuerOld', 'aks-1', /northeurope/],
    ['whose issuer lacks the slash at its end', trust({ issuer: issuer.slice(0, -1) }), world(), 'issuerOld', 'aks-1', /this credential names .*aaaa$/],
    ['whose issuer differs in case', trust({ issuer: issuer.replace('aaaa', 'AAAA') }), world(), 'issuerOld', 'aks-1', /AAAA/],
    ['of an issuer that is no more', trust({ issuer: old }), world({ issuance: () => 'gone' }), 'clusterGone', undefined, /nothing is served there any more/],
    ['of an issuer of somebody else', trust({ issuer: 'https://token.actions.githubusercontent.com', subject: 'repo:contoso/orders:ref:refs/heads/main' }), world(), 'foreign', undefined, /is served and belongs to no cluster that is seen/],
    ['of an issuer that is served, where clusters could not be listed', trust({ issuer: old }), world({ unseen: ['clusters of subscription 2: 403'] }), 'unclear', undefined, /there may be others: clusters of subscription 2: 403/],
    ['of an issuer that is gone, where clusters could not be listed', trust({ issuer: old }), world({ unseen: ['clusters of subscription 2: 403'], issuance: () => 'gone' }), 'clusterGone', undefined, /nothing is served/],
    ['of an issuer that does not answer', trust({ issuer: old }), world({ issuance: () => ({ unclear: 'its issuer does not say: no route' }) }), 'unclear', undefined, /no route/],
    ['that AKS keeps for identity bindings', trust({ name: 'aks-identity-binding', issuer: 'https://ib.oic.prod-aks.azure.com/22222222-2222-4222-8222-222222222222/44444444-4444-4444-8444-444444444444' }), world(), 'unclear', undefined, /identity bindings/],
  ];
  for (const [title, given, seen, state, label, detail] of cases) {
    it(`${title} is ${state}`, () => {
      const found = reviewCredential(given, seen);
      assert.equal(found.state, state, found.detail);
      assert.equal(found.cluster, label);
      assert.match(found.detail, detail);
      assert.deepEqual({ name: found.name, issuer: found.issuer, subject: found.subject }, given);
    });
  }

  it('asks issuers only that no cluster has', () => {
    const asked: string[] = [];
    const listening = world({ issuance: (one) => { asked.push(one); return 'served'; } });
    for (const one of [issuer, issuer.slice(0, -1), old]) reviewCredential(trust({ issuer: one }), listening);
    assert.deepEqual(asked, [old]);
  });
});
