import assert from 'node:assert/strict';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { textAt } from '../../simulators/kubernetes/objects/values.js';
import { clientId, otherClientId, writesOf } from '../../unit/kubernetes/cluster-world.js';
import { account, config, deployed, deployment, file, refused, service, type SetWish } from '../../unit/kubernetes/set-world.js';
import { eachWithCluster, title, type Cluster } from './backend.js';

const all = file(account, config(), service, deployment());
const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: valves.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Valve, plural: valves, singular: valve}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`;
const valve = 'apiVersion: example.com/v1\nkind: Valve\nmetadata: {name: main}\nspec: {open: true}\n';

describe(`manifest sets on ${title}`, () => {
  let cluster: Cluster;
  eachWithCluster((given) => {
    cluster = given;
  });

  const deploy = (manifests: string, more: Partial<SetWish> = {}): ReturnType<typeof deployed> => deployed(cluster, { manifests, namespace: cluster.namespace, ...more });
  const refuse = (manifests: string, more: Partial<SetWish> = {}): Promise<ProblemParts> => refused(cluster, { manifests, namespace: cluster.namespace, ...more });
  const mode = async (): Promise<unknown> => (await cluster.find('ConfigMap', 'settings'))?.data;
  const identity = async (): Promise<string> => textAt(await cluster.find('ServiceAccount', 'api'), 'metadata', 'annotations', 'azure.workload.identity/client-id');

  it('are applied with identity, write nothing the second time, change what changed, and delete what is not among them any more', async () => {
    assert.equal((await deploy(all)).action, 'create');
    assert.equal(await identity(), clientId);
    cluster.network.log.clear();
    assert.equal((await deploy(all)).reason, 'its 4 objects are as they were applied (revision 1)');
    assert.deepEqual(writesOf(cluster), []);
    const { fields } = await deploy(file(account, config('b'), deployment()), { clientId: otherClientId });
    const place = cluster.namespace;
    assert.deepEqual(fields.map(({ field }) => field), [`service account ${place}/api`, `config map ${place}/settings`, `deployment ${place}/api`, `service ${place}/api`]);
    assert.deepEqual([await mode(), await identity(), await cluster.find('Service', 'api')], [{ mode: 'b' }, otherClientId, undefined]);
  });

  it('name who set a field to another value, and put back what was taken out', async () => {
    await deploy(all);
    const { connection, namespace } = cluster;
    const foreign = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'settings' }, data: { mode: 'theirs' } };
    await connection.apply(foreign, { part: 'somebody', force: true });
    cluster.network.log.clear();
    const problem = await refuse(all);
    assert.match(`${problem.code} ${problem.because}`, /^WI4004 .*aks-workload-identity\.somebody/);
    assert.deepEqual(writesOf(cluster), []);
    assert.equal((await deploy(all, { overwrite: true })).action, 'update');
    assert.deepEqual(await mode(), { mode: 'a' });
    await connection.remove({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'settings' });
    assert.deepEqual((await deploy(all)).fields.map(({ field }) => field), [`config map ${namespace}/settings`]);
    assert.deepEqual(await mode(), { mode: 'a' });
  });

  it('are refused before the first write where the API server would refuse an object', async () => {
    await deploy(all);
    cluster.network.log.clear();
    const problem = await refuse(file(account, config('b'), service, deployment().replace('containers:', 'contaners:')));
    assert.match(problem.because, /contaners/);
    assert.deepEqual(writesOf(cluster), []);
  });

  it('go back to what ran before when their pods do not start, and away when they were the first', async () => {
    cluster.failImage(/broken/);
    const broken = file(account, config('b'), deployment('broken:1'));
    const first = await refuse(broken, { timeoutMs: 20_000 });
    assert.match(first.remedy, /it was the first one, and nothing that it made is left/);
    assert.deepEqual([await cluster.find('Deployment', 'api'), await mode()], [undefined, undefined]);
    await deploy(all);
    const second = await refuse(broken, { timeoutMs: 20_000 });
    assert.match(second.remedy, /the set is as revision 1 was again/);
    assert.deepEqual(await mode(), { mode: 'a' });
    assert.equal((await deploy(all)).action, 'keep');
  });

  it('wait for a definition before they apply its objects', async () => {
    await deploy(file(all, valve, definition));
    assert.equal((await cluster.connection.get({ apiVersion: 'example.com/v1', kind: 'Valve', namespace: cluster.namespace, name: 'main' }))?.metadata.name, 'main');
    cluster.network.log.clear();
    assert.equal((await deploy(file(all, valve, definition))).action, 'keep');
    assert.deepEqual(writesOf(cluster), []);
  });
});
