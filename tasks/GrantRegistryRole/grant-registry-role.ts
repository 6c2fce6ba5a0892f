import { guarded } from '../_shared/agent/boundary-guard.js';
import { placeFleet } from '../_shared/agent/placement.js';
import type { Desired, PlannedTask } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import { stateOf, type RunResult } from '../_shared/reconcile/run.js';
import { adminUsers } from './admin-user.js';
import { forKubelet, forObject, forWorkload, registryOf, type Part } from './grants.js';
import { readInputs, type Inputs } from './inputs.js';
import { undo } from './undo.js';

/** Grants a role on a registry to the workload's identity, to what the clusters' nodes pull with, or to another principal. */
export const grantRegistryRole: PlannedTask<Inputs, Services> = {
  name: 'GrantRegistryRole',
  read: (inputs, shared, connections) => readInputs(inputs, shared, connections),
  desire: async (inputs, shared, services): Promise<Desired> => {
    const { grantee, removal, role, repositories } = inputs;
    const { clusters } = shared;
    const granting = inputs.registryConnection === undefined ? services.azure : await services.connect(inputs.registryConnection);
    const { placed, unread } = grantee.kind === 'workload' ? await placeFleet(grantee.workload, clusters, services.azure) : { placed: [], unread: [] };
    const undone = await undo({
      removal,
      clusters,
      grantees: grantee.kind === 'workload' ? { kind: 'workload', placed } : grantee.kind === 'kubelet' ? grantee : { kind: 'objectId', principalId: grantee.id },
      scopeOf: (entry) => ({ azure: granting, scope: registryOf(inputs, entry).id }),
      role,
      limits: { repositories, principalType: grantee.kind === 'objectId' ? grantee.type : 'ServicePrincipal' },
    }, services);
    const tools = { inputs, services, granting };
    const parts = removal.state === 'absent' ? []
      : grantee.kind === 'workload' ? placed.map((workload) => forWorkload(workload, tools))
      : grantee.kind === 'kubelet' ? clusters.map((entry) => forKubelet(entry, tools))
      : forObject(grantee, clusters, tools);
    const admin = adminUsers(inputs.adminUser, parts.map(({ place, registry, proofs }) => ({ place, lookup: registry, proofs })), clusters, services, granting, unread.map(({ key }) => key));
    const guard = guarded(inputs.boundaries, services, [granting]);
    return {
      resources: [...unread, ...undone.resources, ...parts.flatMap(({ resources }) => resources), ...admin.resources],
      proofs: [...parts.flatMap(({ proofs }) => proofs), ...admin.proofs, ...undone.proofs],
      ...guard,
      checks: [...guard.checks, ...undone.checks],
      outputs: (result) => ({ registries: JSON.stringify(loginServers(parts, result)), ...admin.outputs(result) }),
    };
  },
};

/** Login server by cluster. */
function loginServers(parts: readonly Part[], result: RunResult): Record<string, string> {
  return Object.fromEntries(parts.flatMap(({ label, registry }) => {
    const server = stateOf(result, registry)?.loginServer;
    return server === undefined ? [] : [[label, server] as const];
  }));
}
