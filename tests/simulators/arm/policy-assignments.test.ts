import assert from 'node:assert/strict';
import { idOf } from '../azure/directory.js';
import { role } from '../azure/role-definitions.js';
import { managementGroupId } from './hierarchy.js';
import { cluster, group, items, propertiesOf, record, subscription, verdict, World } from './test-world.js';

const listOf = (kind: 'policyAssignments' | 'policyExemptions', scope: string, query = ''): string =>
  `${scope}/providers/Microsoft.Authorization/${kind}?api-version=${kind === 'policyAssignments' ? '2025-03-01' : '2022-07-01-preview'}${query}`;
const filtered = (text: string): string => `&$filter=${encodeURIComponent(text)}`;
const allowedLocations = '/providers/Microsoft.Authorization/policyDefinitions/e56962a6-4747-49cd-b67b-bf8b01975c4c';
const definition = { displayName: 'Only ours', policyRule: { if: { field: 'type', equals: 'x' }, then: { effect: 'audit' } } };

describe('arm: what Azure Policy has assigned', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });
  const names = async (path: string): Promise<unknown[]> => items(await world.send('GET', path)).map(({ name }) => name);
  const asked = async (path: string, as = world.owner): Promise<string> => verdict(await world.send('GET', path, undefined, { as }));

  /** One of each kind at every floor, and one that is in another subscription. */
  const arrange = (add: (scope: string, name: string) => void): void => {
    world.hierarchy.addSubscription({ id: idOf('other'), displayName: 'other', managementGroup: 'prod' });
    const scopes = { root: managementGroupId('prod'), near: managementGroupId('shops'), own: subscription, group, cluster, other: `/subscriptions/${idOf('other')}` };
    for (const [name, scope] of Object.entries(scopes)) add(scope, name);
  };

  for (const kind of ['policyAssignments', 'policyExemptions'] as const) {
    it(`lists ${kind} at a scope, above and below; with atScope() not below, with atExactScope() only there`, async () => {
      arrange((scope, name) => (kind === 'policyAssignments' ? world.arm.policyAssignments.addAssignment({ scope, name, properties: {} }) : world.arm.policyAssignments.addExemption({ scope, name, properties: {} })));
      assert.deepEqual(await names(listOf(kind, subscription)), ['root', 'near', 'own', 'group', 'cluster']);
      assert.deepEqual(await names(listOf(kind, cluster)), ['root', 'near', 'own', 'group', 'cluster']);
      assert.deepEqual(await names(listOf(kind, group.toUpperCase(), filtered('atScope()'))), ['root', 'near', 'own', 'group']);
      assert.deepEqual(await names(listOf(kind, group, filtered('atExactScope()'))), ['group']);
    });

    it(`asks for ${kind}/read, and by knob answers nothing instead of refusing`, async () => {
      arrange((scope, name) => (kind === 'policyAssignments' ? world.arm.policyAssignments.addAssignment({ scope, name, properties: {} }) : world.arm.policyAssignments.addExemption({ scope, name, properties: {} })));
      const limited = role(idOf('limited'), 'limited', { actions: ['*/read'], notActions: [`Microsoft.Authorization/${kind}/read`] });
      world.roles.define(limited);
      world.assign(world.stranger, 'limited', subscription);
      assert.equal(await asked(listOf(kind, subscription), world.stranger), '403 AuthorizationFailed');
      world.arm.policyAssignments.knobs.withoutRight = 'empty';
      assert.deepEqual(items(await world.send('GET', listOf(kind, subscription), undefined, { as: world.stranger })), []);
      world.roles.define({ ...limited, notActions: [] });
      assert.equal(items(await world.send('GET', listOf(kind, subscription), undefined, { as: world.stranger })).length, 5);
    });
  }

  it('pages lists by nextLink, and by $top', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) world.arm.policyAssignments.addAssignment({ scope: subscription, name, properties: {} });
    world.arm.policyAssignments.knobs.pageSize = 2;
    const first = await world.send('GET', listOf('policyAssignments', subscription));
    const second = await world.follow(record(first.body).nextLink);
    const third = await world.follow(record(second.body).nextLink);
    assert.deepEqual([first, second, third].map((page) => items(page).map(({ name }) => name)), [['a', 'b'], ['c', 'd'], ['e']]);
    assert.equal(record(third.body).nextLink, undefined);
    assert.deepEqual(await names(listOf('policyAssignments', subscription, '&$top=1')), ['a']);
    assert.deepEqual(await names(listOf('policyAssignments', subscription, '&$top=9')), ['a', 'b']);
  });

  it('shows assignments and exemptions as the service does', async () => {
    const { policyAssignments } = world.arm;
    const assignment = policyAssignments.addAssignment({ scope: subscription, name: 'locations', properties: { policyDefinitionId: allowedLocations, parameters: { x: { value: ['westeurope'] } } } });
    policyAssignments.addExemption({ scope: group, name: 'waived', properties: { policyAssignmentId: assignment, exemptionCategory: 'Waiver' } });
    assert.deepEqual(items(await world.send('GET', listOf('policyAssignments', subscription))), [{
      id: `${subscription}/providers/Microsoft.Authorization/policyAssignments/locations`,
      name: 'locations',
      type: 'Microsoft.Authorization/policyAssignments',
      properties: { scope: subscription, enforcementMode: 'Default', policyDefinitionId: allowedLocations, parameters: { x: { value: ['westeurope'] } } },
    }]);
    assert.deepEqual(items(await world.send('GET', listOf('policyExemptions', subscription))), [{
      id: `${group}/providers/Microsoft.Authorization/policyExemptions/waived`,
      name: 'waived',
      type: 'Microsoft.Authorization/policyExemptions',
      properties: { policyAssignmentId: assignment, exemptionCategory: 'Waiver' },
    }]);
  });

  it('filters by what is assigned or exempted, leaves out what has expired, and refuses other filters', async () => {
    const { policyAssignments } = world.arm;
    const one = policyAssignments.addAssignment({ scope: subscription, name: 'one', properties: { policyDefinitionId: allowedLocations } });
    policyAssignments.addAssignment({ scope: subscription, name: 'two', properties: { policyDefinitionId: '/providers/x' } });
    const until = (minutes: number): string => new Date(world.clock.now().getTime() + minutes * 60_000).toISOString();
    for (const [name, properties] of Object.entries({ gone: { expiresOn: until(0) }, soon: { expiresOn: until(1), policyAssignmentId: one }, ever: {} })) policyAssignments.addExemption({ scope: group, name, properties });
    assert.deepEqual(await names(listOf('policyAssignments', subscription, filtered(`policyDefinitionId eq '${allowedLocations.toUpperCase()}'`))), ['one']);
    assert.deepEqual(await names(listOf('policyExemptions', subscription, filtered('excludeExpired()'))), ['soon', 'ever']);
    assert.deepEqual(await names(listOf('policyExemptions', subscription, filtered(`policyAssignmentId eq '${one}'`))), ['soon']);
    for (const path of [listOf('policyAssignments', subscription, filtered('excludeExpired()')), listOf('policyAssignments', subscription, filtered("name eq 'one'")), listOf('policyExemptions', subscription, filtered(`policyDefinitionId eq 'x'`))]) {
      assert.equal(await asked(path), '400 InvalidFilterInQueryString', path);
    }
  });

  it('wants a filter for a management group', async () => {
    world.assign(world.owner, 'Owner', managementGroupId('prod'));
    arrange((scope, name) => world.arm.policyAssignments.addAssignment({ scope, name, properties: {} }));
    assert.equal(await asked(listOf('policyAssignments', managementGroupId('shops'))), '400 MissingFilter');
    assert.deepEqual(await names(listOf('policyAssignments', managementGroupId('shops'), filtered('atScope()'))), ['root', 'near']);
  });

  it('is strict about api-versions, $top and $expand', async () => {
    const at = (kind: string, version: string): string => `${subscription}/providers/Microsoft.Authorization/${kind}?api-version=${version}`;
    assert.equal(await asked(at('policyAssignments', '2022-07-01-preview')), '400 InvalidApiVersionParameter');
    assert.equal(await asked(at('policyExemptions', '2025-03-01')), '400 InvalidApiVersionParameter');
    assert.equal(await asked(`${allowedLocations}?api-version=2022-04-01`), '400 InvalidApiVersionParameter');
    assert.deepEqual(await Promise.all(['0', 'all'].map((top) => asked(listOf('policyAssignments', subscription, `&$top=${top}`)))), ['400 InvalidTop', '400 InvalidTop']);
    assert.equal(await asked(listOf('policyAssignments', subscription, '&$expand=LatestDefinitionVersion')), '501 NotSimulated');
  });

  it('gives definitions and initiatives, built in or of a subscription or management group, and 404 for others', async () => {
    const { policyAssignments } = world.arm;
    const path = (id: string): string => `${id}?api-version=2025-03-01`;
    for (const scope of ['', subscription, managementGroupId('shops')]) {
      const policy = policyAssignments.addDefinition({ scope, name: 'Ours', properties: definition });
      const set = policyAssignments.addInitiative({ scope, name: 'baseline', properties: { policyDefinitions: [{ policyDefinitionId: policy }] } });
      const found = await world.send('GET', path(policy.toLowerCase()));
      assert.deepEqual([record(found.body).id, record(found.body).name], [policy, 'Ours']);
      assert.deepEqual(propertiesOf(found), { policyType: scope === '' ? 'BuiltIn' : 'Custom', mode: 'All', ...definition });
      assert.deepEqual(propertiesOf(await world.send('GET', path(set))).policyDefinitions, [{ policyDefinitionId: policy }]);
    }
    assert.equal(await asked(path(`${subscription}/providers/Microsoft.Authorization/policyDefinitions/other`)), '404 PolicyDefinitionNotFound');
    assert.equal(await asked(path(`${subscription}/providers/Microsoft.Authorization/policySetDefinitions/Ours`)), '404 PolicySetDefinitionNotFound');
    assert.equal(await asked(path(`${group}/providers/Microsoft.Authorization/policyDefinitions/Ours`)), '501 NotSimulated');
  });

  it('lets whoever has the action at or below a definition read it, by knob only at it', async () => {
    const { policyAssignments } = world.arm;
    const paths = ['', managementGroupId('prod'), subscription].map((scope) => `${policyAssignments.addDefinition({ scope, name: 'Ours', properties: definition })}?api-version=2025-03-01`);
    const answers = (): Promise<string[]> => Promise.all(paths.map((path) => asked(path, world.stranger)));
    assert.deepEqual(await answers(), ['403 AuthorizationFailed', '403 AuthorizationFailed', '403 AuthorizationFailed']);
    world.roles.define(role(idOf('limited'), 'limited', { actions: ['Microsoft.Authorization/policySetDefinitions/read'] }));
    world.assign(world.stranger, 'limited', subscription);
    assert.deepEqual(await answers(), ['403 AuthorizationFailed', '403 AuthorizationFailed', '403 AuthorizationFailed'], 'the action is another');
    world.assign(world.stranger, 'Reader', `/subscriptions/${idOf('other')}`);
    assert.deepEqual(await answers(), ['200', '403 AuthorizationFailed', '403 AuthorizationFailed'], 'only what is built in lies above');
    world.assign(world.stranger, 'Reader', group);
    assert.deepEqual(await answers(), ['200', '200', '200']);
    policyAssignments.knobs.readableBelow = false;
    world.assign(world.stranger, 'Reader', subscription);
    assert.deepEqual(await answers(), ['403 AuthorizationFailed', '403 AuthorizationFailed', '200']);
  });
});
