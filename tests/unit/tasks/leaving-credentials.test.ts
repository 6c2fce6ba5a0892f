import assert from 'node:assert/strict';
import { Approval, approvedChange } from '../../../tasks/_shared/reconcile/approval.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { writes } from '../../../tasks/_shared/reconcile/resource.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { DeployWorld } from './deploy-world.js';

const kubernetes = 'kubernetes';
const withoutKey = 'aks-workload-identity/without';
const leaving = { removeCredentials: 'env:ORDERS_VAULT_SECRET' };
const staying = { ...leaving, registryAuth: 'admin-user' };

/** The variables that the deployment's container has. */
function variables({ api }: DeployWorld): string[] {
  const [container] = itemsAt(api.find('Deployment', 'orders', 'orders-api'), 'spec', 'template', 'spec', 'containers');
  return itemsAt(container, 'env').map((one) => textAt(one, 'name'));
}

/** Numbers of the revisions that run without, or ran. */
function without({ api }: DeployWorld): string[] {
  const labels = api.list('Secret', 'orders').map(({ metadata }) => metadata.labels ?? {}).filter(({ owner }) => owner === 'helm');
  return labels.filter((one) => one[withoutKey] !== undefined).map(({ version = '' }) => version).sort();
}

/** `helm release: update, because`, of the two deployments. */
function planned({ plan }: RunResult): string[] {
  return plan.flatMap(({ resource, change }) => (resource.kind.startsWith('helm release') ? [`${resource.kind}: ${change.action}${'reason' in change ? `, ${change.reason}` : ''}`] : []));
}

function fields({ plan }: RunResult): string[] {
  return plan.flatMap(({ resource, change }) => (resource.kind.startsWith('helm release') && writes(change) ? change.fields.filter(({ field }) => field.includes(':')).map(({ field, before = '', after }) => `${field}: ${before} → ${after}`) : []));
}

const both = ['ORDERS_VAULT', 'ORDERS_VAULT_SECRET'];
const kept = ['ORDERS_VAULT'];

