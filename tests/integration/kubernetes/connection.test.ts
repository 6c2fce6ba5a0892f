import { createLocalJWKSet, jwtVerify } from 'jose';
import assert from 'node:assert/strict';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import { kinds, type ClusterObject } from '../../../tasks/_shared/kubernetes/objects.js';
import { ServiceAccount } from '../../../tasks/_shared/kubernetes/service-account.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { clientId, otherClientId, problemOf, tenantId, verdictOf, writesOf } from '../../unit/kubernetes/cluster-world.js';
import { eachWithCluster, issuer, title, type Backend, type Cluster } from './backend.js';

const configMap = { apiVersion: 'v1', kind: 'ConfigMap' };
const pageSize = 500;

describe(`a direct connection to ${title}`, () => {
  let backend: Backend;
  let cluster: Cluster;
  eachWithCluster((given, on) => {
    [cluster, backend] = [given, on];
  });

  const makeNamespace = (labels: Record<string, string> = {}): Promise<void> => cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: cluster.namespace, labels } });
  const wanted = (name: string, data: Record<string, string>): ClusterObject => ({ ...configMap, metadata: { name, namespace: cluster.namespace }, data });

  it('reads the version, objects, and what is not there', async () => {
    const { connection, namespace } = cluster;
    assert.match(await connection.version(), /^v1\.3[3-9]\.\d+$/);
    assert.equal(await connection.get({ ...kinds.namespace, name: namespace }), undefined);
    assert.deepEqual(await connection.list(kinds.secret, namespace), []);
    await makeNamespace({ team: 'orders' });
    assert.equal(textAt(await connection.get({ ...kinds.namespace, name: namespace }), 'metadata', 'labels', 'team'), 'orders');
  });

  it('lists more than a page, by label, and without content where that is asked for', async () => {
    await makeNamespace();
    const numbers = Array.from({ length: pageSize + 2 }, (_, index) => index);
    for (let from = 0; from < numbers.length; from += 50) {
      await Promise.all(numbers.slice(from, from + 50).map((index) => cluster.put({ ...configMap, metadata: { name: `m${index}`, namespace: cluster.namespace, labels: { even: String(index % 2 === 0) } }, data: { index: String(index) } })));
    }
    const { connection, namespace } = cluster;
    const own = (found: readonly ClusterObject[]): ClusterObject[] => found.filter(({ metadata }) => /^m\d+$/.test(String(metadata.name)));
    const all = own(await connection.list(configMap, namespace));
    assert.equal(new Set(all.map(({ metadata }) => metadata.name)).size, numbers.length);
    assert.equal((await connection.list(configMap, namespace, 'even=true')).length, pageSize / 2 + 1);
    const bare = own(await connection.list(configMap, namespace, undefined, { metadataOnly: true }));
    assert.equal(bare.length, numbers.length);
    assert.deepEqual([...new Set(bare.flatMap((item) => Object.keys(item)))].sort(), ['apiVersion', 'kind', 'metadata']);
  });

  it('applies, tells whose field it is that somebody else owns, and takes it over where it may', async () => {
    await makeNamespace();
    const { connection } = cluster;
    await connection.apply(wanted('settings', { mode: 'a' }));
    const { resourceVersion } = (await cluster.find('ConfigMap', 'settings'))?.metadata ?? assert.fail();
    await connection.apply(wanted('settings', { mode: 'a' }));
    assert.equal((await cluster.find('ConfigMap', 'settings'))?.metadata.resourceVersion, resourceVersion, 'an equal apply stores nothing');
    const problem = await problemOf(connection.apply(wanted('settings', { mode: 'b' }), { part: 'other' }));
    assert.equal(problem.code, 'WI4004');
    assert.match(problem.because, /aks-workload-identity.*\.data\.mode/s);
    await connection.apply(wanted('settings', { mode: 'b' }), { part: 'other', force: true });
    assert.equal(textAt(await cluster.find('ConfigMap', 'settings'), 'data', 'mode'), 'b');
    await connection.apply(wanted('settings', {}), { part: 'other' });
    assert.equal(textAt(await cluster.find('ConfigMap', 'settings'), 'data', 'mode'), '', 'what nobody sends any more goes');
    await connection.remove({ ...configMap, namespace: cluster.namespace, name: 'settings' });
    await connection.remove({ ...configMap, namespace: cluster.namespace, name: 'settings' });
    assert.equal(await cluster.find('ConfigMap', 'settings'), undefined);
  });

  it('rehearses a pod as the webhook would make it, and stores nothing', async () => {
    await makeNamespace();
    const annotations = { 'azure.workload.identity/client-id': clientId };
    await cluster.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'api', namespace: cluster.namespace, annotations } });
    const metadata = { name: 'rehearsal', namespace: cluster.namespace, labels: { 'azure.workload.identity/use': 'true' } };
    const pod = { ...kinds.pod, metadata, spec: { serviceAccountName: 'api', containers: [{ name: 'a', image: 'contoso/a:1' }] } };
    const made = await cluster.connection.rehearse(pod);
    const [container] = itemsAt(made, 'spec', 'containers');
    assert.deepEqual(itemsAt(container, 'env').map(({ name }) => name), ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_FEDERATED_TOKEN_FILE', 'AZURE_AUTHORITY_HOST']);
    const audiences = itemsAt(made, 'spec', 'volumes').flatMap((volume) => itemsAt(volume, 'projected', 'sources')).map((source) => textAt(source, 'serviceAccountToken', 'audience'));
    assert.ok(audiences.includes('api://AzureADTokenExchange'));
    assert.deepEqual(await cluster.list('Pod'), []);
    assert.deepEqual(writesOf(cluster), []);
    const wrong = { ...pod, metadata: { ...metadata, annotations: { 'azure.workload.identity/service-account-token-expiration': '60' } } };
    assert.match((await problemOf(cluster.connection.rehearse(wrong))).because, /admission webhook "mutation\.azure-workload-identity\.io" denied the request: .*between 3600 and 86400/);
    cluster.knobs.webhook.reachable = false;
    assert.match((await problemOf(cluster.connection.rehearse(pod))).because, /failed calling webhook "mutation\.azure-workload-identity\.io"/);
  });

  it('gets tokens that the served keys verify, with subject, audience and issuer', async () => {
    await makeNamespace();
    const { connection, namespace } = cluster;
    await cluster.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'api', namespace } });
    const token = await connection.serviceAccountToken(namespace, 'api', 'api://AzureADTokenExchange', 600);
    const { keys } = await cluster.keys();
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: keys.map((key) => ({ kty: 'RSA', ...key })) }), { issuer, audience: 'api://AzureADTokenExchange' });
    assert.equal(payload.sub, `system:serviceaccount:${namespace}:api`);
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 600);
    assert.match((await problemOf(connection.serviceAccountToken(namespace, 'api', 'a', 300))).because, /less than 10 minutes/);
    assert.match((await problemOf(connection.serviceAccountToken(namespace, 'nobody', 'a', 600))).because, /serviceaccounts? "nobody" not found/);
  });

  it('asks what it may do, and says who may not what', async () => {
    await makeNamespace();
    const { connection, namespace, knobs } = cluster;
    knobs.allows = ({ resource, verb, namespace: where }) => resource !== 'secrets' || (verb === 'get' && where === namespace);
    const ask = (verb: string, where: string): Promise<boolean> => connection.can({ verb, group: '', resource: 'secrets', namespace: where });
    assert.deepEqual([await ask('get', namespace), await ask('list', namespace), await ask('get', 'default')], [true, false, false]);
    const { code, because } = await problemOf(connection.list(kinds.secret, namespace));
    assert.equal(code, 'WI4003');
    assert.match(because, /User "deployer" cannot list resource "secrets" in API group "" in the namespace/);
  });

  it('is not let in with a token that is not accepted', async () => {
    const stranger = await backend.cluster(() => Promise.resolve('a token of nobody'));
    assert.equal((await problemOf(stranger.connection.list(kinds.secret, cluster.namespace))).code, 'WI4002');
    await stranger.close();
  });

  it('waits while the API server is restarted', async () => {
    await makeNamespace();
    const { connection, namespace } = cluster;
    const back = cluster.restart();
    const seen = await Promise.all([connection.get({ ...kinds.namespace, name: namespace }), connection.apply(wanted('settings', { mode: 'a' }))]);
    await back;
    assert.deepEqual(seen.map((object) => object?.metadata.name), [namespace, 'settings']);
  });

  it('makes namespace and service account, writes nothing the second time, and shows old and new of another identity', async () => {
    const { connection, namespace } = cluster;
    const make = (id: string): [Namespace, ServiceAccount] => {
      const inputs = { clientId: value(id), tenantId: value(tenantId) };
      return [new Namespace(connection, namespace), new ServiceAccount(connection, { namespace, name: 'api' }, inputs)];
    };
    const first = await cluster.run(make(clientId));
    assert.equal(first.result, 'succeeded', JSON.stringify(first.applied.map(({ outcome }) => outcome)));
    assert.equal((await cluster.find('ServiceAccount', 'api'))?.metadata.annotations?.['azure.workload.identity/client-id'], clientId);
    cluster.network.log.clear();
    assert.equal((await cluster.run(make(clientId))).result, 'succeeded');
    assert.deepEqual(writesOf(cluster), []);
    const [place, account] = make(otherClientId);
    const moved = await cluster.run([place, account]);
    assert.equal(moved.result, 'succeeded');
    assert.equal(verdictOf(moved, account.key).action, 'update');
    assert.equal((await cluster.find('ServiceAccount', 'api'))?.metadata.annotations?.['azure.workload.identity/client-id'], otherClientId);
  });
});
