import assert from 'node:assert/strict';
import { assignedPolicies } from '../../../tasks/_shared/azure/assigned-policies.js';
import { rbacPolicyId } from '../../../tasks/_shared/fleet/posture/cluster-oversight-rules.js';
import { object, type Json } from '../../../tasks/_shared/fleet/json.js';
import { sharedReader } from '../../../tasks/_shared/reconcile/plan.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import { clusterId, group } from './azure-world.js';
import { builtIn, definitions, definitionWith, member, otherBuiltIn, own, PolicyWorld, subscription, title } from './policy-world.js';

describe('policies assigned to a cluster', () => {
  let world: PolicyWorld;
  beforeEach(async () => {
    world = await PolicyWorld.start();
  });
  const names = (entries: readonly Json[]): unknown[] => entries.map(({ name }) => name);

  it('are those assigned at the cluster and above it, as ARM answers them, with the definition of what the rules look at', async () => {
    const root = world.assign({}, 'root', managementGroupId('nonprod'));
    for (const [name, scope] of Object.entries({ near: managementGroupId('dev'), own: subscription, group, cluster: clusterId(), otherCluster: clusterId('aks-10'), otherGroup: `${group}-2` })) world.assign({}, name, scope);
    const entries = await world.read();
    assert.deepEqual(names(entries), ['root', 'near', 'own', 'group', 'cluster']);
    assert.deepEqual(entries[0], {
      id: root,
      name: 'root',
      type: 'Microsoft.Authorization/policyAssignments',
      properties: { scope: managementGroupId('nonprod'), enforcementMode: 'Default', policyDefinitionId: builtIn },
      definition: { id: builtIn, displayName: title, effect: 'Audit' },
    });
    assert.deepEqual(names(await world.read(clusterId('AKS-10'))), ['root', 'near', 'own', 'group', 'otherCluster']);
  });

  it('are found on every page of the list, exemptions too', async () => {
    world.policies.knobs.pageSize = 2;
    const last = ['a', 'b', 'c', 'd', 'e'].map((name) => world.assign({}, name)).at(-1) ?? '';
    for (const name of ['x', 'y', 'z']) world.exempt(last, {}, name, name === 'z' ? clusterId() : clusterId('aks-9'));
    assert.deepEqual((await world.read()).map(({ name, exemption }) => [name, object(exemption).name]), [['a', undefined], ['b', undefined], ['c', undefined], ['d', undefined], ['e', 'z']]);
  });

  it('ask for two lists and each definition once, however many clusters and assignments there are', async () => {
    const definition = world.policies.addDefinition({ scope: managementGroupId('nonprod'), name: 'ours', properties: own });
    const set = world.initiative([member('one'), member('two'), member('three', undefined, definition), member('four', undefined, otherBuiltIn)]);
    for (const name of ['a', 'b']) world.assign({ policyDefinitionId: set }, `set-${name}`);
    for (const name of ['a', 'b']) world.assign({ policyDefinitionId: definition }, `ours-${name}`);
    world.assign({ policyDefinitionId: otherBuiltIn }, 'locations');
    world.exempt(world.assign());
    const azure = await world.rig.connect();
    const reader = sharedReader();
    world.rig.network.log.clear();
    const all = await Promise.all(Array.from({ length: 50 }, (_none, index) => assignedPolicies(azure, { id: clusterId(`aks-${index}`), location: 'westeurope' }, reader)));
    assert.deepEqual([...new Set(all.map(({ length }) => length))], [12]);
    const expected = [`Microsoft.Authorization/policyAssignments`, `Microsoft.Authorization/policyExemptions`, `policyDefinitions/${rbacPolicyId}`, 'policyDefinitions/ours', 'policySetDefinitions/baseline'];
    assert.deepEqual(world.requests().sort(), expected.sort());
    assert.deepEqual(definitions(all[0] ?? []).filter(({ id }) => id === otherBuiltIn), [{ id: otherBuiltIn }, { id: otherBuiltIn }, { id: otherBuiltIn }]);
  });

  it('read at most ten definitions at a time', async () => {
    for (let index = 0; index < 25; index += 1) world.assign({ policyDefinitionId: world.policies.addDefinition({ scope: subscription, name: `ours-${index}`, properties: own }) }, `a-${index}`);
    world.rig.network.latency = (_service, { url }) => (url.pathname.includes('policyDefinitions/') ? 1000 : 0);
    assert.equal((await world.read()).length, 25);
    const answered = world.rig.network.log.all('arm').filter(({ path }) => path.includes('policyDefinitions/')).map(({ at }) => at);
    assert.deepEqual([...new Set(answered)].map((at) => answered.filter((other) => other === at).length), [10, 10, 5]);
  });

  it('have the effect of the assignment’s parameter, else of the definition’s default', async () => {
    world.assign({ parameters: { EFFECT: { value: 'Disabled' } } }, 'given');
    world.assign({ parameters: { other: { value: 'Disabled' } } }, 'default');
    for (const [name, effect] of Object.entries({ literal: 'Deny', other: "[parameters('mode')]", expression: "[if(true(), 'audit', 'deny')]" })) {
      world.assign({ policyDefinitionId: world.policies.addDefinition({ scope: subscription, name, properties: definitionWith(effect) }) }, name);
    }
    assert.deepEqual(await world.effects(), ['Disabled', 'Audit', 'Deny', undefined, undefined]);
  });

  it('come once for each policy of an initiative, with the effect that it hands on', async () => {
    const members = [member('literal', 'Deny'), member('default'), member('handed', "[parameters('init')]"), member('undeclared', "[parameters('none')]"), member('expression', "[concat('Au', 'dit')]")];
    const set = world.initiative(members, { parameters: { init: { defaultValue: 'Disabled' } } });
    world.assign({ policyDefinitionId: set }, 'default');
    world.assign({ policyDefinitionId: set, parameters: { Init: { value: 'Audit' }, effect: { value: 'Deny' } } }, 'given');
    const expected = (handed: string): unknown[] => ['Deny', 'Audit', handed, undefined, undefined];
    assert.deepEqual(await world.effects(), [...expected('Disabled'), ...expected('Audit')]);
    assert.deepEqual(names(await world.read()), [...members.map(() => 'default'), ...members.map(() => 'given')]);
  });

  it('have the effect of the override that selects them', async () => {
    const set = world.initiative([member('one'), member('two')]);
    const override = (value: string, ...selectors: object[]): object => ({ kind: 'policyEffect', value, selectors });
    const overridden = async (...overrides: object[]): Promise<unknown[]> => {
      world.assign({ policyDefinitionId: set, overrides });
      return world.effects();
    };
    const of = (kind: string, ...values: string[]): object => ({ kind, in: values });
    assert.deepEqual(await overridden(override('Deny')), ['deny', 'deny']);
    assert.deepEqual(await overridden(override('Disabled', of('policyDefinitionReferenceId', 'TWO'))), ['Audit', 'disabled']);
    assert.deepEqual(await overridden(override('Disabled', { kind: 'policyDefinitionReferenceId', notIn: ['two'] })), ['disabled', 'Audit']);
    assert.deepEqual(await overridden(override('Deny', of('policyDefinitionReferenceId', 'one'), of('resourceLocation', 'northeurope'))), ['Audit', 'Audit']);
    assert.deepEqual(await overridden(override('Deny', of('resourceLocation', 'West Europe'), of('resourceType', 'microsoft.containerservice/MANAGEDCLUSTERS'))), ['deny', 'deny']);
    assert.deepEqual(await overridden(override('Deny', of('userPrincipalId', 'x'))), [undefined, undefined], 'a kind that is not known');
    assert.deepEqual(await overridden(override('Deny', of('userPrincipalId', 'x'), of('policyDefinitionReferenceId', 'one'))), [undefined, 'Audit']);
    assert.deepEqual(await overridden(override('Deny'), override('deny', of('policyDefinitionReferenceId', 'one'))), ['deny', 'deny']);
    assert.deepEqual(await overridden(override('Deny'), override('Disabled', of('policyDefinitionReferenceId', 'one'))), [undefined, 'deny'], 'two that differ');
    assert.deepEqual(await overridden({ kind: 'policyEffect', selectors: [] }), [undefined, undefined], 'one without a value');
    assert.deepEqual(await overridden({ kind: 'other', value: 'x' }), ['Audit', 'Audit']);
    world.assign({ overrides: [override('Deny', of('policyDefinitionReferenceId', 'one'))] });
    assert.deepEqual(await world.effects(), [undefined], 'a policy that is assigned itself has no id in an initiative');
    world.assign({ parameters: { effect: { value: 'Audit' } }, overrides: [override('Disabled')] });
    assert.deepEqual(await world.effects(), ['disabled']);
  });

  it('reach a cluster that the resource selectors let in; where they cannot be evaluated, the effect is unread', async () => {
    const selected = async (...resourceSelectors: object[]): Promise<unknown[]> => {
      world.assign({ resourceSelectors });
      return world.effects();
    };
    const here = { kind: 'resourceLocation', in: ['West Europe'] };
    const elsewhere = { kind: 'resourceLocation', notIn: ['westeurope'] };
    const open = { kind: 'somethingNew', in: ['x'] };
    assert.deepEqual(await selected({ selectors: [here] }), ['Audit']);
    assert.deepEqual(await selected({ selectors: [elsewhere] }), []);
    assert.deepEqual(await selected({ selectors: [here, { kind: 'resourceType', in: ['Microsoft.KeyVault/vaults'] }] }), [], 'all selectors of one');
    assert.deepEqual(await selected({ selectors: [elsewhere] }, { selectors: [here] }), ['Audit'], 'one of several');
    assert.deepEqual(await selected({ selectors: [{ kind: 'resourceWithoutLocation', in: ['subscriptionLevelResources'] }] }), []);
    assert.deepEqual(await selected({ selectors: [here, open] }), [undefined]);
    assert.deepEqual(await selected({ selectors: [elsewhere, open] }), []);
    assert.deepEqual(await selected({ selectors: [open] }, { selectors: [here] }), ['Audit']);
    for (const broken of [{ kind: 'resourceLocation' }, { kind: 'resourceLocation', in: ['westeurope'], notIn: ['x'] }, { in: ['westeurope'] }, { kind: 'policyDefinitionReferenceId', in: ['x'] }]) {
      assert.deepEqual(await selected({ selectors: [broken] }), [undefined], JSON.stringify(broken));
    }
    assert.deepEqual(definitions(await world.read()), [{ id: builtIn, displayName: title }]);
    assert.deepEqual(await selected({ selectors: [here] }), ['Audit']);
    assert.equal((await world.read(clusterId(), 'West Europe')).length, 1);
    assert.equal((await world.read(clusterId(), 'North Europe')).length, 0);
  });

  it('have no effect where the definition or initiative is asked for in another version than was read', async () => {
    const versioned = async (definitionVersion: string, more: object = {}): Promise<unknown[]> => {
      world.assign({ definitionVersion, ...more });
      return world.effects();
    };
    assert.deepEqual([await versioned('1.*.*'), await versioned('1.1.*'), await versioned('1.1.0'), await versioned('1.0.*'), await versioned('2.*.*')], [['Audit'], ['Audit'], ['Audit'], [undefined], [undefined]]);
    for (const kind of ['policyVersion', 'definitionVersion']) {
      assert.deepEqual(await versioned('1.*.*', { overrides: [{ kind, value: '2.*.*', selectors: [{ kind: 'resourceLocation', in: ['westeurope'] }] }] }), [undefined], kind);
      assert.deepEqual(await versioned('1.*.*', { overrides: [{ kind, value: '2.*.*', selectors: [{ kind: 'resourceLocation', notIn: ['westeurope'] }] }] }), ['Audit'], kind);
      assert.deepEqual(await versioned('1.*.*', { overrides: [{ kind, value: '1.1.*', selectors: [{ kind: 'new', in: [] }] }] }), [undefined], kind);
    }
    const unversioned = world.policies.addDefinition({ scope: subscription, name: 'ours', properties: own });
    assert.deepEqual(await versioned('1.*.*', { policyDefinitionId: unversioned }), ['deny']);
    const set = world.initiative([{ ...member('old'), definitionVersion: '1.0.*' }, { ...member('new'), definitionVersion: '1.*.*' }], { version: '3.2.0' });
    assert.deepEqual(await versioned('3.*.*', { policyDefinitionId: set }), [undefined, 'Audit']);
    assert.deepEqual(await versioned('2.*.*', { policyDefinitionId: set }), [undefined]);
    assert.deepEqual(definitions(await world.read()), [{ id: set }], 'its members of then are not known');
  });
});
