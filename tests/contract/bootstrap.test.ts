import assert from 'node:assert/strict';
import { join } from 'node:path';
import { roles as grantedRoles } from '../../tasks/_shared/azure/roles.js';
import { deploy, type Deployment } from '../bicep/deploy.js';
import { fromJson, mapping, text, type ValueMap } from '../bicep/values.js';
import { parseCondition } from '../simulators/azure/conditions.js';
import { idOf } from '../simulators/azure/directory.js';
import { builtInRoles } from '../simulators/azure/role-definitions.js';
import { asRecord, codeBlocks, read, readJson, root, textOf } from './tree.js';

const managementGroup = '/providers/Microsoft.Management/managementGroups/nonprod';
const subscription = idOf('subscription of the bootstrap');
const group = (name: string): string => `/subscriptions/${subscription}/resourceGroups/${name}`;
const cluster = `${group('rg-dev')}/providers/Microsoft.ContainerService/managedClusters/aks-1`;
const given: ValueMap = { applier: 'applier', planner: 'planner', subscriptions: [subscription], clusters: [cluster], identityGroup: group('rg-id'), targetGroups: [group('rg-shared')] };

const source = readJson('templates/bootstrap/roles.json');
const custom: readonly Readonly<Record<string, unknown>>[] = Object.entries(asRecord(source.custom)).map(([key, value]) => ({ ...asRecord(value), key }));
const page = read('templates/bootstrap/README.md');

function bootstrap(choices: ValueMap = {}): Deployment {
  return deploy(join(root, 'templates/bootstrap/main.bicep'), { ...given, ...choices }, managementGroup);
}

/** Who gets which role where: `planner Inventory /subscriptions/…`. */
function assignments({ resources }: Deployment): string[] {
  const names = new Map(resources.filter(({ type }) => type.endsWith('/roleDefinitions')).map(({ name, body }) => [name, text(mapping(body.properties ?? null).roleName ?? null)]));
  return resources.filter(({ type }) => type.endsWith('/roleAssignments')).map(({ scope, body }) => {
    const { principalId, principalType, roleDefinitionId } = mapping(body.properties ?? null);
    assert.equal(principalType, 'ServicePrincipal');
    const id = text(roleDefinitionId ?? null).split('/').at(-1) ?? '';
    const name = names.get(id) ?? builtInRoles.find((one) => one.id === id)?.name ?? assert.fail(`${id} is no role`);
    return `${text(principalId ?? null)}: ${name.replace(/^Workload Identity | \(nonprod\)$/g, '')} at ${scope.split('/').at(-1) ?? ''}`;
  });
}

