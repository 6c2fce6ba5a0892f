import assert from 'node:assert/strict';
import { rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { takeKeysInTurn, takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import { Rig, subscriptionId, tenantId } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };
const [clientKey, tenantKey] = ['azure.workload.identity/client-id', 'azure.workload.identity/tenant-id'];

describe('state absent with a ledger', () => {
  let rig: Rig;
  let vault: string;
  let folder: string;
  beforeEach(async () => {
    takeKeysAgain();
    folder = mkdtempSync(join(tmpdir(), 'restore-'));
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    vault = await rig.addVault();
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  after(takeKeysInTurn);
  const run = async (inputs: Record<string, string> = {}): Promise<RunResult> => {
    const { result } = await rig.runTask(federateServiceAccount, ['aks-1'], { ...given, ...inputs });
    return result;
  };
  const ledger = join('ledger.jsonl');
  /** Writes what the runs so far journalled, as the tasks attach it. */
  const keep = (): string => {
    const path = join(folder, ledger);
    writeFileSync(path, rig.journal.map((entry) => `${JSON.stringify({ version: 1, task: 'FederateServiceAccount', run: 'r', signIn: 's', correlation: 'c', ...entry })}\n`).join(''));
    return path;
  };
  const api = (): NonNullable<ReturnType<Rig['world']['clusters']['get']>> => rig.world.clusters.get('aks-1')!;
  const annotations = (): Readonly<Record<string, string>> => api().find('ServiceAccount', 'orders', 'api')?.metadata.annotations ?? {};
  /** A service account of somebody else, with annotations that no field manager owns any more, as after an update by an old client. */
  const plant = (own: Record<string, string>): void => {
    api().put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    api().put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api', annotations: own, labels: { app: 'api' } } }, 'theirs');
    api().edit('ServiceAccount', 'orders', 'api', ({ metadata }) => {
      const labels = { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } } };
      metadata.managedFields = [{ manager: 'theirs', operation: 'Update', apiVersion: 'v1', time: '2026-01-01T00:00:00Z', fieldsType: 'FieldsV1', fieldsV1: labels }];
    }, 'theirs');
  };
  const left = (result: RunResult): string[] => result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? [`${outcome.shortfall.code} ${outcome.shortfall.because} ${outcome.shortfall.remedy}`] : []));

  it('writes back what annotations were before, once, and takes them over again when asked to', async () => {
    plant({ [clientKey]: idOf('before'), team: 'orders' });
    assert.equal((await run()).result, 'succeeded');
    const { clientId } = rig.world.arm.identities.find('id-orders-aks-1');
    assert.equal(annotations()[clientKey], clientId);
    const path = keep();
    const result = await run({ state: 'absent', ledger: path });
    assert.deepEqual([annotations()[clientKey], annotations()[tenantKey]], [idOf('before'), undefined]);
    const change = result.plan.find(({ resource }) => resource.kind === 'service account')?.change;
    assert.ok(change?.action === 'update');
    assert.deepEqual(change.fields, [{ field: clientKey, before: clientId, after: idOf('before') }, { field: tenantKey, before: tenantId, after: '(none)' }]);
    rig.network.log.clear();
    assert.deepEqual([(await run({ state: 'absent', ledger: path })).result, rig.writes()], ['succeeded', []]);
    assert.equal((await run()).result, 'succeeded');
    assert.equal(annotations()[clientKey], rig.world.arm.identities.find('id-orders-aks-1').clientId);
  });

  it('finishes a restoration that was cut off between its two writes', async () => {
    plant({ [clientKey]: idOf('before') });
    await run();
    const path = keep();
    rig.network.faults.plant({ service: 'kubernetes/aks-1', method: 'PATCH', times: 1, then: () => rig.abort.abort(new Error('stop')) });
    await run({ state: 'absent', ledger: path }).catch(() => undefined);
    assert.deepEqual(annotations(), { [clientKey]: idOf('before'), [tenantKey]: tenantId });
    const { result } = await rig.restarted().runTask(federateServiceAccount, ['aks-1'], { ...given, state: 'absent', ledger: path });
    assert.deepEqual([result.result, annotations()], ['succeeded', { [clientKey]: idOf('before') }]);
  });

  it('restores nothing that somebody changed since, and says what it was, what it is, and how to set it', async () => {
    plant({ [clientKey]: idOf('before') });
    await run();
    const path = keep();
    api().edit('ServiceAccount', 'orders', 'api', (found) => void Object.assign(found.metadata.annotations ?? {}, { [clientKey]: idOf('since') }), 'aks-workload-identity');
    const result = await run({ state: 'absent', ledger: path });
    assert.equal(annotations()[clientKey], idOf('since'));
    assert.equal(result.result, 'succeededWithIssues');
    assert.match(left(result).join(), new RegExp(`WI4132 it is ${idOf('since')} by now.*before that it was ${idOf('before')}.*kubectl annotate serviceaccount api --namespace orders --overwrite azure.workload.identity/client-id=${idOf('before')}`));
  });

  it('takes the annotations of an identity that is gone only where a ledger shows its client id', async () => {
    assert.equal((await run()).result, 'succeeded');
    const path = keep();
    rig.world.arm.identities.remove('id-orders-aks-1');
    const blind = await run({ state: 'absent' });
    assert.match(left(blind).join(), /^WI4134 .*identity id-orders-aks-1 is gone, and no ledger tells that this was its client id/);
    assert.notEqual(annotations()[clientKey], undefined);
    const seeing = await run({ state: 'absent', ledger: path });
    assert.deepEqual([seeing.result, annotations()[clientKey]], ['succeeded', undefined]);
  });

  it('knows by the ledger what neither name nor description shows', async () => {
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders-aks-1', 'westeurope');
    await run();
    const made = rig.world.roles.assignments().find(({ scope }) => scope.endsWith('/secrets/orders-db'))!;
    rig.world.roles.remove(made.name);
    rig.world.roles.add({ principalId: made.principalId, principalType: 'ServicePrincipal', name: idOf('another name'), description: 'edited by hand', scope: `${vault}/secrets/orders-db`, roleDefinitionId: roles['Key Vault Secrets User'] });
    const without = await run({ state: 'absent' });
    assert.match(left(without).join(), /WI2312/);
    const [entry] = rig.journal.filter(({ object }) => object.includes('/roleAssignments/'));
    rig.journal.push({ ...entry!, object: entry!.object.replace(/[^/]+$/, idOf('another name')), outcome: 'done' });
    const withIt = await run({ state: 'absent', ledger: keep() });
    assert.deepEqual([left(withIt), rig.world.roles.find(idOf('another name'))], [[], undefined]);
  });
});
