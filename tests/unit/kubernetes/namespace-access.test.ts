import assert from 'node:assert/strict';
import { AccessBinding } from '../../../tasks/_shared/kubernetes/access-binding.js';
import { bindingOf, type AccessGrant } from '../../../tasks/_shared/kubernetes/access-grants.js';
import { ObsoleteAccess } from '../../../tasks/_shared/kubernetes/obsolete-access.js';
import { value } from '../../../tasks/_shared/reconcile/ref.js';
import type { AnyResource } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { inProcessCluster, plantNamespace, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';

const group = '4c8f0000-0000-4000-8000-000000000001';
const other = '4c8f0000-0000-4000-8000-000000000002';
const grant = (name: string, kind: 'ClusterRole' | 'Role' = 'ClusterRole', of = group): AccessGrant => ({ group: of, role: { kind, name } });
const refs = { namespace: value('orders'), clientId: value('c'), tenantId: value('t') };
const rbac = 'rbac.authorization.k8s.io/v1';
const path = `/apis/${rbac}/namespaces/orders/rolebindings`;
const everything = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];

describe('access to a namespace', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
    plantNamespace(world.api);
  });
  afterEach(() => world.close());

  /** What the task lists for these grants. */
  function listed(grants: readonly AccessGrant[], { release = 'shop', rendered = new Map<string, object>() } = {}): AnyResource[] {
    const place = { namespace: 'orders', release };
    const options = { inputs: refs, accesses: [], renderedRoles: () => Promise.resolve(rendered as Map<string, Record<string, unknown>>), after: [] };
    const bindings = grants.map((one) => new AccessBinding(world.connection, one, place, options));
    const wanted = grants.map((one) => bindingOf(one, place).metadata.name);
    return [...bindings, new ObsoleteAccess(world.connection, place, wanted, { namespace: refs.namespace }, bindings.map(({ key }) => key))];
  }
  const apply = (grants: readonly AccessGrant[], options?: Parameters<typeof listed>[1], dryRun = false): Promise<RunResult> => world.run(listed(grants, options), [], dryRun);
  const actionsOf = ({ plan }: RunResult): string[] => plan.map(({ change }) => change.action);
  const codesOf = ({ preflight }: RunResult): string[] => preflight.findings.map(({ problem }) => problem.code);
  const given = (): string[] => world.api.list('RoleBinding', 'orders').map((binding) => {
    const { roleRef, subjects } = binding as unknown as { roleRef: { kind: string; name: string }; subjects: { name: string }[] };
    return `${roleRef.kind} ${roleRef.name} for ${subjects.map(({ name }) => name).join()}`;
  }).sort();

  it('is given by bindings of their own, marked as widening, and left alone the second time', async () => {
    const grants = [grant('view'), grant('edit', 'ClusterRole', other)];
    const first = await apply(grants);
    assert.equal(first.result, 'succeeded', JSON.stringify(first.preflight.findings));
    assert.deepEqual(first.plan.map(({ change }) => change.action === 'create' && change.widens), [true, true, false]);
    assert.deepEqual(given(), [`ClusterRole edit for ${other}`, `ClusterRole view for ${group}`]);
    const [binding] = world.api.list('RoleBinding', 'orders');
    assert.deepEqual((binding as unknown as { subjects: unknown }).subjects, [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }]);
    world.network.log.clear();
    const second = await apply(grants);
    assert.deepEqual([second.result, actionsOf(second), writesOf(world)], ['succeeded', ['keep', 'keep', 'keep'], []]);
  });

  it('changes role without a moment in which the group has none', async () => {
    await apply([grant('view')]);
    world.network.log.clear();
    const result = await apply([grant('edit')]);
    assert.equal(result.result, 'succeeded');
    const name = (role: string): string => `${path}/aks-workload-identity.shop.${group}.clusterrole.${role}`;
    assert.deepEqual(writesOf(world), [`PATCH ${name('edit')}`, `DELETE ${name('view')}`]);
    assert.deepEqual(given(), [`ClusterRole edit for ${group}`]);
  });

  it('is taken back when it is not listed any more, and only what was given with this release', async () => {
    await apply([grant('view')]);
    await apply([grant('view')], { release: 'billing' });
    world.api.put({ apiVersion: rbac, kind: 'RoleBinding', metadata: { namespace: 'orders', name: 'by-hand' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' }, subjects: [] });
    const result = await apply([]);
    const [removal] = result.plan;
    assert.ok(removal?.change.action === 'delete');
    assert.deepEqual(removal.change.fields.map(({ before, after }) => [before, after]), [[`ClusterRole view for Group ${group}`, '(removed)']]);
    assert.deepEqual(world.api.list('RoleBinding', 'orders').map(({ metadata }) => metadata.name).sort(), [`aks-workload-identity.billing.${group}.clusterrole.view`, 'by-hand']);
  });

  it('is mended where somebody changed whom or what a binding gives', async () => {
    const { metadata: { name } } = bindingOf(grant('view'), { namespace: 'orders', release: 'shop' });
    await apply([grant('view')]);
    world.api.edit('RoleBinding', 'orders', name, (binding) => {
      binding.subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: other }];
    });
    const mended = await apply([grant('view')]);
    assert.deepEqual([mended.result, given()], ['succeeded', [`ClusterRole view for ${group}`]]);
    world.api.remove('RoleBinding', 'orders', name);
    world.api.put({ ...bindingOf(grant('view'), { namespace: 'orders', release: 'shop' }), roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' } });
    world.network.log.clear();
    const anew = await apply([grant('view')]);
    assert.deepEqual([anew.result, given(), writesOf(world).map((one) => one.split(' ')[0])], ['succeeded', [`ClusterRole view for ${group}`], ['DELETE', 'PATCH']]);
  });

  it('is not given over a binding of somebody else', async () => {
    const theirs = { ...bindingOf(grant('view'), { namespace: 'orders', release: 'shop' }), subjects: [] };
    world.api.put({ ...theirs, metadata: { ...theirs.metadata, labels: {} } });
    assert.deepEqual(codesOf(await apply([grant('view')])), ['WI4143']);
    assert.deepEqual(writesOf(world), []);
  });

  describe('by roles of the namespace and of the cluster', () => {
    const role = (name: string, rules: object[] = []): Parameters<typeof world.api.put>[0] => ({ apiVersion: rbac, kind: 'Role', metadata: { namespace: 'orders', name }, rules });

    it('asks for those that are there, or that the chart brings along', async () => {
      assert.deepEqual(codesOf(await apply([grant('support', 'Role'), grant('team-orders')])), ['WI4141', 'WI4141']);
      assert.deepEqual(codesOf(await apply([grant('support', 'Role')], { rendered: new Map([['support', {}]]) }, true)), []);
      world.api.put(role('support'));
      assert.equal((await apply([grant('support', 'Role')])).result, 'succeeded');
      assert.deepEqual(given(), [`Role support for ${group}`]);
    });

    it('says so when the chart did not bring the role after all', async () => {
      const resources = listed([grant('support', 'Role')], { rendered: new Map([['support', {}]]) });
      const result = await world.run(resources);
      assert.deepEqual([result.result, verdictOf(result, resources[0]?.key ?? '').problem?.code, given()], ['failed', 'WI4141', []]);
    });

    it('refuses those that allow everything, wherever they are', async () => {
      world.api.put(role('all', everything));
      world.api.put({ apiVersion: rbac, kind: 'ClusterRole', metadata: { name: 'team-orders' }, rules: everything });
      assert.deepEqual(codesOf(await apply([grant('all', 'Role'), grant('team-orders')])), ['WI4142', 'WI4142']);
      assert.deepEqual(codesOf(await apply([grant('made', 'Role')], { rendered: new Map([['made', { rules: everything }]]) })), ['WI4142']);
    });
  });

  describe('by a connection that may do less', () => {
    it('is looked up before: who may not bind the role, and does not hold what it allows, lacks a right', async () => {
      world.knobs.allows = ({ verb }) => verb !== 'bind';
      const result = await apply([grant('view')]);
      assert.deepEqual([codesOf(result), writesOf(world)], [['WI3001'], []]);
      assert.match(result.preflight.findings[0]?.problem.because ?? '', /lacks bind clusterroles\.rbac\.authorization\.k8s\.io view at .*\/namespaces\/orders$/);
    });

    it('is given by who holds the role itself', async () => {
      world.api.put({ apiVersion: rbac, kind: 'RoleBinding', metadata: { namespace: 'orders', name: 'deployer' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'deployer' }] });
      world.knobs.allows = ({ verb }) => verb !== 'bind';
      const result = await apply([grant('view')]);
      assert.equal(result.result, 'succeeded', JSON.stringify(result.preflight.findings));
      assert.deepEqual(codesOf(await apply([grant('edit')])), ['WI3001']);
    });
  });
});