describe('leaving registry credentials with a chart', function () {
  this.timeout(20_000);
  let world: DeployWorld;
  before(async () => (world = await DeployWorld.start()));

  it('deploys a first release with them, proves it, and takes them out', async () => {
    const result = await world.succeeds('one', leaving);
    assert.deepEqual(planned(result), ['helm release: create, there is no such release', 'helm release without registry credentials: update, after its proof']);
    assert.deepEqual(fields(result), ['env:ORDERS_VAULT_SECRET: deployment orders/orders-api, container api → taken out']);
    assert.deepEqual(variables(world), kept);
    assert.deepEqual([world.revisions(), without(world)], [['1 superseded', '2 deployed'], ['2']]);
  });

  it('writes nothing the second time', async () => {
    const result = await world.succeeds('one', leaving);
    assert.ok(result.applied.every(({ outcome }) => outcome.result === 'kept'), JSON.stringify(planned(result)));
    assert.deepEqual(planned(result), ['helm release: keep, its pods run without the registry credentials already', 'helm release without registry credentials: keep, chart, values and release are equal (revision 2)']);
  });

  it('deploys a changed chart once, without them', async () => {
    const result = await world.succeeds('two', leaving);
    assert.deepEqual(planned(result), ['helm release: keep, its pods run without the registry credentials already', 'helm release without registry credentials: update, chart, values or identity changed']);
    assert.deepEqual([world.tag(), variables(world), world.revisions().at(-1), without(world)], ['two', kept, '3 deployed', ['2', '3']]);
  });

  it('brings them back with admin-user, and shows what that does', async () => {
    const { result: dry } = await world.deploy('two', staying, { dryRun: true });
    assert.deepEqual([planned(dry), fields(dry)], [['helm release: update, the registry credentials that were taken out come back'], ['env:ORDERS_VAULT_SECRET: taken out → as before']]);
    await world.succeeds('two', staying);
    assert.deepEqual([variables(world), without(world)], [both, ['2', '3']]);
    const again = await world.succeeds('two', staying);
    assert.deepEqual(planned(again), ['helm release: keep, chart, values and release are equal (revision 4)']);
  });

  it('shows what the way back to the identity does, and goes it', async () => {
    const { result: dry } = await world.deploy('two', leaving, { dryRun: true });
    assert.deepEqual([planned(dry), fields(dry)], [['helm release: keep, chart, values and release are equal (revision 4)', 'helm release without registry credentials: update, after its proof'], ['env:ORDERS_VAULT_SECRET: deployment orders/orders-api, container api → taken out']]);
    await world.succeeds('two', leaving);
    assert.deepEqual([variables(world), world.revisions().at(-1), without(world)], [kept, '5 deployed', ['2', '3', '5']]);
  });

  it('does what an approved plan shows, and not what it does not', async () => {
    await world.succeeds('two', staying);
    const plan = async (inputs: Readonly<Record<string, string>>): Promise<Approval> => {
      const { result } = await world.deploy('three', inputs, { dryRun: true });
      return new Approval(result.plan.map(({ resource, change }) => approvedChange(resource, change)));
    };
    const { result: refused } = await world.deploy('three', leaving, { approval: await plan(staying) });
    assert.deepEqual(refused.preflight.findings.map(({ problem: { code, what } }) => `${code} ${what}`), ['WI3003 To update helm release without registry credentials orders/orders-api was not approved']);
    const { result: done } = await world.deploy('three', leaving, { approval: await plan(leaving) });
    assert.equal(done.result, 'succeeded', JSON.stringify(done.applied.map(({ outcome }) => outcome)));
    assert.deepEqual([world.tag(), variables(world)], ['three', kept]);
  });

  it('puts them back for a proof of its own where other ones are named', async () => {
    const others = { removeCredentials: 'env:ORDERS_VAULT' };
    assert.deepEqual(planned(await world.succeeds('two', others)), ['helm release: update, the registry credentials that were taken out come back', 'helm release without registry credentials: update, after its proof']);
    assert.deepEqual(variables(world), ['ORDERS_VAULT_SECRET']);
    assert.deepEqual(planned(await world.succeeds('two')), ['helm release: update, the registry credentials that were taken out come back']);
    assert.deepEqual(variables(world), both);
  });

  it('leaves them where the proof fails', async () => {
    const { identity } = world;
    void identity.credentials.delete('wi-aks-1');
    const problem = await world.fails('two', leaving);
    assert.match(`${problem.code} ${problem.remedy}`, /^WI2301 .*nothing was taken back, since this run deployed nothing; env:ORDERS_VAULT_SECRET is taken out only after that$/);
    assert.deepEqual(variables(world), both);
    identity.credentials.set('wi-aks-1', world.rig.issuer(), 'system:serviceaccount:orders:api');
    world.rig.clock.advance(3_600_000);
  });

  it('goes on after a run that was killed while it took them out', async () => {
    const [newest] = world.api.list('Secret', 'orders').filter(({ metadata }) => metadata.labels?.status === 'deployed');
    assert.ok(newest !== undefined);
    const version = Number(newest.metadata.labels?.version) + 1;
    const labels = { ...newest.metadata.labels, version: String(version), status: 'pending-upgrade', [withoutKey]: 'f'.repeat(40), 'aks-workload-identity/until': `${version}.1` };
    world.api.put({ ...newest, metadata: { namespace: 'orders', name: `sh.helm.release.v1.orders-api.v${version}`, labels } });
    assert.deepEqual(planned(await world.succeeds('two', leaving)).at(-1), 'helm release without registry credentials: update, after its proof');
    assert.deepEqual(variables(world), kept);
  });

  it('goes back to the deployment that has them where the one without does not start', async () => {
    await world.succeeds('two', staying);
    const stop = world.rig.network.faults.plant({ service: kubernetes, method: 'PATCH', path: /\/deployments\/orders-api/, times: 1, respond: { status: 422, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'it is too late', reason: 'Invalid', code: 422 } } });
    world.rig.world.arm.clusters.edit('aks-1', { networkProfile: { networkPolicy: 'azure' } });
    const problem = await world.fails('two', { ...leaving, networkPolicy: 'default-deny', egressAllowed: '10.1.4.5' });
    stop();
    assert.match(`${problem.code} ${problem.because} ${problem.remedy}`, /^WI4209 .*it is too late.*; the release has what revision \d+ had, as revision \d+$/);
    const newest = String(Math.max(...world.revisions().map((one) => Number.parseInt(one, 10))));
    assert.deepEqual(world.api.list('NetworkPolicy', 'orders').length, 1, 'what the proven deployment was given goes');
    assert.ok(!without(world).includes(newest), 'a revision with them has the label of one without');
    assert.deepEqual(variables(world), both);
  });

  it('is not done while pods have them from somebody else', async () => {
    await world.succeeds('two', leaving);
    world.api.edit('Deployment', 'orders', 'orders-api', (deployment) => {
      const [container] = itemsAt(deployment, 'spec', 'template', 'spec', 'containers');
      Object.assign(container ?? {}, { env: [...itemsAt(container, 'env'), { name: 'ORDERS_VAULT_SECRET', value: 'by hand' }] });
    }, 'kubectl-edit');
    const { code, what, because } = await world.fails('two', leaving);
    assert.equal(code, 'WI4810');
    assert.match(what, /^Pods of orders\/orders-api on aks-1 still have env:ORDERS_VAULT_SECRET$/);
    assert.match(because, /pod orders-api-\S+, container api/);
  });

  it('refuses names that no pod has, with those that there are', async () => {
    const problem = await world.fails('two', { removeCredentials: 'env:ORDERS_VAULT, env:REGISTRY_PASSWORD, mount:docker' });
    assert.equal(problem.code, 'WI4801');
    assert.match(problem.what, /has env:REGISTRY_PASSWORD, mount:docker$/);
    assert.match(problem.because, /env:ORDERS_VAULT, env:ORDERS_VAULT_SECRET/);
  });
});
