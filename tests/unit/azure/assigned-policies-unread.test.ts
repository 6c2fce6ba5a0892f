import assert from 'node:assert/strict';
import { assignedPolicies, assignedPolicyActions } from '../../../tasks/_shared/azure/assigned-policies.js';
import type { Json } from '../../../tasks/_shared/fleet/json.js';
import { clusterRules } from '../../../tasks/_shared/fleet/posture/cluster-rules.js';
import { sharedReader } from '../../../tasks/_shared/reconcile/plan.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import { soundCluster } from '../fleet/sound-cluster.js';
import { clusterId, group, problemOf } from './azure-world.js';
import { builtIn, definitions, member, otherBuiltIn, own, PolicyWorld, subscription, title } from './policy-world.js';

const reads = (...kinds: readonly string[]): string[] => kinds.map((kind) => `Microsoft.Authorization/${kind}/read`);
/** What the rule over the policy says of entries. */
const judged = (entries: readonly Json[]): string => {
  const { outcome, evidence } = clusterRules.find(({ id }) => id === 'cluster-rbac-policy')!.judge({ ...soundCluster, id: clusterId(), policyAssignments: { found: entries } });
  return `${outcome}: ${evidence}`;
};

describe('policies assigned to a cluster: exemptions, and what cannot be read', () => {
  let world: PolicyWorld;
  beforeEach(async () => {
    world = await PolicyWorld.start();
  });
  const exemptions = async (): Promise<unknown[]> => (await world.read()).map(({ exemption, exemptionsUnread }) => exemption ?? exemptionsUnread);

  it('pass the rule as they are read', async () => {
    world.assign();
    assert.equal(judged(await world.read()), 'pass: assignment aks: effect is Audit');
    world.assign({ parameters: { effect: { value: 'Audit' } }, overrides: [{ kind: 'policyEffect', value: 'Disabled' }] });
    assert.equal(judged(await world.read()), 'fail: assignment aks: effect is disabled');
  });

  it('name the exemption that takes the cluster out', async () => {
    const id = world.assign();
    assert.deepEqual(await exemptions(), [undefined]);
    for (const [name, scope] of Object.entries({ far: clusterId('aks-10'), other: `${group}-2` })) world.exempt(id, {}, name, scope);
    world.exempt(`${subscription}/providers/Microsoft.Authorization/policyAssignments/other`, {}, 'elsewhere');
    assert.deepEqual(await exemptions(), [undefined]);
    for (const scope of [managementGroupId('nonprod'), subscription, group.toUpperCase(), clusterId()]) {
      const inForce = await PolicyWorld.start();
      inForce.exempt(inForce.assign().toUpperCase(), {}, 'waived', scope);
      const entries = await inForce.read();
      assert.deepEqual(entries.map(({ exemption }) => exemption), [{ name: 'waived' }], scope);
      assert.equal(judged(entries), 'fail: assignment aks: exemption waived takes the cluster out');
    }
  });

  it('heed an exemption until it ends', async () => {
    const id = world.assign();
    const ending = async (expiresOn: string): Promise<unknown[]> => {
      world.exempt(id, { expiresOn });
      return exemptions();
    };
    assert.deepEqual(await ending('2026-10-01T11:59:59.0000000Z'), [undefined]);
    const now = world.rig.clock.now().toISOString();
    assert.deepEqual(await ending(now), [undefined]);
    assert.deepEqual(await ending('2026-10-02T00:00:00.0000000Z'), [{ name: 'waived', expiresOn: '2026-10-02T00:00:00.0000000Z' }]);
    assert.deepEqual(await ending('some day'), ['whether exemption waived is in force for the cluster cannot be told']);
    assert.match(judged(await world.read()), /^unknown: .* but its exemptions could not be read: whether exemption waived /);
  });

  it('heed an exemption from some policies of an initiative for these only', async () => {
    const id = world.assign({ policyDefinitionId: world.initiative([member('one'), member('two')]) });
    world.exempt(id, { policyDefinitionReferenceIds: ['TWO'] });
    assert.deepEqual(await exemptions(), [undefined, { name: 'waived' }]);
    world.exempt(id, { policyDefinitionReferenceIds: [] });
    assert.deepEqual(await exemptions(), [{ name: 'waived' }, { name: 'waived' }]);
  });

  it('heed the resource selectors of exemptions; one that is in force counts before one that cannot be told', async () => {
    const id = world.assign();
    const selected = async (...selectors: object[]): Promise<unknown[]> => {
      world.exempt(id, { resourceSelectors: [{ selectors }] });
      return exemptions();
    };
    const open = { kind: 'somethingNew', in: ['x'] };
    assert.deepEqual(await selected({ kind: 'resourceLocation', in: ['northeurope'] }), [undefined]);
    assert.deepEqual(await selected({ kind: 'resourceLocation', in: ['westeurope'] }), [{ name: 'waived' }]);
    assert.deepEqual(await selected(open), ['whether exemption waived is in force for the cluster cannot be told']);
    world.exempt(id, {}, 'second');
    assert.deepEqual(await exemptions(), [{ name: 'second' }]);
  });

  it('say that exemptions cannot be listed, so that nothing passes', async () => {
    world.assign();
    world.assign({ parameters: { effect: { value: 'Disabled' } } }, 'off');
    world.allowOnly(reads('policyAssignments', 'policyDefinitions'));
    const [entry, off] = await world.read();
    assert.match(String(entry?.exemptionsUnread), /does not have authorization to perform action 'Microsoft\.Authorization\/policyExemptions\/read'/);
    assert.match(judged(await world.read()), /^unknown: assignment aks: effect is Audit, but its exemptions could not be read: /);
    assert.equal(judged([off ?? {}]), 'fail: assignment off: effect is Disabled');
    world.policies.knobs.withoutRight = 'empty';
    assert.deepEqual(await exemptions(), Array.from({ length: 2 }, () => `the list is empty, and the service connection has no right Microsoft.Authorization/policyExemptions/read there`));
  });

  it('throw the Problem of assignments that cannot be listed, an empty list without the right included', async () => {
    world.assign();
    world.allowOnly(reads('policyExemptions', 'policyDefinitions'));
    const refused = await problemOf(world.read());
    assert.deepEqual([refused.code, refused.what, refused.tried, refused.status], ['WI2002', `The policy assignments of ${subscription} cannot be listed`, `list the policy assignments of ${subscription}`, 403]);
    world.policies.knobs.withoutRight = 'empty';
    const empty = await problemOf(world.read());
    assert.deepEqual([empty.code, empty.what, empty.because], ['WI2002', refused.what, 'the list is empty, and the service connection has no right Microsoft.Authorization/policyAssignments/read there']);
  });

  it('are none where the list is empty and the right is there', async () => {
    world.rig.network.log.clear();
    assert.deepEqual(await world.read(), []);
    assert.deepEqual(world.requests().sort(), [...Array.from({ length: 2 }, () => 'Microsoft.Authorization/permissions'), 'Microsoft.Authorization/policyAssignments', 'Microsoft.Authorization/policyExemptions']);
  });

  it('need these rights and no others', async () => {
    const id = world.assign({ policyDefinitionId: world.initiative([member('one')]) });
    world.exempt(id);
    world.allowOnly(assignedPolicyActions);
    assert.deepEqual((await world.read()).map(({ definition, exemption }) => [definition, exemption]), [[{ id: builtIn, displayName: title, effect: 'Audit' }, { name: 'waived' }]]);
  });

  it('have no name where their definition cannot be read', async () => {
    const definition = world.policies.addDefinition({ scope: managementGroupId('nonprod'), name: 'ours', properties: own });
    world.assign({}, 'a');
    world.assign({ policyDefinitionId: definition }, 'b');
    world.assign({ policyDefinitionId: otherBuiltIn }, 'c');
    assert.deepEqual(definitions(await world.read()), [{ id: builtIn, displayName: title, effect: 'Audit' }, { id: definition, displayName: 'Our own', effect: 'deny' }, { id: otherBuiltIn }]);
    world.policies.knobs.readableBelow = false;
    const entries = await world.read();
    assert.deepEqual(definitions(entries), [{ id: builtIn }, { id: definition }, { id: otherBuiltIn }]);
    assert.equal(judged(entries), 'unknown: assignment a: its effect could not be read');
    assert.equal(judged(entries.slice(1)), 'unknown: no assigned policy that could be read is this one, and definitions could not be read: ours');
    assert.equal(judged(entries.slice(2)), 'fail: none of the 1 assigned policies is this one');
  });

  it('are their initiative where that cannot be read, is gone or has an id that is none', async () => {
    const set = world.initiative([member('one')]);
    world.assign({ policyDefinitionId: set });
    world.allowOnly(reads('policyAssignments', 'policyExemptions', 'policyDefinitions'));
    assert.deepEqual(definitions(await world.read()), [{ id: set }]);
    assert.equal(judged(await world.read()), 'unknown: no assigned policy that could be read is this one, and definitions could not be read: baseline');
    world.rig.network.log.clear();
    for (const id of [`${subscription}/providers/Microsoft.Authorization/policySetDefinitions/gone`, `${subscription}/providers/Microsoft.Authorization/policySetDefinitions/x?y`, '/elsewhere/policySetDefinitions/x', `${subscription}/providers/Microsoft.Authorization/policyDefinitions/..`]) {
      world.assign({ policyDefinitionId: id });
      assert.deepEqual(definitions(await world.read()), [{ id }]);
    }
    assert.deepEqual(world.requests().filter((path) => path.includes('Definitions/')), ['policySetDefinitions/gone']);
    world.assign({ policyDefinitionId: undefined });
    assert.deepEqual(definitions(await world.read()), [{ id: '' }]);
  });

  it('are called by their id where their definition has no display name', async () => {
    const definition = world.policies.addDefinition({ scope: subscription, name: 'deny all', properties: { policyRule: { then: { effect: 'Deny' } } } });
    world.assign({ policyDefinitionId: definition });
    assert.deepEqual(definitions(await world.read()), [{ id: definition, displayName: 'deny all', effect: 'Deny' }]);
  });

  it('do not reach a cluster under a management group that they leave out; where that cannot be told, the effect is unread', async () => {
    const leaving = async (...notScopes: string[]): Promise<unknown[]> => {
      world.assign({ notScopes }, 'root', managementGroupId('nonprod'));
      return world.effects();
    };
    assert.deepEqual(await leaving(managementGroupId('DEV')), []);
    world.rig.world.hierarchy.addManagementGroup({ name: 'Dev', displayName: 'Development', parent: 'nonprod' });
    assert.deepEqual(await leaving(managementGroupId('dev')), []);
    world.rig.network.log.clear();
    world.assign({ notScopes: [managementGroupId('sandbox')], resourceSelectors: [{ selectors: [{ kind: 'resourceLocation', in: ['northeurope'] }] }] }, 'root', managementGroupId('nonprod'));
    assert.deepEqual(await world.effects(), []);
    assert.deepEqual(await leaving(group), ['Audit'], 'that is for the rule');
    assert.equal(judged(await world.read()), `fail: assignment root leaves ${group} out`);
    assert.equal(world.requests().includes('Microsoft.Management/getEntities'), false);
    assert.deepEqual(await leaving(managementGroupId('sandbox')), ['Audit']);
    world.rig.network.faults.plant({ service: 'arm', path: /getEntities/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no' } } } });
    assert.deepEqual(await leaving(managementGroupId('sandbox')), [undefined]);
  });

  it('end with the run', async () => {
    const stopped = async (policyDefinitionId: string, at: RegExp): Promise<string> => {
      world.assign({ policyDefinitionId });
      const other = world.rig.restarted();
      other.network.faults.plant({ service: 'arm', path: at, delayMs: 10, respond: () => (other.abort.abort(new Error('stopped')), { status: 500, body: {} }) });
      return assignedPolicies(await other.connect(), { id: clusterId(), location: 'westeurope' }, sharedReader()).then(() => 'went on', String);
    };
    assert.match(await stopped(otherBuiltIn, /policyExemptions/), /stopped|WI9002/);
    assert.match(await stopped(world.initiative([]), /policySetDefinitions/), /stopped|WI9002/);
  });
});