describe('templates/bootstrap', () => {
  it('gives each connection what the page says, and no more', () => {
    assert.deepEqual(assignments(bootstrap()).sort(), [
      'applier: Azure Kubernetes Service RBAC Writer at aks-1',
      'applier: Cluster Updater at aks-1',
      'applier: Cluster User at aks-1',
      'applier: Hierarchy Reader at nonprod',
      'applier: Identity Writer at rg-id',
      `applier: Inventory at ${subscription}`,
      'applier: Namespace Maker at aks-1',
      'applier: Role Based Access Control Administrator at rg-shared',
      'applier: Target Reader at rg-shared',
      'planner: Chart Planner at aks-1',
      'planner: Cluster User at aks-1',
      'planner: Hierarchy Reader at nonprod',
      'planner: Identity Reader at rg-id',
      `planner: Inventory at ${subscription}`,
      'planner: Target Reader at rg-shared',
    ]);
  });

  it('gives the connection that audits reading rights, without secrets if so asked, and nothing where there is none', () => {
    const usual = assignments(bootstrap());
    const added = (choices: ValueMap): string[] => {
      const changed = assignments(bootstrap(choices));
      assert.deepEqual(usual.filter((one) => !changed.includes(one)), []);
      return changed.filter((one) => !usual.includes(one)).sort();
    };
    const outside = ['auditor: Hierarchy Reader at nonprod', 'auditor: Policy Reader at nonprod'];
    assert.deepEqual(added({ auditor: 'auditor' }), [`auditor: Auditor at ${subscription}`, 'auditor: Chart Planner at aks-1', 'auditor: Cluster User at aks-1', ...outside]);
    assert.deepEqual(added({ auditor: 'auditor', auditSecrets: false }), [`auditor: Auditor at ${subscription}`, 'auditor: Azure Kubernetes Service RBAC Reader at aks-1', 'auditor: Cluster User at aks-1', ...outside]);
    assert.deepEqual(added({ auditor: '', auditSecrets: true }), []);
    assert.equal(assignments(bootstrap({ auditor: 'auditor', planner: '' })).filter((one) => !usual.includes(one)).length, 5, 'it does not take a planner');
  });

  it('gives what was asked for, and leaves out what was not', () => {
    const usual = assignments(bootstrap());
    const change = (choices: ValueMap): string[] => {
      const changed = assignments(bootstrap(choices));
      return [...usual.filter((one) => !changed.includes(one)).map((one) => `- ${one}`), ...changed.filter((one) => !usual.includes(one)).map((one) => `+ ${one}`)];
    };
    assert.deepEqual(change({ vaultPolicies: true, adminUser: true }), ['+ applier: Vault Policies at rg-shared', '+ applier: Registry Admin User at rg-shared']);
    assert.deepEqual(change({ findObstacles: true }), ['applier', 'planner'].map((who) => `+ ${who}: Obstacle Reader at ${subscription}`));
    assert.deepEqual(change({ auditLogs: true }), ['+ applier: Audit Log Writer at aks-1', '+ planner: Audit Log Reader at aks-1']);
    assert.deepEqual(change({ updateClusters: false }), ['- applier: Cluster Updater at aks-1']);
    assert.deepEqual(change({ planCharts: false }), ['- planner: Chart Planner at aks-1', '+ planner: Azure Kubernetes Service RBAC Reader at aks-1']);
    assert.deepEqual(change({ clusterRole: 'admin' }), ['- applier: Azure Kubernetes Service RBAC Writer at aks-1', '+ applier: Azure Kubernetes Service RBAC Admin at aks-1']);
    assert.deepEqual(change({ clusterRole: 'clusterAdmin' }), [
      ...['Azure Kubernetes Service RBAC Writer', 'Namespace Maker'].map((name) => `- applier: ${name} at aks-1`),
      '+ applier: Azure Kubernetes Service RBAC Cluster Admin at aks-1',
    ]);
    assert.deepEqual(change({ planner: '' }), usual.filter((one) => one.startsWith('planner')).map((one) => `- ${one}`));
  });

  it('assigns every custom role of roles.json, and defines it with exactly its actions', () => {
    const deployed = bootstrap({ auditor: 'auditor', vaultPolicies: true, adminUser: true, findObstacles: true, auditLogs: true });
    const assigned = assignments(deployed).join('\n');
    for (const role of custom) assert.ok(assigned.includes(`: ${textOf(role, 'name').replace('Workload Identity ', '')} at `), textOf(role, 'key'));
    const definitions = deployed.resources.filter(({ type }) => type.endsWith('/roleDefinitions')).map(({ body }) => mapping(body.properties ?? null));
    assert.equal(definitions.length, custom.length);
    for (const { name, actions, dataActions } of custom) {
      const found = definitions.find(({ roleName }) => roleName === `${String(name)} (nonprod)`);
      assert.deepEqual(found?.permissions, [{ actions, notActions: [], dataActions, notDataActions: [] }], String(name));
      assert.deepEqual(found.assignableScopes, [managementGroup]);
    }
  });

  it('names resources so that deploying again finds them, and no two alike', () => {
    const ids = bootstrap({ auditor: 'auditor' }).resources.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(bootstrap({ auditor: 'auditor' }).resources.map(({ id }) => id), ids);
    const twoOfEach = bootstrap({ auditor: 'auditor', clusters: [cluster, cluster.replace('aks-1', 'aks-2')], targetGroups: [group('rg-shared'), group('rg-other')] }).resources.map(({ id }) => id);
    assert.equal(new Set(twoOfEach).size, twoOfEach.length);
  });

  it('assigns no role with data actions at a management group, which Azure refuses', () => {
    const above = assignments(bootstrap({ auditor: 'auditor' })).flatMap((one) => /^\w+: (.*) at nonprod$/.exec(one)?.[1] ?? []);
    const roles = custom.filter((role) => above.includes(textOf(role, 'name').replace('Workload Identity ', '')));
    assert.deepEqual([above.length, roles.map(({ dataActions }) => dataActions)], [4, [[], []]]);
  });

  it('limits the grantor to the roles of the tasks and to service principals, as its page says', () => {
    const condition = (choices: ValueMap = {}): string => {
      const grantor = bootstrap(choices).resources.find(({ body }) => mapping(body.properties ?? null).condition !== undefined);
      const { condition: found, conditionVersion } = mapping(grantor?.body.properties ?? null);
      assert.equal(conditionVersion, '2.0');
      return text(found ?? null);
    };
    assert.ok(page.includes(`\`\`\`text\n${condition()}\n\`\`\`\n`), `the page should show\n${condition()}`);
    const more = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe';
    assert.equal(condition().includes(more), false);
    assert.equal(condition({ moreGrantableRoles: [more] }).split(more).length, 3);
  });
});

