import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../../tasks/FederateServiceAccount/federate-service-account.js';
import { toLedger, ledgerText } from '../../../../tasks/_shared/report/ledger.js';
import { FakeAgent } from '../../agent/fake-agent.js';
import { Rig } from '../../azure/azure-world.js';
import { audit, findingsOf, goodOf } from './audit-rig.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const who = { task: 'FederateServiceAccount', run: 'unit 1', signIn: 'app', correlation: 'c', connection: 'contoso', connectionId: 'c' };

describe('AuditWorkloadIdentity: drift against ledgers', () => {
  let rig: Rig;
  let agent: FakeAgent;
  let ledger: string;

  beforeEach(async () => {
    rig = await Rig.start();
    agent = new FakeAgent();
    await rig.addCluster('aks-1', 'ready');
    await rig.addVault();
    await rig.addVault('kv-old', { enableRbacAuthorization: false });
    const inputs = [{ ...workload, keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' }, { ...workload, keyVault: 'rg-dev/kv-old', secrets: 'orders-db', allowVaultWideAccess: 'true' }];
    for (const one of inputs) assert.equal((await rig.runTask(federateServiceAccount, ['aks-1'], one)).result.result, 'succeeded');
    ledger = kept();
  });

  afterEach(() => agent.dispose());

  /** The ledger of every run so far, in a file. */
  const kept = (): string => {
    const lines = rig.journal.flatMap(({ outcome, ...entry }) => (['intended', outcome === 'done' ? 'done' : 'failed'] as const).map((phase) => ({ version: 1, phase, entry }) as const));
    return agent.keepFile('ledger.jsonl', ledgerText(toLedger(lines, who)));
  };

  const drift = async (): Promise<string[]> => {
    const audited = await audit(rig, ['aks-1'], { ledger });
    return [...findingsOf(audited, 'ledger-drift'), ...goodOf(audited, 'ledger-drift')];
  };

  it('is none right after the runs, and access policies are known by the ledger alone', async () => {
    const audited = await audit(rig, ['aks-1'], { ledger });
    assert.deepEqual([findingsOf(audited, 'ledger-drift'), goodOf(audited, 'ledger-drift')], [[], ['pass']]);
    assert.deepEqual(goodOf(audited, 'access-grant-planned'), ['pass']);
    const without = await audit(rig, ['aks-1']);
    assert.match(findingsOf(without, 'access-grant-planned').join('\n'), /^unknown identity id-orders-aks-1: access policy \(secrets: get\) on .*kv-old: entries of access policies carry no mark, and no ledger was given$/);
    assert.deepEqual(goodOf(without, 'ledger-drift'), ['notApplicable']);
  });

  it('plans no permission that a run did not give: an entry that got more since is of somebody else', async () => {
    const { principalId } = rig.world.arm.identities.find('id-orders-aks-1');
    const entry = (secrets: string[]): Record<string, unknown> => ({ accessPolicies: [{ tenantId: rig.connection.tenantId, objectId: principalId, permissions: { secrets, keys: [], certificates: [], storage: [] } }] });
    rig.world.arm.vaults.edit('kv-old', entry(['Get']));
    assert.deepEqual(goodOf(await audit(rig, ['aks-1'], { ledger }), 'access-grant-planned'), ['pass']);
    rig.world.arm.vaults.edit('kv-old', entry(['get', 'delete']));
    assert.match(findingsOf(await audit(rig, ['aks-1'], { ledger }), 'access-grant-planned').join('\n'), /^fail identity id-orders-aks-1, access policy \(secrets: get, delete\) on .*kv-old: a ledger tells of it, but not of delete on secrets$/);
  });

  it('takes no cluster and no identity that could not be read for one that is as it was', async () => {
    const refused = { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no' } } };
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /managedClusters/, respond: refused });
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /userAssignedIdentities\?/, respond: refused });
    const [unread, ...others] = await drift();
    assert.deepEqual(others, []);
    assert.match(unread ?? '', /^unknown : identity id-orders-aks-1: no \(AuthorizationFailed\); service account orders\/api on aks-1: no \(AuthorizationFailed\); identity id-orders-aks-1, credential wi-.*: no \(AuthorizationFailed\)$/);
  });

  it('tells each object that is gone or was changed', async () => {
    const { arm, roles: store, clusters } = rig.world;
    const identity = arm.identities.find('id-orders-aks-1');
    const [grant] = store.assignments().filter(({ principalId }) => principalId === identity.principalId);
    assert.ok(grant !== undefined);
    store.remove(grant.name);
    const [trust] = identity.credentials.trusts();
    assert.ok(trust !== undefined);
    identity.credentials.set(trust.name, trust.issuer, 'system:serviceaccount:orders:other');
    arm.vaults.edit('kv-old', { accessPolicies: [] });
    clusters.get('aks-1')?.remove('ServiceAccount', 'orders', 'api');
    const found = await drift();
    assert.equal(found.length, 4, found.join('\n'));
    assert.match(found.join('\n'), /^fail access policy of [0-9a-f-]{36} in vault kv-old: it is gone, and no ledger tells that it was taken back$/m);
    assert.match(found.join('\n'), /^fail identity id-orders-aks-1, credential wi-.*: it trusts .* system:serviceaccount:orders:other, and .* system:serviceaccount:orders:api was written$/m);
    assert.match(found.join('\n'), /^fail role assignment [0-9a-f-]{36} on .*orders-db: it is gone/m);
    assert.match(found.join('\n'), /^fail service account orders\/api on aks-1: it is gone/m);
  });

  it('tells an identity that is gone with everything of it, and what could not be read is no drift', async () => {
    rig.world.arm.identities.remove('id-orders-aks-1');
    const found = await drift();
    assert.match(found.join('\n'), /^fail identity id-orders-aks-1: it is gone/m);
    assert.match(found.join('\n'), /^fail identity id-orders-aks-1, credential wi-.*: it is gone/m);
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /roleAssignments\?/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'not you' } } } });
    assert.ok(!(await drift()).join('\n').includes('role assignment'), 'an unread list tells of nothing that is gone');
  });

  it('is none after what was taken back', async () => {
    const absent = { ...workload, keyVault: 'rg-dev/kv-unit', secrets: 'orders-db', state: 'absent' };
    assert.notEqual((await rig.runTask(federateServiceAccount, ['aks-1'], absent)).result.result, 'failed');
    ledger = kept();
    const found = await drift();
    assert.deepEqual(found.filter((one) => one.startsWith('fail')), [], found.join('\n'));
  });
});
