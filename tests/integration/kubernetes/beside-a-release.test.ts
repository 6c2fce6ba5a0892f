import assert from 'node:assert/strict';
import { rangesOf } from '../../../tasks/_shared/fleet/address-range.js';
import { parseEgress, parseFlow } from '../../../tasks/_shared/fleet/flows.js';
import { AccessBinding } from '../../../tasks/_shared/kubernetes/access-binding.js';
import { bindingOf, type AccessGrant } from '../../../tasks/_shared/kubernetes/access-grants.js';
import { ManifestBlueprint } from '../../../tasks/_shared/kubernetes/manifest-blueprint.js';
import { readManifests } from '../../../tasks/_shared/kubernetes/manifests.js';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import { NetworkPolicies } from '../../../tasks/_shared/kubernetes/network-policies.js';
import { NetworkPolicyRemoval } from '../../../tasks/_shared/kubernetes/network-policy-removal.js';
import { metadataOf } from '../../../tasks/_shared/kubernetes/objects.js';
import { ObsoleteAccess } from '../../../tasks/_shared/kubernetes/obsolete-access.js';
import { output, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { AnyResource } from '../../../tasks/_shared/reconcile/resource.js';
import { clientId, tenantId, writesOf } from '../../unit/kubernetes/cluster-world.js';
import { network } from '../../unit/kubernetes/isolation-cases.js';
import { told } from '../../unit/kubernetes/release-world.js';
import { strictPolicy } from '../../unit/kubernetes/send-policies.js';
import { account, deployment, file } from '../../unit/kubernetes/set-world.js';
import { eachWithCluster, title, type Cluster } from './backend.js';

const release = 'orders';
const group = '4c8f0000-0000-4000-8000-000000000001';
const both = file(account, deployment(), deployment('zep:1', 'zep'));

describe(`what stands beside a release on ${title}`, () => {
  let cluster: Cluster;
  eachWithCluster((given) => {
    cluster = given;
  });

  /** Makes what is listed true, and again with nothing left to write. */
  const settle = async (list: () => readonly AnyResource[]): Promise<void> => {
    for (const what of ['the first time', 'the second time']) {
      cluster.network.log.clear();
      const result = await cluster.run(list());
      assert.equal(result.result, 'succeeded', `${what}: ${told(result)}`);
    }
    assert.deepEqual(writesOf(cluster), []);
  };

  const isolation = (flow: string | undefined) => (): readonly AnyResource[] => {
    const { connection, clock, abort, namespace } = cluster;
    const { objects: manifests } = readManifests([{ path: 'all.yaml', text: both }], namespace);
    const settings = { connection, clock, signal: abort.signal, release, namespace, serviceAccount: 'api', identityMode: 'inject', policy: strictPolicy, atomic: true, timeoutMs: 1_000, manifests, overwrite: false } as const;
    const blueprint = new ManifestBlueprint(settings);
    const place = new Namespace(connection, namespace);
    const inputs = { namespace: output(place, (state) => state.name), clientId: value(clientId), tenantId: value(tenantId), network: value(network) };
    const [parsed, egress] = [parseFlow(flow ?? ''), parseEgress('10.1.4.5')];
    assert.ok(!('because' in egress));
    if ('because' in parsed) return [place, new NetworkPolicyRemoval(blueprint, { ...inputs, revision: value(1) }, undefined)];
    const policies = new NetworkPolicies(blueprint, { flows: [parsed], egress: [egress], apiServer: [], localDns: rangesOf(['169.254.10.11']) }, inputs);
    return [place, policies, new NetworkPolicyRemoval(blueprint, { ...inputs, revision: value(1) }, policies)];
  };

  it('network policies are made, changed and removed', async () => {
    await settle(isolation('api -> zep:8000'));
    const path = `/apis/networking.k8s.io/v1/namespaces/${cluster.namespace}/networkpolicies`;
    const names = ['api', 'zep'].map((name) => `aks-wi.orders.deployment.${name}`);
    assert.deepEqual((await cluster.list('NetworkPolicy')).map(({ metadata }) => metadata.name).sort(), names);
    await cluster.run(isolation('api -> zep:8001')());
    assert.deepEqual(writesOf(cluster), names.map((name) => `PATCH ${path}/${name}`));
    await settle(isolation(undefined));
    assert.deepEqual(await cluster.list('NetworkPolicy'), []);
  });

  it('labels, Pod Security and the roles of groups are given, changed and taken back', async () => {
    const listed = (grants: readonly AccessGrant[], level: string) => (): readonly AnyResource[] => {
      const { connection, namespace } = cluster;
      const labels = { team: 'orders', 'pod-security.kubernetes.io/enforce': level };
      const home = new Namespace(connection, namespace, {}, [], { labels, part: `namespace.${release}` });
      const inputs = { namespace: output(home, (state) => state.name), clientId: value(clientId), tenantId: value(tenantId) };
      const place = { namespace, release };
      const bindings = grants.map((grant) => new AccessBinding(connection, grant, place, { inputs, accesses: [], renderedRoles: () => Promise.resolve(new Map()), after: [] }));
      const wanted = grants.map((grant) => bindingOf(grant, place).metadata.name);
      return [home, ...bindings, new ObsoleteAccess(connection, place, wanted, { namespace: inputs.namespace }, bindings.map(({ key }) => key))];
    };
    const given = async (): Promise<unknown[]> => (await cluster.list('RoleBinding')).map(({ roleRef }) => roleRef);
    const role = (name: string): AccessGrant => ({ group, role: { kind: 'ClusterRole', name } });
    const ref = (name: string): object => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name });
    await settle(listed([role('view')], 'baseline'));
    assert.deepEqual(await given(), [ref('view')]);
    await settle(listed([role('edit')], 'restricted'));
    assert.deepEqual(await given(), [ref('edit')]);
    const namespace = await cluster.connection.get({ apiVersion: 'v1', kind: 'Namespace', name: cluster.namespace });
    const { team, 'pod-security.kubernetes.io/enforce': enforced } = metadataOf(namespace ?? assert.fail()).labels;
    assert.deepEqual([team, enforced], ['orders', 'restricted']);
    await settle(listed([], 'restricted'));
    assert.deepEqual(await given(), []);
  });
});
