import type { clusters} from '../simulators/world/contoso.js';
import { clusterId, connections } from '../simulators/world/contoso.js';

/** The connection that may do everything in the whole fleet. */
export const connection = connections.all;

/** The names of all tasks, in the order in which they build on each other. */
export const taskNames = ['SelectClusters', 'EnableWorkloadIdentity', 'FederateServiceAccount', 'GrantRegistryRole', 'DeployWithIdentity', 'AuditWorkloadIdentity'] as const;

export type TaskName = (typeof taskNames)[number];
export type Inputs = Readonly<Record<string, string>>;

/** Inputs with which each task works on one cluster of the fleet. */
export function goodInputs(cluster: keyof typeof clusters = 'dev'): Readonly<Record<TaskName, Inputs>> {
  const base = { azureSubscription: connection.id, clusters: clusterId(cluster) };
  const workload = { ...base, boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', workload: 'orders', identity: 'id-{workload}-{cluster}' };
  return {
    SelectClusters: { azureSubscription: connection.id, variableGroup: 'wi-nonprod' },
    EnableWorkloadIdentity: base,
    FederateServiceAccount: { ...workload, keyVault: 'rg-shared/kv-contoso-dev', secrets: 'orders-db' },
    GrantRegistryRole: { ...workload, registry: 'rg-shared/crcontosodev', repositories: 'orders/api' },
    DeployWithIdentity: { ...workload, chart: 'tests/fixtures/contoso/charts/orders-api', releaseName: 'orders-api' },
    AuditWorkloadIdentity: { ...base, failOn: 'none' },
  };
}

/** How a task ends with these inputs. The audit always finds something: the fleet of the tests is no model of security. */
export function goodEnd(task: TaskName): 'Succeeded' | 'SucceededWithIssues' {
  return task === 'AuditWorkloadIdentity' ? 'SucceededWithIssues' : 'Succeeded';
}

/** The tasks that can write, in order: the first one selects, the last one audits. */
export const writingTasks: readonly TaskName[] = taskNames.filter((task) => task !== 'SelectClusters' && task !== 'AuditWorkloadIdentity');
