import { repositoryRoleOf } from '../../tasks/_shared/azure/registry-roles.js';
import { roles } from '../../tasks/_shared/azure/roles.js';
import { describeGrant, grantName } from '../../tasks/_shared/fleet/marks.js';
import { credentialName, subjectOf } from '../../tasks/_shared/fleet/names.js';
import { idOf } from '../simulators/azure/directory.js';
import { takeKeysAgain } from '../simulators/kernel/rsa-keys.js';
import { clusterId, group, identityId, Rig, subscriptionId } from '../unit/azure/azure-world.js';
import type { FoundGrants, HeldKind, RegistryScenario } from './registry-scenario.js';
import { identityOf } from './scenario.js';

/** A scenario that has become a world. */
export interface PlantedRegistry {
  readonly rig: Rig;
  /** ARM id of the registry. */
  readonly registry: string;
}

/** What `foreign covering` allows. */
const everything = ['orders/*', 'backend/*', 'web'];
/** A condition that Azure takes, and that is not in the form that tasks write. */
export const unreadable = "@Resource[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals 'orders/api'";

/** Makes a world of a scenario, in which the workloads are federated already. The same scenario gives the same world. */
export async function plantRegistry(scenario: RegistryScenario): Promise<PlantedRegistry> {
  takeKeysAgain();
  const rig = await Rig.start();
  const registry = await rig.addRegistry('crunit', { roleAssignmentMode: scenario.mode });
  for (const name of scenario.identities.keys()) rig.world.arm.identities.add(subscriptionId, 'rg-dev', name, 'westeurope');
  for (const cluster of scenario.clusters) {
    const api = await rig.addCluster(cluster, 'ready');
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api' } });
    const { credentials } = rig.world.arm.identities.find(identityOf(scenario, cluster));
    credentials.set(credentialName(clusterId(cluster), cluster, 'orders', 'api'), rig.issuer(cluster), subjectOf('orders', 'api'));
  }
  for (const [name, found] of scenario.identities) plantGrants(rig, registry, name, found, scenario);
  return { rig, registry };
}

function plantGrants(rig: Rig, registry: string, name: string, { held, inherited, beside, orphans, served }: FoundGrants, scenario: RegistryScenario): void {
  const { principalId, credentials } = rig.world.arm.identities.find(name);
  const [active, passive] = rolesOf(scenario);
  const description = describeGrant({ workload: 'orders/api', principal: identityId(name), run: 'long ago' });
  const add = (key: string, role: string, more: Readonly<Record<string, string>> = {}): void => {
    const common = { scope: registry, principalId, principalType: 'ServicePrincipal', roleDefinitionId: role, name: idOf(`${key} ${name}`) };
    rig.world.roles.add({ ...common, ...(more.condition === undefined ? {} : { conditionVersion: '2.0' }), ...more });
  };
  const ours = (role: string, more: Readonly<Record<string, string>> = {}): void => {
    add('ours', role, { name: grantName(registry, role, principalId), description, ...more });
  };
  if (served) credentials.set(credentialName(clusterId('aks-elsewhere'), 'aks-elsewhere', 'orders', 'api'), `https://elsewhere.example/${idOf('elsewhere')}/`, subjectOf('orders', 'api'));
  if (held !== 'nothing') {
    const condition = conditionOf(rig, held, scenario);
    const limited = condition === undefined ? {} : { condition };
    if (held.startsWith('ours')) ours(active, limited);
    else add('theirs', active, limited);
  }
  if (inherited !== 'nothing') add('inherited', active, { scope: group, ...(inherited === 'unconditioned' ? {} : { condition: limitedTo(dataActions(rig, active), ['billing/api']) }) });
  if (beside === 'other mode, foreign') add('beside', passive);
  if (beside === 'other mode, ours') ours(passive);
  if (beside === 'other role, ours') ours(otherRole(scenario), scenario.mode === 'AbacRepositoryPermissions' ? { condition: limitedTo(dataActions(rig, otherRole(scenario)), [...scenario.repositories, ...scenario.others]) } : {});
  for (const kind of orphans) {
    const principal = identityId(kind === 'of the same identity' ? name : 'id-gone');
    const condition = scenario.mode === 'AbacRepositoryPermissions' ? { condition: limitedTo(dataActions(rig, active), [...scenario.repositories, ...scenario.others]) } : {};
    add(`orphan ${kind}`, active, { principalId: idOf(`gone ${kind} ${name}`), description: describeGrant({ workload: 'orders/api', principal, run: 'long ago' }), ...condition });
  }
}

/** The GUIDs of the role that the registry's mode heeds and of the one that it does not. */
export function rolesOf({ mode, role }: Pick<RegistryScenario, 'mode' | 'role'>): readonly [active: string, passive: string] {
  const [whole, limited] = [roles[role], roles[repositoryRoleOf[role]]];
  return mode === 'AbacRepositoryPermissions' ? [limited, whole] : [whole, limited];
}

/** A role of the same mode that this run does not grant. */
function otherRole({ mode, role }: RegistryScenario): string {
  return rolesOf({ mode, role: role === 'AcrPush' ? 'AcrPull' : 'AcrPush' })[0];
}

function conditionOf(rig: Rig, held: HeldKind, scenario: RegistryScenario): string | undefined {
  const { mode, repositories, others } = scenario;
  if (held === 'ours unreadable' || held === 'foreign unreadable') return unreadable;
  if (mode === 'LegacyRegistryPermissions' || held === 'foreign unconditioned') return undefined;
  const actions = dataActions(rig, rolesOf(scenario)[0]);
  switch (held) {
    case 'nothing':
      return undefined;
    case 'ours':
      return limitedTo(actions, repositories);
    case 'ours for others':
      return limitedTo(actions, others);
    case 'ours for some':
      return limitedTo(actions, [...others, ...repositories.slice(0, 1)]);
    case 'ours left open':
      return limitedTo(actions.slice(0, 1), [...repositories, ...others]);
    case 'foreign covering':
      return limitedTo(actions, everything);
    case 'foreign elsewhere':
      return limitedTo(actions, ['billing/api']);
  }
}

/** The data actions of a role, as Azure defines it. */
export function dataActions(rig: Rig, role: string): readonly string[] {
  return rig.world.roles.definitions().find(({ id }) => id === role)?.dataActions ?? [];
}

/** The documented condition, written here once more: on other lines than the tasks write it. */
function limitedTo(actions: readonly string[], repositories: readonly string[]): string {
  const name = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]';
  const names = repositories.map((one) => (one.endsWith('*') ? `${name} StringStartsWithIgnoreCase '${one.slice(0, -1)}'` : `${name} StringEqualsIgnoreCase '${one}'`));
  return `(\n (\n${actions.map((action) => `  !(ActionMatches{'${action}'})`).join('\n  AND\n')}\n )\n OR\n (\n${names.map((one) => `  ${one}`).join('\n  OR\n')}\n )\n)`;
}
