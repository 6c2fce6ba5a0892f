import assert from 'node:assert/strict';
import { RetiredProviderClasses } from '../../../tasks/_shared/kubernetes/retired-provider-classes.js';
import { SecretProviderClass } from '../../../tasks/_shared/kubernetes/secret-provider-class.js';
import { className, classSpec, type VaultSecrets } from '../../../tasks/_shared/kubernetes/vault-secrets.js';
import { output, unknown, value, type Ref } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { clientId, inProcessCluster, otherClientId, plantNamespace, tenantId, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';

const path = '/apis/secrets-store.csi.x-k8s.io/v1/namespaces/orders/secretproviderclasses';
const place = { namespace: 'orders', release: 'orders' };
const one: VaultSecrets = { vault: 'kv-orders', cloud: '', objects: [{ objectName: 'orders-db', objectType: 'secret' }], paths: { api: '/mnt/secrets' } };
const two: VaultSecrets = { ...one, objects: [...one.objects, { objectName: 'tls', objectType: 'cert' }] };
const synced: VaultSecrets = { ...one, syncSecret: 'orders-db' };
const nameOf = (secrets: VaultSecrets, id = clientId): string => className('orders', secrets, { clientId: id, tenantId });

describe('secret provider class', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
    plantNamespace(world.api);
  });
  afterEach(() => world.close());

  const classOf = (secrets: VaultSecrets, { id = clientId, vaultTenantId = tenantId } = {}): SecretProviderClass =>
    new SecretProviderClass(world.connection, place, secrets, { namespace: value('orders'), clientId: value(id), tenantId: value(tenantId), vaultTenantId: value(vaultTenantId) }, []);
  const retired = (wanted: Ref<string>, after: readonly string[] = [], driver = true): RetiredProviderClasses => new RetiredProviderClasses(world.connection, place, { namespace: value('orders'), driver: value(driver), wanted }, after);
  const run = async (secrets: VaultSecrets | undefined, id = clientId): Promise<RunResult> => {
    world.network.log.clear();
    if (secrets === undefined) return world.run([retired(value(''))]);
    const current = classOf(secrets, { id });
    return world.run([current, retired(output(current, (state) => state.name), [current.key])]);
  };
  const there = (): string[] => world.api.list('SecretProviderClass', 'orders').map(({ metadata }) => metadata.name).sort();

  it('is made as it is wanted, by a part of its own of the field manager, and kept the second time', async () => {
    assert.equal((await run(one)).result, 'succeeded');
    const found = world.api.find('SecretProviderClass', 'orders', nameOf(one));
    assert.deepEqual(found?.spec, classSpec(one, { clientId, tenantId }));
    assert.deepEqual(found.metadata.labels, { 'aks-workload-identity/managed': 'true', 'aks-workload-identity/release': 'orders' });
    assert.deepEqual((found.metadata.managedFields as { manager: string }[]).map(({ manager }) => manager), ['aks-workload-identity.vault']);
    assert.deepEqual(writesOf(world), [`PATCH ${path}/${nameOf(one)}`]);
    assert.equal((await run(one)).result, 'succeeded');
    assert.deepEqual(writesOf(world), []);
  });

  it('is another one for other secrets and another identity, and the former goes afterwards', async () => {
    await run(one);
    assert.equal((await run(two)).result, 'succeeded');
    assert.deepEqual(writesOf(world), [`PATCH ${path}/${nameOf(two)}`, `DELETE ${path}/${nameOf(one)}`]);
    await run(two, otherClientId);
    assert.deepEqual(there(), [nameOf(two, otherClientId)]);
    await run(two, otherClientId);
    assert.deepEqual(writesOf(world), []);
  });

  it('goes when nothing asks for it, and what is not of this release and this project stays', async () => {
    await run(one);
    const labels = { 'aks-workload-identity/managed': 'true', 'aks-workload-identity/release': 'billing' };
    const kind = { apiVersion: 'secrets-store.csi.x-k8s.io/v1', kind: 'SecretProviderClass', spec: { provider: 'azure' } };
    world.api.put({ ...kind, metadata: { namespace: 'orders', name: 'billing-vault-1', labels } });
    world.api.put({ ...kind, metadata: { namespace: 'orders', name: 'by-hand', labels: { 'aks-workload-identity/release': 'orders' } } });
    const result = await run(undefined);
    assert.deepEqual(result.plan.map(({ change }) => change.action), ['delete']);
    assert.deepEqual(there(), ['billing-vault-1', 'by-hand']);
    await run(undefined);
    assert.deepEqual(writesOf(world), []);
  });

  it('is looked for without a word where the driver is not there, the kind is not known, or the right is missing', async () => {
    await world.run([retired(value(''), [], false)]);
    assert.deepEqual(world.network.log.all().filter(({ path: asked }) => asked.includes('secretproviderclasses')), []);
    world.knobs.allows = ({ resource }) => resource !== 'secretproviderclasses';
    assert.equal((await run(undefined)).result, 'succeeded');
    world.knobs.allows = () => true;
    world.api.remove('CustomResourceDefinition', undefined, 'secretproviderclasses.secrets-store.csi.x-k8s.io');
    assert.equal((await run(undefined)).result, 'succeeded');
  });

  it('asks for its rights before it writes', async () => {
    world.knobs.allows = ({ resource, verb }) => resource !== 'secretproviderclasses' || verb === 'get' || verb === 'list';
    const { result, preflight } = await run(one);
    assert.equal(result, 'failed');
    assert.deepEqual(preflight.lacking.map(({ action }) => action), ['create secretproviderclasses.secrets-store.csi.x-k8s.io', 'patch secretproviderclasses.secrets-store.csi.x-k8s.io']);
    assert.deepEqual(writesOf(world), []);
  });

  it('is made anew where somebody changed it, fields of others included', async () => {
    await run(one);
    world.api.edit('SecretProviderClass', 'orders', nameOf(one), (object) => {
      (object.spec as { secretObjects?: unknown }).secretObjects = [{ secretName: 'leak', type: 'Opaque', data: [] }];
    });
    const { result, plan } = await run(one);
    assert.equal(result, 'succeeded');
    assert.deepEqual(plan.map(({ change }) => change.action), ['update', 'keep']);
    assert.deepEqual(world.api.find('SecretProviderClass', 'orders', nameOf(one))?.spec, classSpec(one, { clientId, tenantId }));
    assert.deepEqual(writesOf(world), [`DELETE ${path}/${nameOf(one)}`, `PATCH ${path}/${nameOf(one)}`]);
  });

  it('never takes over what somebody else made', async () => {
    world.api.put({ apiVersion: 'secrets-store.csi.x-k8s.io/v1', kind: 'SecretProviderClass', metadata: { namespace: 'orders', name: nameOf(one) }, spec: { provider: 'vault' } });
    const { problem } = verdictOf(await run(one), classOf(one).key);
    assert.equal(problem?.code, 'WI4707');
    assert.deepEqual(writesOf(world), []);
  });

  it('is refused for a vault of another tenant', async () => {
    const wanted = classOf(one, { vaultTenantId: '99999999-0000-4000-8000-000000000001' });
    const { problem } = verdictOf(await world.run([wanted]), wanted.key);
    assert.equal(problem?.code, 'WI4705');
    assert.match(problem.because, /asks tenant 99999999-.* and the identity belongs to 72f988bf-/);
    assert.deepEqual(writesOf(world), []);
  });

  it('is not synced to a Secret that the driver did not make, whose content is never read', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', data: { password: 'Y2FuYXJ5' } };
    world.api.put({ ...secret, metadata: { namespace: 'orders', name: 'orders-db' } });
    world.api.put({ ...secret, metadata: { namespace: 'orders', name: 'other' } });
    const { problem } = verdictOf(await run(synced), classOf(synced).key);
    assert.equal(problem?.code, 'WI4706');
    assert.match(problem.because, /without the label secrets-store\.csi\.k8s\.io\/managed/);
    assert.deepEqual(writesOf(world), []);
    assert.deepEqual(world.network.log.all().filter(({ path: asked }) => asked.includes('/secrets/')), [], 'only metadata is listed');
    world.api.edit('Secret', 'orders', 'orders-db', ({ metadata }) => {
      metadata.labels = { 'secrets-store.csi.k8s.io/managed': 'true' };
    });
    assert.equal((await run(synced)).result, 'succeeded');
  });

  it('is planned before its identity is known, and made by a run after one that was killed', async () => {
    const open = classOf(one);
    const change = open.plan(undefined, { namespace: 'orders', clientId: unknown, tenantId: unknown, vaultTenantId: tenantId });
    assert.ok(change.action === 'create' && change.fields.some(({ field, after }) => field === 'clientId' && after === '(known after apply)'));
    await run(one);
    await world.run([classOf(two)]);
    assert.deepEqual(there(), [nameOf(one), nameOf(two)].sort(), 'killed before the former one went');
    await run(two);
    assert.deepEqual(there(), [nameOf(two)]);
  });
});
