import type { Services } from '../_shared/agent/services.js';
import { Unreadable } from '../_shared/agent/withdrawal.js';
import { accountAccesses } from '../_shared/azure/accesses.js';
import type { Identity } from '../_shared/azure/identity.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import { restartable, WorkloadRestart } from '../_shared/kubernetes/workload-restart.js';
import { Limiter } from '../_shared/reconcile/limits.js';
import { problemOf } from '../_shared/reconcile/problem.js';
import { output } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';

/** A service account whose pods shall have its identity. */
export interface Restarted {
  readonly workload: PlacedWorkload;
  readonly identity: Identity;
  /** Keys of what gives it the identity. */
  readonly after: readonly string[];
}

/** A restart for each workload that runs as one of these service accounts; its plan tells whether its pods need it. */
export async function restartsOf(accounts: readonly Restarted[], services: Services, concurrency: number): Promise<readonly AnyResource[]> {
  const limiter = new Limiter(concurrency);
  return (await Promise.all(accounts.map((account) => limiter.run(() => listed(account, services))))).flat();
}

async function listed({ workload, identity, after }: Restarted, services: Services): Promise<AnyResource[]> {
  const { azure } = services;
  const connection = services.cluster(workload.entry);
  const account = { namespace: workload.namespace, name: workload.serviceAccount };
  const inputs = { clientId: output(identity, (state) => state.identity?.clientId), tenantId: output(identity, (state) => state.identity?.tenantId) };
  try {
    const found = await restartable(connection, account);
    const accesses = accountAccesses(azure.connection, workload.entry, workload.identity.id);
    return found.map((one) => new WorkloadRestart(connection, azure.clock, one, account, inputs, after, accesses));
  } catch (error) {
    const problem = problemOf(error, azure.signal, `list what runs as ${workload.title}`);
    return [new Unreadable('workloads', `${connection.clusterId}/namespaces/${workload.namespace}/${workload.serviceAccount}`, problem, workload.entry.label)];
  }
}
