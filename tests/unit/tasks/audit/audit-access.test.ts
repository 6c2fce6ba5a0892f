import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../../tasks/FederateServiceAccount/federate-service-account.js';
import { credentialName } from '../../../../tasks/_shared/fleet/names.js';
import { roles } from '../../../../tasks/_shared/azure/roles.js';
import { idOf } from '../../../simulators/azure/directory.js';
import type { IdentityRecord } from '../../../simulators/arm/identities.js';
import { clusterId, group, Rig, subscriptionId } from '../../azure/azure-world.js';
import { PolicyFile } from '../policy-file.js';
import { audit, findingsOf, goodOf } from './audit-rig.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };
const subject = 'system:serviceaccount:orders:api';

/** A world in which one workload of aks-1 was federated by a run. */
async function federated(): Promise<{ rig: Rig; identity: IdentityRecord }> {
  const rig = await Rig.start();
  await rig.addCluster('aks-1', 'ready');
  await rig.addVault();
  const { result } = await rig.runTask(federateServiceAccount, ['aks-1'], workload);
  assert.equal(result.result, 'succeeded');
  return { rig, identity: rig.world.arm.identities.find('id-orders-aks-1') };
}

/** Grants a role to an identity as somebody would by hand. */
function grant({ world }: Rig, principalId: string, role: string, scope: string, more: { readonly condition?: string; readonly description?: string } = {}): string {
  const name = idOf(`${role} on ${scope} for ${principalId}`);
  world.roles.add({ name, scope, principalId, principalType: 'ServicePrincipal', roleDefinitionId: role, ...more, createdAt: Number.NEGATIVE_INFINITY });
  return name;
}

/** A subscription of another management group, in which the auditor has a role, if any. Returns its id. */
function addProduction({ world, deployer }: Rig, role = 'Reader'): string {
  world.hierarchy.addManagementGroup({ name: 'prod', displayName: 'Production' });
  const prod = idOf('subscription of production');
  world.hierarchy.addSubscription({ id: prod, displayName: 'prod', managementGroup: 'prod' });
  world.hierarchy.addResourceGroup(prod, 'rg-prod', 'westeurope');
  if (role !== '') world.assign(deployer.objectId, role, `/subscriptions/${prod}`);
  return prod;
}