describe('the condition of the grantor', () => {
  const write = 'Microsoft.Authorization/roleAssignments/write';
  const remove = 'Microsoft.Authorization/roleAssignments/delete';
  const condition = text(deploy(join(root, 'templates/bootstrap/assign-grantor.bicep'), { principal: 'applier' }, group('rg-shared')).outputs.condition ?? null);
  const judged = (action: string, role: string, principalType: string): boolean | undefined => {
    const prefix = 'Microsoft.Authorization/roleAssignments';
    return parseCondition(condition)?.({ action, attributes: { [`${prefix}:RoleDefinitionId`]: role, [`${prefix}:PrincipalType`]: principalType } });
  };

  it('lets every role of the tasks be granted to service principals, and taken back', () => {
    for (const [name, id] of Object.entries(asRecord(source.grantable))) {
      for (const action of [write, remove]) assert.equal(judged(action, String(id).toUpperCase(), 'ServicePrincipal'), true, name);
    }
  });

  it('lets no other role and nobody else be granted anything', () => {
    const pull = grantedRoles.AcrPull;
    for (const action of [write, remove]) {
      assert.equal(judged(action, pull, 'User'), false);
      assert.equal(judged(action, pull, 'Group'), false);
      const others = builtInRoles.filter(({ name }) => !(name in asRecord(source.grantable)));
      assert.ok(others.length > 10);
      for (const { id, name } of others) assert.equal(judged(action, id, 'ServicePrincipal'), false, name);
    }
  });

  it('leaves every other action alone', () => {
    assert.equal(judged('Microsoft.Authorization/roleAssignments/read', 'any', 'User'), true);
  });
});

describe('templates/bootstrap/roles.json', () => {
  const grantable = asRecord(source.grantable);

  it('has the ids of the built-in roles right', () => {
    const named = [...Object.entries(grantable).map(([name, id]) => ({ name, id })), ...Object.values(asRecord(source.builtIn)).map(asRecord)];
    assert.ok(named.length > 10);
    for (const { name, id } of named) assert.equal(builtInRoles.find((one) => one.name === name)?.id, id, String(name));
  });

  it('lets the pipeline grant every role that the tasks grant by themselves', () => {
    for (const [name, id] of Object.entries(grantedRoles)) assert.equal(grantable[name], id, name);
  });

  it('has no role in it that opens more than it names', () => {
    const actions = custom.flatMap(({ actions: control, dataActions }) => [control, dataActions].flat()).map(String);
    assert.ok(actions.length > 20);
    const forbidden = /listClusterAdminCredential|listCredentials|roleAssignments\/(write|delete)|getSecret|\/assign\/action|runcommand/i;
    assert.deepEqual(actions.filter((action) => forbidden.test(action)), []);
    assert.deepEqual(actions.filter((action) => action.includes('*')), ['Microsoft.ContainerService/managedClusters/*/read']);
  });

  it('has nothing but reading in the roles of the planner', () => {
    const planned = assignments(bootstrap({ findObstacles: true, auditLogs: true })).flatMap((one) => /^planner: (.*) at /.exec(one)?.[1] ?? []);
    const roles = custom.filter(({ name }) => planned.includes(String(name).replace('Workload Identity ', '')));
    assert.equal(roles.length, planned.length);
    const changing = roles.flatMap(({ actions, dataActions }) => [actions, dataActions].flat()).map(String).filter((action) => !action.endsWith('/read'));
    assert.deepEqual(changing, ['Microsoft.ContainerService/managedClusters/listClusterUserCredential/action']);
  });

  it('has nothing but reading in the roles of the auditor', () => {
    const given = [true, false].flatMap((auditSecrets) => assignments(bootstrap({ auditor: 'auditor', auditSecrets })).flatMap((one) => /^auditor: (.*) at /.exec(one)?.[1] ?? []));
    const names = [...new Set(given)];
    const own = custom.map(({ name, actions, dataActions }) => ({ name: String(name).replace('Workload Identity ', ''), actions: [actions].flat().map(String), dataActions: [dataActions].flat().map(String) }));
    const roles = [...own, ...builtInRoles].filter(({ name }) => names.includes(name));
    assert.deepEqual([roles.length, names.length], [6, 6], names.join());
    const notReading = (list: 'actions' | 'dataActions'): string[] => roles.flatMap((role) => role[list]).filter((action) => !action.endsWith('/read'));
    assert.deepEqual(notReading('actions'), ['Microsoft.ContainerService/managedClusters/listClusterUserCredential/action']);
    assert.deepEqual(notReading('dataActions'), []);
    assert.ok(roles.flatMap(({ dataActions }) => dataActions).length > 20);
  });

  it('has parameters on its page that deploy as they are', () => {
    const [example, ...others] = codeBlocks('templates/bootstrap/README.md').filter(({ language }) => language === 'json');
    assert.equal(others.length, 0);
    const parameters = Object.fromEntries(Object.entries(mapping(fromJson(example?.text ?? ''))).map(([name, entry]) => [name, mapping(entry).value ?? null]));
    const { resources } = deploy(join(root, 'templates/bootstrap/main.bicep'), parameters, managementGroup);
    assert.equal(resources.filter(({ type }) => type.endsWith('/roleAssignments')).length, 22);
  });

  it('is explained by its page: each parameter, each role, each file', () => {
    const parameters = [...read('templates/bootstrap/main.bicep').matchAll(/^param (\w+)/gm)].map((match) => match[1] ?? '');
    const documented = [...page.matchAll(/^\| `(\w+)` \| /gm)].map((match) => match[1] ?? '');
    assert.ok(parameters.length > 8);
    assert.deepEqual(parameters.filter((name) => !documented.includes(name)), []);
    for (const { name } of custom) assert.ok(page.includes(String(name).replace('Workload Identity ', '')), String(name));
  });
});
