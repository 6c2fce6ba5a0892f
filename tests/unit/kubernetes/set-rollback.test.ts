import assert from 'node:assert/strict';
import { TakeBack } from '../../../tasks/_shared/kubernetes/take-back.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { inProcessCluster, plantNamespace, writesOf, type ClusterWorld } from './cluster-world.js';
import { account, config, deployed, deployment, file, refused, service } from './set-world.js';

const good = file(account, config('good'), deployment('api:good'));
const broken = file(account, config('broken'), service, deployment('api:broken'));
const claim = 'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n';
const job = (image: string): string => `apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: "${image}"}]}}}\n`;
/** Longer than a missing image is given until waiting counts as useless. */
const short = { timeoutMs: 300_000 };

describe('a manifest set that cannot be deployed', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
    world.api.failImage(/:broken$/);
  });
  afterEach(() => world.close());

  const image = (): string => textAt(itemsAt(world.api.find('Deployment', 'orders', 'api'), 'spec', 'template', 'spec', 'containers')[0], 'image');
  const names = (): string[] => ['Deployment', 'Service', 'ConfigMap', 'ServiceAccount', 'Secret', 'PersistentVolumeClaim'].flatMap((kind) => world.api.list(kind, 'orders').map(({ metadata: { name } }) => `${kind} ${name}`)).filter((name) => !/ default$|kube-root-ca/.test(name));

  it('goes back to what was applied before, without what the failed one added, and the next run has nothing to do', async () => {
    await deployed(world, { manifests: good });
    const problem = await refused(world, { manifests: broken, ...short });
    assert.equal(problem.code, 'WI4306');
    assert.match(problem.because, /container main: (ErrImagePull|ImagePullBackOff)/);
    assert.match(problem.remedy, /; the set is as revision 1 was again$/);
    assert.deepEqual([image(), world.api.find('ConfigMap', 'orders', 'settings')?.data], ['api:good', { mode: 'good' }]);
    assert.deepEqual(world.api.list('Service', 'orders'), []);
    world.network.log.clear();
    assert.equal((await deployed(world, { manifests: good })).reason, 'its 3 objects are as they were applied (revision 1)');
    assert.deepEqual(writesOf(world), []);
  });

  it('is removed where it was the first, and what was there before is as it was', async () => {
    plantNamespace(world.api);
    world.api.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'orders', name: 'settings', labels: { team: 'orders' } }, data: { theirs: 'x' } });
    const { code, remedy } = await refused(world, { manifests: file(broken, claim), ...short });
    assert.equal(code, 'WI4306');
    assert.match(remedy, /; it was the first one, and nothing that it made is left, but for persistent volume claim orders\/data, which is never deleted$/);
    assert.deepEqual(names(), ['ConfigMap settings', 'PersistentVolumeClaim data']);
    const found = world.api.find('ConfigMap', 'orders', 'settings');
    assert.deepEqual([found?.data, found?.metadata.labels], [{ theirs: 'x' }, { team: 'orders' }]);
    await deployed(world, { manifests: file(good, claim) });
  });

  it('goes back once it was applied and a proof of it fails, with what was taken away by then', async () => {
    const takeBack = new TakeBack(true);
    await deployed(world, { manifests: good });
    await deployed(world, { manifests: file(account, service, deployment('api:new')), takeBack });
    assert.deepEqual([image(), names()], ['api:new', ['Deployment api', 'Service api', 'ServiceAccount api', 'Secret aks-workload-identity.set.orders']]);
    const writer = { signal: world.abort.signal, progress: () => undefined, write: <T>(_intent: unknown, send: (accepted: () => void) => Promise<T>) => send(() => undefined) };
    const { code, parts: { remedy } } = await takeBack.after(new Problem({ code: 'WI2301', what: 'x', because: 'y', remedy: 'z' }), writer);
    assert.match(remedy, /; the set is as revision 1 was again$/);
    assert.deepEqual([code, takeBack.done], ['WI2301', true]);
    assert.deepEqual([image(), names()], ['api:good', ['Deployment api', 'ConfigMap settings', 'ServiceAccount api', 'Secret aks-workload-identity.set.orders']]);
    assert.equal((await deployed(world, { manifests: good })).reason, 'its 3 objects are as they were applied (revision 1)');
  });

  it('goes back as well where an object is refused half-way, and names all of them', async () => {
    await deployed(world, { manifests: good });
    const forbidden = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'services "api" is forbidden: taken away', reason: 'Forbidden', code: 403 };
    world.network.faults.plant({ method: 'PATCH', path: /\/services\/api\?(?!.*dryRun)/, respond: { status: 403, body: forbidden } });
    const { code, what, remedy } = await refused(world, { manifests: file(account, config('new'), service, deployment('api:new')) });
    assert.deepEqual([code, what], ['WI4003', 'The cluster aks-dev-weu-1 refused to apply service orders/api']);
    assert.match(remedy, /; the set is as revision 1 was again$/);
    assert.deepEqual([image(), world.api.find('ConfigMap', 'orders', 'settings')?.data], ['api:good', { mode: 'good' }]);
  });

  it('stays where that is asked for, and the next run goes on from there', async () => {
    await deployed(world, { manifests: good });
    const { remedy } = await refused(world, { manifests: broken, atomic: false, ...short });
    assert.match(remedy, /; what was deployed stays as it is \(atomic is false\)$/);
    assert.equal(image(), 'api:broken');
    const { fields } = await deployed(world, { manifests: good });
    assert.deepEqual(fields.map(({ field, after }) => `${field} ${after.replace(/^[0-9a-f]{8}/, 'digest')}`), [
      'config map orders/settings digest, again', 'deployment orders/api digest, again', 'service orders/api deleted',
    ]);
    assert.deepEqual(names(), ['Deployment api', 'ConfigMap settings', 'ServiceAccount api', 'Secret aks-workload-identity.set.orders']);
  });

  it('is told to be neither the old nor the new one where the way back is closed too', async () => {
    await deployed(world, { manifests: good });
    world.knobs.allows = ({ verb, resource }) => !(verb === 'patch' && resource === 'configmaps' && image() === 'api:broken');
    const { code, what, because } = await refused(world, { manifests: broken, ...short });
    assert.equal(code, 'WI4607');
    assert.match(what, /^Pods of orders\/orders on aks-dev-weu-1 do not start, and it could not be taken back$|^The rollout of orders\/orders on aks-dev-weu-1 did not end, and it could not be taken back$/);
    assert.match(because, /ErrImagePull|ImagePullBackOff/);
    assert.match(because, /; then the rollback failed: .*cannot patch resource "configmaps"/);
    world.knobs.allows = () => true;
    await deployed(world, { manifests: good });
    assert.deepEqual(world.api.list('Service', 'orders'), []);
  });

  it('does not run jobs again, and a next run does', async () => {
    await deployed(world, { manifests: file(good, job('m:1')) });
    await world.clock.sleep(10_000);
    await refused(world, { manifests: file(broken, job('m:2')), ...short });
    const images = (): string => textAt(itemsAt(world.api.find('Job', 'orders', 'migrate'), 'spec', 'template', 'spec', 'containers')[0], 'image');
    assert.deepEqual([image(), images()], ['api:good', 'm:2']);
    await world.clock.sleep(10_000);
    await deployed(world, { manifests: file(good, job('m:1')) });
    assert.equal(images(), 'm:1');
  });

  it('is let be where another run works on the set by then, or this one is cancelled', async () => {
    await deployed(world, { manifests: good });
    const isOrders = { method: 'PATCH', path: /\/deployments\/api\?(?!.*dryRun)/, times: 1 };
    world.network.faults.plant({ ...isOrders, then: () => {
      world.api.edit('Secret', 'orders', 'aks-workload-identity.set.orders', ({ metadata }) => {
        metadata.annotations = { other: 'run' };
      });
    } });
    const { code, because } = await refused(world, { manifests: broken, ...short });
    assert.equal(code, 'WI4607');
    assert.match(because, /then the rollback failed: another run has begun to work on the set$/);
    await deployed(world, { manifests: good });
    world.network.faults.plant({ ...isOrders, then: () => {
      world.abort.abort(new Error('cancelled'));
    } });
    assert.equal((await refused(world, { manifests: broken, ...short })).code, 'WI9002');
    assert.equal(image(), 'api:broken');
  });
});
