import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ServiceAccount } from '../../../tasks/_shared/kubernetes/service-account.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { clientId, inProcessCluster, otherClientId, plantNamespace, plantServiceAccount, tenantId, writesOf, type ClusterWorld } from './cluster-world.js';
import { account, config, deployed, deployment, deploySet, file, refused, service } from './set-world.js';
import { told } from './release-world.js';
import { strictPolicy } from './send-policies.js';

const label = 'aks-workload-identity/set';
const all = file(account, config(), service, deployment());

describe('manifest set', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
  });
  afterEach(() => world.close());

  const find = (kind: string, name: string): ReturnType<ClusterWorld['api']['find']> => world.api.find(kind, 'orders', name);
  const setWrites = (): string[] => writesOf(world).map((line) => line.replace(/\/\S*namespaces\/orders\//, ''));
  const names = (kind: string): string[] => world.api.list(kind, 'orders').map(({ metadata }) => metadata.name).filter((name) => !['default', 'kube-root-ca.crt'].includes(name));

  it('applies everything in its order with identity and label, proves the pods, and does nothing the second time', async () => {
    const first = await deployed(world, { manifests: file(deployment(), service, config(), account) });
    assert.equal(first.action, 'create');
    assert.deepEqual(first.fields.map(({ field }) => field), ['deployment orders/api', 'service orders/api', 'config map orders/settings', 'service account orders/api']);
    assert.ok(first.fields.every(({ before, after }) => before === undefined && /^[0-9a-f]{8}$/.test(after)));
    assert.deepEqual(setWrites().slice(1), ['PATCH secrets/aks-workload-identity.set.orders', 'PATCH serviceaccounts/api', 'PATCH configmaps/settings', 'PATCH services/api', 'PATCH deployments/api', 'PATCH secrets/aks-workload-identity.set.orders']);
    const live = find('Deployment', 'api');
    assert.deepEqual(live?.metadata.labels, { [label]: 'orders' });
    assert.equal(textAt(live, 'spec', 'template', 'metadata', 'labels', 'azure.workload.identity/use'), 'true');
    assert.equal(find('ServiceAccount', 'api')?.metadata.annotations?.['azure.workload.identity/client-id'], clientId);
    world.network.log.clear();
    const second = await deployed(world, { manifests: all });
    assert.deepEqual([second.action, second.reason], ['keep', 'its 4 objects are as they were applied (revision 1)']);
    assert.deepEqual(writesOf(world), []);
  });

  it('applies what changed and nothing else, and new pods for another identity', async () => {
    await deployed(world, { manifests: all });
    world.network.log.clear();
    const { fields, reason } = await deployed(world, { manifests: file(account, config('b'), service, deployment()) });
    assert.deepEqual(fields.map(({ field }) => field), ['config map orders/settings']);
    assert.equal(reason, '1 of 4 objects: its manifest, or the identity, changed');
    assert.deepEqual(setWrites().filter((line) => !line.includes('secrets/')), ['PATCH configmaps/settings']);
    const other = await deployed(world, { manifests: file(account, config('b'), service, deployment()), clientId: otherClientId });
    assert.deepEqual(other.fields.map(({ field }) => field), ['service account orders/api', 'deployment orders/api']);
  });

  it('deletes what a former run made and is not among the manifests any more, and never volumes, definitions and what was there before', async () => {
    plantNamespace(world.api);
    world.api.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'orders', name: 'old' }, data: { theirs: 'x' } });
    const claim = 'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n';
    const old = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old}\ndata: {ours: mine}\n';
    await deployed(world, { manifests: file(all, claim, old) });
    assert.deepEqual(world.api.find('ConfigMap', 'orders', 'old')?.data, { theirs: 'x', ours: 'mine' });
    world.network.log.clear();
    const { fields, reason } = await deployed(world, { manifests: file(account, deployment()) });
    assert.deepEqual(fields.map(({ field, after }) => `${field}: ${after}`).sort(), [
      'config map orders/old: let go: it was there before the set',
      'config map orders/settings: deleted',
      'persistent volume claim orders/data: left as it is: what goes with it could not be had back',
      'service orders/api: deleted',
    ]);
    assert.equal(reason, '4 not among the manifests any more');
    assert.deepEqual(names('ConfigMap'), ['old']);
    assert.deepEqual([world.api.find('ConfigMap', 'orders', 'old')?.data, find('ConfigMap', 'old')?.metadata.labels], [{ theirs: 'x' }, undefined]);
    assert.deepEqual([names('Service'), names('PersistentVolumeClaim')], [[], ['data']]);
    world.network.log.clear();
    assert.equal((await deployed(world, { manifests: file(account, deployment()) })).action, 'keep');
    assert.deepEqual(writesOf(world), []);
  });

  it('leaves alone what lost its label, and what another set has', async () => {
    await deployed(world, { manifests: all });
    world.api.edit('ConfigMap', 'orders', 'settings', ({ metadata }) => {
      delete metadata.labels;
    });
    const { fields } = await deployed(world, { manifests: file(account, service, deployment()) });
    assert.deepEqual(fields.map(({ after }) => after), ['left as it is: it does not carry the label of the set any more']);
    assert.deepEqual(names('ConfigMap'), ['settings']);
    const { code, because } = await refused(world, { manifests: file(account, deployment('web:1', 'web')), set: 'web' });
    assert.equal(code, 'WI4602');
    assert.equal(because, 'it belongs to manifest set orders');
  });

  it('mends what somebody deleted or took out', async () => {
    await deployed(world, { manifests: all });
    world.api.remove('Service', 'orders', 'api');
    world.api.edit('ConfigMap', 'orders', 'settings', (found) => {
      delete found.data;
    });
    const { fields, reason } = await deployed(world, { manifests: all });
    assert.deepEqual(fields.map(({ field }) => field), ['config map orders/settings', 'service orders/api']);
    assert.equal(reason, '2 of 4 objects: somebody changed it since, somebody deleted it');
    assert.deepEqual(world.api.find('ConfigMap', 'orders', 'settings')?.data, { mode: 'a' });
    world.network.log.clear();
    assert.equal((await deployed(world, { manifests: all })).action, 'keep');
    assert.deepEqual(writesOf(world), []);
  });

  it('names all that the cluster would refuse before it writes: conflicts, unknown fields, foreign objects', async () => {
    await deployed(world, { manifests: all });
    world.api.edit('ConfigMap', 'orders', 'settings', (found) => {
      found.data = { mode: 'by hand' };
    }, 'kubectl-edit');
    world.api.put({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'orders', name: 'web', labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations: { 'meta.helm.sh/release-name': 'web' } }, spec: { ports: [{ port: 80 }] } });
    world.network.log.clear();
    const typo = deployment('api:2').replace('serviceAccountName: api', 'serviceAccountName: api\n      hostNetwrk: true');
    const problem = await refused(world, { manifests: file(account, config('b'), service, typo, service.replace('name: api}\n', 'name: web}\n')) });
    assert.equal(problem.code, 'WI4603');
    assert.equal(problem.details?.length, 3);
    assert.deepEqual(problem.details.map(({ code }) => code), ['WI4602', 'WI4004', 'WI4007']);
    assert.match(problem.because, /^3 things stand against it: service orders\/web on \S+ is not for manifest set orders\/orders to change \(it belongs to Helm release web\); .*applying config map orders\/settings \(kubectl-edit owns \.data\.mode with another value\); .*deployment orders\/api \(.*hostNetwrk/);
    assert.deepEqual(writesOf(world), []);
  });

  it('takes fields over where that is asked for, and the plan says from whom', async () => {
    await deployed(world, { manifests: all });
    world.api.edit('ConfigMap', 'orders', 'settings', (found) => {
      found.data = { mode: 'by hand' };
    }, 'kubectl-edit');
    assert.equal((await refused(world, { manifests: all })).code, 'WI4004');
    const { fields } = await deployed(world, { manifests: all, overwrite: true });
    assert.deepEqual(fields[1], { field: 'config map orders/settings, fields of others', before: 'kubectl-edit owns .data.mode with another value', after: 'taken over' });
    assert.deepEqual(world.api.find('ConfigMap', 'orders', 'settings')?.data, { mode: 'a' });
    assert.equal((await deployed(world, { manifests: all })).action, 'keep');
  });

  it('brings definitions with their objects, and waits for them; a kind that nobody brings is named', async () => {
    const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gateways.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: gateways, singular: gateway, kind: Gateway}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`;
    const gateway = 'apiVersion: example.com/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {host: a}\n';
    const { code, because } = await refused(world, { manifests: file(all, gateway) });
    assert.deepEqual([code, because], ['WI4601', 'it does not serve example.com/v1']);
    await deployed(world, { manifests: file(gateway, all, definition) });
    assert.equal(textAt(world.api.find('gateways', 'orders', 'g'), 'spec', 'host'), 'a');
    assert.equal((await deployed(world, { manifests: file(gateway, all, definition) })).action, 'keep');
    const { fields } = await deployed(world, { manifests: all });
    assert.deepEqual(fields.map(({ field, after }) => `${field}: ${after}`).sort(), ['custom resource definition gateways.example.com: left as it is: what goes with it could not be had back', 'gateway orders/g: deleted']);
    await deployed(world, { manifests: file(all, gateway.replace('host: a', 'host: b')) });
    assert.equal(textAt(world.api.find('gateways', 'orders', 'g'), 'spec', 'host'), 'b');
  });

  it('makes a changed job anew once it has ended, never while it runs, and not because it went by itself', async () => {
    const job = (image: string): string => `apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  ttlSecondsAfterFinished: 60
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: "${image}"}]}
`;
    await deployed(world, { manifests: file(all, job('m:1')) });
    await world.clock.sleep(10_000);
    world.network.log.clear();
    await deployed(world, { manifests: file(all, job('m:2')) });
    assert.deepEqual(setWrites().filter((line) => line.includes('jobs')), ['DELETE jobs/migrate', 'PATCH jobs/migrate']);
    assert.equal(textAt(itemsAt(find('Job', 'migrate'), 'spec', 'template', 'spec', 'containers')[0], 'image'), 'm:2');
    const { code, remedy } = await refused(world, { manifests: file(all, job('m:3')) });
    assert.equal(code, 'WI4604');
    assert.match(remedy, /wait until it has ended/);
    world.api.remove('Job', 'orders', 'migrate');
    assert.equal((await deployed(world, { manifests: file(all, job('m:2')) })).action, 'keep');
  });

  it('lives with a service account that FederateServiceAccount made, and never deletes it', async () => {
    plantNamespace(world.api);
    plantServiceAccount(world.api, { 'azure.workload.identity/client-id': clientId }, { 'aks-workload-identity/managed': 'true' });
    await deployed(world, { manifests: file(account, deployment()) });
    const { fields } = await deployed(world, { manifests: deployment() });
    assert.deepEqual(fields.map(({ after }) => after), ['let go: it was there before the set']);
    const { labels, annotations } = find('ServiceAccount', 'api')?.metadata ?? {};
    assert.deepEqual([labels, annotations?.['azure.workload.identity/client-id']], [{ 'aks-workload-identity/managed': 'true' }, clientId]);
  });

  it('lets FederateServiceAccount give the account to another identity, and follows', async () => {
    await deployed(world, { manifests: file(account, deployment()) });
    const refs = { clientId: value(otherClientId), tenantId: value(tenantId) };
    const federate = async (): Promise<string> => (await world.run([new ServiceAccount(world.connection, { namespace: 'orders', name: 'api' }, refs)])).result;
    assert.equal(await federate(), 'succeeded');
    await deployed(world, { manifests: file(account, deployment()), clientId: otherClientId });
    world.network.log.clear();
    assert.equal(await federate(), 'succeeded');
    assert.equal((await deployed(world, { manifests: file(account, deployment()), clientId: otherClientId })).action, 'keep');
    assert.deepEqual(writesOf(world), []);
  });

  it('waits for FederateServiceAccount where the set does not make the account, and says who runs without it', async () => {
    const problem = await refused(world, { manifests: deployment() });
    assert.equal(problem.code, 'WI4210');
    assert.match(problem.because, /^the set does not make service account orders\/api, and it does not exist$/);
    const nobody = await refused(world, { manifests: file(account, deployment().replace('serviceAccountName: api', 'serviceAccountName: web')) });
    assert.equal(nobody.code, 'WI4204');
    assert.match(`${nobody.what}; ${nobody.because}; ${nobody.remedy}`, /No pod of the manifests runs as service account api; deployment orders\/api runs as web; name the service account in the pod templates/);
    const verify = await refused(world, { manifests: file(account, deployment()), identityMode: 'verify' });
    assert.equal(verify.code, 'WI4603');
    assert.deepEqual(verify.details?.map(({ code }) => code), ['WI4205', 'WI4206']);
  });

  it('passes the checks of a chart in its own words, and its plan and journal mark what widens', async () => {
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: canary}\n';
    const problem = await refused(world, { manifests: file(all, secret), policy: strictPolicy });
    assert.equal(`${problem.code} ${problem.what}`, 'WI4220 The manifests would send secret orders/key with data');
    assert.deepEqual(writesOf(world), []);
    const role = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}\nrules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]\n';
    const { result, set } = await deploySet(world, { manifests: file(all, secret, role) });
    const planned = result.plan.find(({ resource }) => resource.key === set.key);
    assert.ok(planned?.change.action === 'create' && planned.change.widens);
    assert.deepEqual(planned.notices?.map(({ code }) => code), ['WI4220']);
    assert.deepEqual(world.journal.filter(({ widens }) => widens).map(({ object }) => object), ['/apis/rbac.authorization.k8s.io/v1/namespaces/orders/roles/reader']);
    const again = await deployed(world, { manifests: file(all, secret, role) });
    assert.equal(again.action, 'keep');
  });

  it('plans without the namespace, and what a secret has is nowhere in the plan', async () => {
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: canary}\n';
    const { result } = await deploySet(world, { manifests: file(all, secret), dryRun: true });
    assert.equal(result.result, 'succeeded', told(result));
    assert.deepEqual(writesOf(world), []);
    await deployed(world, { manifests: file(all, secret) });
    const { fields } = await deployed(world, { manifests: file(all, secret.replace('canary', 'other')) });
    assert.deepEqual(fields, [{ field: 'secret orders/key', before: 'its content', after: 'its content' }]);
    const written = world.journal.filter(({ object }) => object.endsWith('/secrets/key'));
    assert.deepEqual(written.map(({ before, after }) => [before, after]), [[undefined, 'its content'], ['its content', 'its content']]);
    assert.ok(!JSON.stringify(world.journal).includes('canary'));
  });

  it('asks a cluster about any number of objects by a list for each kind, and rehearses only what changes', async () => {
    const many = Array.from({ length: 60 }, (_, index) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c${index}}\ndata: {number: "${index}"}\n`);
    const requests = (): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const { method, path } of world.network.log.all('kubernetes')) {
        const what = method === 'PATCH' ? (path.includes('dryRun') ? 'rehearsals' : 'writes') : method === 'GET' && path.includes('/configmaps?') ? 'lists' : 'others';
        counts[what] = (counts[what] ?? 0) + 1;
      }
      return counts;
    };
    plantNamespace(world.api);
    await deployed(world, { manifests: file(account, deployment(), ...many) });
    const first = requests();
    assert.deepEqual([first.rehearsals, first.writes], [62, 64]);
    world.network.log.clear();
    assert.equal((await deployed(world, { manifests: file(account, deployment(), ...many) })).action, 'keep');
    const second = requests();
    assert.deepEqual([second.rehearsals, second.writes, second.lists], [undefined, undefined, 1]);
    assert.ok((second.others ?? 0) < 30, JSON.stringify(second));
  });

  it('is not begun where it would not fit into its Secret', async () => {
    const noise = createHash('shake256', { outputLength: 1_100_000 }).digest('base64');
    const large = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: large}\ndata: {noise: "${noise}"}\n`;
    const { code, because } = await refused(world, { manifests: file(all, large) });
    assert.equal(code, 'WI4605');
    assert.match(because, /^they take \d{7} bytes compressed, and a Secret holds 1048576$/);
  });

  it('says so where it cannot read what it remembers', async () => {
    await deployed(world, { manifests: all });
    world.api.edit('Secret', 'orders', 'aks-workload-identity.set.orders', (found) => {
      found.data = { set: 'bm90aGluZw==' };
    });
    assert.equal((await refused(world, { manifests: all })).code, 'WI4606');
    world.api.remove('Secret', 'orders', 'aks-workload-identity.set.orders');
    const { action, fields } = await deployed(world, { manifests: all });
    assert.deepEqual([action, fields.length], ['create', 4]);
    await deployed(world, { manifests: file(account, deployment()) });
    assert.deepEqual(names('Service'), ['api'], 'what it does not remember to have made stays');
  });
});