describe('AuditWorkloadIdentity: who may become an identity', () => {
  it('is everything in order after a run, and told in the inventory', async () => {
    const { rig } = await federated();
    const audited = await audit(rig, ['aks-1']);
    for (const rule of ['access-issuer-known', 'access-credential-cluster', 'access-credential-account', 'access-credential-case', 'access-grant-least', 'access-grant-exact', 'access-grant-planned']) {
      assert.deepEqual([findingsOf(audited, rule), goodOf(audited, rule)], [[], ['pass']], rule);
    }
    const [identity, ...others] = audited.report.inventory.identities;
    assert.deepEqual(others, []);
    assert.deepEqual(identity?.credentials.map((one) => [one.subject, one.cluster, one.state]), [[subject, 'aks-1', 'ok']]);
    assert.deepEqual(identity.grants.map((one) => [one.role, one.scope.split('/').at(-1), one.state]), [['Key Vault Secrets User', 'orders-db', 'planned']]);
    assert.match(identity.grants[0]?.detail ?? '', /made for orders\/api by unit 1/);
  });

  it('is told apart: another case, an old issuer, an account and a cluster that are gone, a stranger', async () => {
    const { rig, identity } = await federated();
    const { world } = rig;
    const issuer = rig.issuer('aks-1');
    await rig.addCluster('aks-gone', 'ready');
    const goneIssuer = rig.issuer('aks-gone');
    world.removeCluster('aks-gone');
    await rig.addCluster('aks-moved', 'ready');
    identity.credentials.set('by-hand-case', issuer, 'system:serviceaccount:Orders:api');
    identity.credentials.set('by-hand-web', issuer, 'system:serviceaccount:orders:web');
    identity.credentials.set(credentialName(clusterId('aks-moved'), 'aks-moved', 'orders', 'api'), `${issuer.slice(0, -1)}x/`, subject);
    identity.credentials.set('by-hand-gone', goneIssuer, subject);
    identity.credentials.set('by-hand-other', rig.issuer('aks-moved'), subject);
    const audited = await audit(rig, ['aks-1']);
    const states = Object.fromEntries(audited.report.inventory.identities.flatMap(({ credentials }) => credentials.map(({ subject: of, cluster = '-', state }) => [`${state} ${cluster}`, of])));
    assert.deepEqual(Object.keys(states).sort(), ['accountGone aks-1', 'caseDiffers aks-1', 'clusterGone -', 'elsewhere aks-moved', 'issuerOld aks-moved', 'ok aks-1']);
    assert.equal(findingsOf(audited, 'access-credential-cluster').length, 2);
    assert.match(findingsOf(audited, 'access-credential-account').join('\n'), /^fail identity id-orders-aks-1, credential by-hand-web: aks-1 has no service account orders\/web/);
    assert.match(findingsOf(audited, 'access-credential-case').join('\n'), /^fail identity id-orders-aks-1, credential by-hand-case/);
    assert.deepEqual(findingsOf(audited, 'access-issuer-known'), []);
  });

  it('is asked of an identity that pods still have by pod-managed identity, and not of one that a cluster itself runs as', async () => {
    const { rig, identity } = await federated();
    const looked = async (properties: Record<string, unknown>): Promise<string[]> => {
      rig.world.arm.clusters.edit('aks-1', properties);
      return (await audit(rig, ['aks-1'])).report.inventory.identities.map(({ name }) => name);
    };
    const profile = { enabled: true, userAssignedIdentities: [{ name: 'orders', namespace: 'orders', identity: { resourceId: identity.id } }] };
    assert.deepEqual(await looked({ podIdentityProfile: profile }), ['id-orders-aks-1']);
    assert.deepEqual(await looked({ podIdentityProfile: { enabled: false, userAssignedIdentities: [] }, addonProfiles: { policy: { enabled: true, identity: { resourceId: identity.id } } } }), []);
  });

  it('is no nobody where credentials or grants could not be read', async () => {
    const { rig } = await federated();
    const refuse = (path: RegExp): unknown => rig.network.faults.plant({ service: 'arm', method: 'GET', path, times: 1, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no' } } } });
    refuse(/federatedIdentityCredentials/);
    refuse(/roleAssignments\?/);
    const [identity] = (await audit(rig, ['aks-1'])).report.inventory.identities;
    assert.ok(identity !== undefined);
    const { credentials, credentialsUnread, grants, grantsUnread } = identity;
    assert.deepEqual([credentials, credentialsUnread], [[], 'no (AuthorizationFailed)']);
    assert.deepEqual([grants, grantsUnread?.replace(/[0-9a-f-]{36}/, '…')], [[], 'role assignments of subscription …: no (AuthorizationFailed)']);
  });

  it('is a stranger where an issuer is served that belongs to no cluster, and unclear where clusters could not be listed', async () => {
    const { rig, identity } = await federated();
    await rig.addCluster('aks-away', 'ready');
    identity.credentials.set('by-hand', rig.issuer('aks-away'), subject);
    rig.world.removeCluster('aks-away', 'served');
    const [found] = findingsOf(await audit(rig, ['aks-1']), 'access-issuer-known');
    assert.match(found ?? '', /^fail identity id-orders-aks-1, credential by-hand: the issuer .* is served and belongs to no cluster that is seen$/);
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /managedClusters\?/, times: 1, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no' } } } });
    const [unclear] = findingsOf(await audit(rig, ['aks-1']), 'access-issuer-known');
    assert.match(unclear ?? '', /^unknown identity id-orders-aks-1: credential by-hand: .*there may be others: clusters of subscription .*: no \(AuthorizationFailed\)/);
  });
});

describe('AuditWorkloadIdentity: what an identity reaches', () => {
  it('is told apart: too much, all of a vault, of unknown origin, by an access policy', async () => {
    const { rig, identity } = await federated();
    const { principalId } = identity;
    const vault = rig.world.arm.vaults.find('kv-unit').id;
    grant(rig, principalId, roles['Key Vault Secrets User'], vault);
    grant(rig, principalId, 'b24988ac-6180-42a0-ab88-20f7382dd24c', group);
    await rig.addVault('kv-old', { enableRbacAuthorization: false, accessPolicies: [{ tenantId: rig.connection.tenantId, objectId: principalId, permissions: { secrets: ['get', 'list'], keys: [], certificates: [], storage: [] } }] });
    const audited = await audit(rig, ['aks-1']);
    assert.match(findingsOf(audited, 'access-grant-least').join('\n'), /^fail identity id-orders-aks-1, Contributor on \/subscriptions\/[^/]+\/resourceGroups\/rg-dev: it can change and delete every resource there$/);
    const exact = findingsOf(audited, 'access-grant-exact');
    assert.equal(exact.length, 2, exact.join('\n'));
    assert.match(exact.join('\n'), /access policy \(secrets: get, list\) on .*\/kv-old: an access policy reaches the whole vault/);
    assert.match(exact.join('\n'), /Key Vault Secrets User on .*\/vaults\/kv-unit: it reaches everything of its kind in the vault/);
    assert.deepEqual(findingsOf(audited, 'access-grant-planned').map((one) => one.split(' on ')[0]).sort(), ['fail identity id-orders-aks-1, Contributor', 'fail identity id-orders-aks-1, Key Vault Secrets User']);
    assert.deepEqual(audited.report.inventory.identities[0]?.grants.map(({ state }) => state).sort(), ['broader', 'broader', 'broader', 'planned']);
  });

  it('does not hide what clusters’ own identities may do behind a subscription that cannot be read', async () => {
    const { rig } = await federated();
    rig.world.arm.clusters.edit('aks-1', { identityProfile: { kubeletidentity: { objectId: rig.deployer.objectId } } });
    const prod = addProduction(rig, '');
    const audited = await audit(rig, ['aks-1'], { subscriptions: prod });
    assert.match(findingsOf(audited, 'cluster-kubelet-nothing-else').join('\n'), /^fail aks-1: /);
    assert.match(findingsOf(audited, 'cluster-kubelet-pull').join('\n'), new RegExp(`^unknown aks-1: role assignments could not be read: subscription ${prod}: `));
  });

  it('is told from others of its name by its resource group', async () => {
    const { rig, identity } = await federated();
    rig.world.hierarchy.addResourceGroup(subscriptionId, 'rg-other', 'westeurope');
    const other = rig.world.arm.identities.add(subscriptionId, 'rg-other', identity.name, 'westeurope');
    other.credentials.set('by-hand', 'https://token.actions.githubusercontent.com', subject);
    grant(rig, other.principalId, roles.AcrPull, group);
    const audited = await audit(rig, ['aks-1']);
    assert.deepEqual(audited.report.inventory.identities.map(({ name }) => name), ['rg-dev/id-orders-aks-1', 'rg-other/id-orders-aks-1']);
    assert.match(findingsOf(audited, 'access-grant-planned').join('\n'), /^fail identity rg-other\/id-orders-aks-1, AcrPull on .*$/);
  });

  it('is not planned for having the description of another identity’s grant', async () => {
    const { rig, identity } = await federated();
    const description = rig.world.roles.assignments().find(({ principalId }) => principalId === identity.principalId)?.description ?? '';
    assert.match(description, /id-orders-aks-1/);
    const copied = (of: string): void => {
      grant(rig, identity.principalId, roles.AcrPull, `${group}/providers/Microsoft.KeyVault/vaults/kv-unit/secrets/${of.replaceAll(/\W/g, '')}`, { description: of });
    };
    copied(description.replace('id-orders-aks-1', 'id-billing-aks-1'));
    const planned = findingsOf(await audit(rig, ['aks-1']), 'access-grant-planned');
    assert.match(planned.join('\n'), /^fail identity id-orders-aks-1, AcrPull on .*: its description is that of a grant to \/subscriptions\/.*\/id-billing-aks-1$/);
    copied(description.toUpperCase().replace('AKS-WORKLOAD-IDENTITY', 'aks-workload-identity'));
    assert.equal(findingsOf(await audit(rig, ['aks-1']), 'access-grant-planned').length, 1);
  });

  it('crosses boundaries, allowed or not, and the cluster’s boundary is in the inventory', async () => {
    const { rig, identity } = await federated();
    const { world } = rig;
    const prod = addProduction(rig);
    const registry = await world.addRegistry({ subscriptionId: prod, group: 'rg-prod', name: 'crprod', location: 'westeurope', properties: {} });
    assert.ok(registry.name !== '');
    grant(rig, identity.principalId, roles.AcrPush, world.arm.registries.find('crprod').id);
    const file = new PolicyFile();
    const refusing = 'version: 1\nboundaries:\n  nonprod: [nonprod]\n  prod: [prod]\n';
    const allowing = `${refusing}allow:\n  - {name: releases, from: nonprod, to: prod, kinds: [grant], roles: [AcrPush], reason: images are built there, until: 2099-01-31}\n`;
    try {
      const inputs = { subscriptions: prod };
      const refused = await audit(rig, ['aks-1'], { ...inputs, boundaryPolicy: file.write(refusing) });
      assert.match(findingsOf(refused, 'access-boundaries').join('\n'), /^fail identity id-orders-aks-1, AcrPush on .*crprod: crosses nonprod → prod, and no rule of the boundary policy allows it$/);
      assert.deepEqual(refused.report.inventory.crossings.map(({ from, to, verdict }) => [from, to, verdict]), [['nonprod', 'prod', 'refused']]);
      assert.deepEqual(refused.report.inventory.clusters.map(({ boundary }) => boundary), ['nonprod']);
      const allowed = await audit(rig, ['aks-1'], { ...inputs, boundaryPolicy: file.write(allowing) });
      assert.deepEqual([findingsOf(allowed, 'access-boundaries'), goodOf(allowed, 'access-boundaries')], [[], ['pass']]);
      assert.deepEqual(allowed.report.inventory.crossings.map(({ verdict, rule, reason, until }) => [verdict, rule, reason, until]), [['allowed', 'releases', 'images are built there', '2099-01-31']]);
      const without = await audit(rig, ['aks-1'], inputs);
      assert.deepEqual(goodOf(without, 'access-boundaries'), ['notApplicable']);
      assert.ok(without.report.inventory.unread.some(({ what }) => what === 'crossings of boundaries'));
    } finally {
      file.remove();
    }
  });

  it('crosses boundaries by a credential as well, which is no credential as it should be', async () => {
    const { rig, identity } = await federated();
    const { world } = rig;
    const prod = addProduction(rig);
    const own = world.arm.identities.add(prod, 'rg-prod', 'id-prod', 'westeurope');
    own.credentials.set('by-hand', rig.issuer('aks-1'), subject);
    own.credentials.set('by-hand-case', rig.issuer('aks-1'), 'system:serviceaccount:Orders:api');
    const file = new PolicyFile();
    try {
      const audited = await audit(rig, ['aks-1'], { subscriptions: prod, boundaryPolicy: file.write('version: 1\nboundaries:\n  nonprod: [nonprod]\n  prod: [prod]\n') });
      const { boundaryPolicy, inventory } = audited.report;
      assert.match(boundaryPolicy?.path ?? '', /boundaries\.yml$/);
      const told = inventory.identities.flatMap(({ name, credentials }) => credentials.map((one) => [name, one.name, one.state, one.detail.split('; ')[0]]));
      const crosses = 'crosses nonprod → prod, and no rule of the boundary policy allows it';
      assert.deepEqual(told.filter(([name]) => name === 'id-prod'), [['id-prod', 'by-hand', 'crossing', crosses], ['id-prod', 'by-hand-case', 'caseDiffers', crosses]]);
      assert.deepEqual(told.filter(([name]) => name === identity.name).map(([, , state]) => state), ['ok']);
    } finally {
      file.remove();
    }
  });

  it('is not within the boundaries where nobody can say from where an identity is reached', async () => {
    const { rig, identity } = await federated();
    await rig.addCluster('aks-away', 'ready');
    identity.credentials.set('by-hand', rig.issuer('aks-away'), subject);
    rig.world.removeCluster('aks-away', 'served');
    await rig.addCluster('aks-gone', 'ready');
    const goneIssuer = rig.issuer('aks-gone');
    rig.world.removeCluster('aks-gone');
    const file = new PolicyFile();
    try {
      const boundaryPolicy = file.write('version: 1\nboundaries:\n  nonprod: [nonprod]\n');
      const [untold] = findingsOf(await audit(rig, ['aks-1'], { boundaryPolicy }), 'access-boundaries');
      assert.match(untold ?? '', /^unknown identity id-orders-aks-1: identity id-orders-aks-1, credential by-hand: from which boundary it is used cannot be told: the issuer .* belongs to no cluster that is seen$/);
      identity.credentials.set('by-hand', goneIssuer, subject);
      assert.deepEqual(goodOf(await audit(rig, ['aks-1'], { boundaryPolicy }), 'access-boundaries'), ['pass']);
    } finally {
      file.remove();
    }
  });

  it('was used, was not, or nobody can say', async () => {
    const { rig, identity } = await federated();
    const { world, clock } = rig;
    const log = world.addWorkspace({ subscriptionId, group: 'rg-dev', name: 'law-signins', location: 'westeurope', properties: {} });
    const inputs = { logAnalyticsWorkspace: log.armId, logAnalyticsEndpoint: rig.connection.cloud.logAnalytics?.endpoint ?? '', unusedAfterDays: '30' };
    const at = (daysAgo: number): Date => new Date(clock.now().getTime() - daysAgo * 86_400_000);
    const signIn = (principalId: string, daysAgo: number): object => ({ at: at(daysAgo), principalId, resource: 'Azure Key Vault', resourceId: 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093', resultType: '0' });
    const look = async (...events: object[]): Promise<string[]> => {
      log.signIns.AADManagedIdentitySignInLogs = events as NonNullable<typeof log.signIns.AADManagedIdentitySignInLogs>;
      const audited = await audit(rig, ['aks-1'], inputs);
      return [...findingsOf(audited, 'access-grant-used'), ...goodOf(audited, 'access-grant-used')];
    };
    assert.deepEqual(await look(signIn(identity.principalId, 2)), ['pass']);
    assert.deepEqual(await look(signIn('somebody-else', 28)), ['notApplicable'], 'a grant of today had no time to be used');
    await clock.sleep(31 * 86_400_000);
    assert.match((await look(signIn('somebody-else', 28))).join('\n'), /^fail identity id-orders-aks-1, Key Vault Secrets User on .*: no sign-in since 20\d\d-\d\d-\d\dT.*Z can have been a use of it$/);
    assert.match((await look(signIn('somebody-else', 2))).join('\n'), /^unknown identity id-orders-aks-1: .*: sign-ins are known since 20\d\d-.* only$/);
    const denied = await audit(rig, ['aks-1'], { ...inputs, logAnalyticsWorkspace: '99999999-9999-4999-8999-999999999999' });
    assert.match(findingsOf(denied, 'access-grant-used').join('\n'), /^unknown /);
  });
});
