import { guarded } from '../_shared/agent/boundary-guard.js';
import { placeFleet } from '../_shared/agent/placement.js';
import type { Desired, PlannedTask } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import { resourceEnd } from '../_shared/azure/accesses.js';
import { ClusterLookup } from '../_shared/azure/cluster-lookup.js';
import { IdentityLookup } from '../_shared/azure/identity-lookup.js';
import { RegistryLookup } from '../_shared/azure/registry-lookup.js';
import { RoleAssignment, type GrantPlace } from '../_shared/azure/role-assignment.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import type { AnyProof } from '../_shared/reconcile/proof.js';
import { output } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import { stateOf, type RunResult } from '../_shared/reconcile/run.js';
import { adminUsers } from './admin-user.js';
import { readInputs, type Inputs } from './inputs.js';
import { RegistryProof } from './proof.js';
import { undo } from './undo.js';

/** Grants AcrPull or AcrPush on a registry to the workload's identity, or to what the clusters' nodes pull with. */
export const grantRegistryRole: PlannedTask<Inputs, Services> = {
  name: 'GrantRegistryRole',
  read: (inputs, shared) => readInputs(inputs, shared),
  desire: async (inputs, shared, services): Promise<Desired> => {
    const { grantee, removal } = inputs;
    const { placed, unread } = grantee.kind === 'workload' ? await placeFleet(grantee.workload, shared.clusters, services.azure) : { placed: [], unread: [] };
    const undone = await undo({
      removal,
      clusters: shared.clusters,
      grantees: grantee.kind === 'workload' ? { kind: 'workload', placed } : grantee,
      scopeOf: (entry) => ({ azure: services.azure, scope: registryOf(inputs, entry).id }),
      limits: { repositories: [], principalType: 'ServicePrincipal' },
    }, services);
    const parts = removal.state === 'absent' ? [] : grantee.kind === 'workload'
      ? placed.map((workload) => forWorkload(workload, inputs, services))
      : shared.clusters.map((entry) => forKubelet(entry, inputs, services));
    const granted = parts.map(({ place, registry, proofs }) => ({ place, lookup: registry, proofs }));
    const admin = adminUsers(inputs.adminUser, granted, shared.clusters, services, services.azure, unread.map(({ key }) => key));
    const guard = guarded(inputs.boundaries, services);
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

interface Part {
  readonly label: string;
  readonly place: ArmId;
  readonly registry: RegistryLookup;
  readonly resources: readonly AnyResource[];
  readonly proofs: readonly AnyProof[];
}

function forWorkload(workload: PlacedWorkload, inputs: Inputs, services: Services): Part {
  const { azure } = services;
  const { entry, owner, namespace, serviceAccount } = workload;
  const target = registryOf(inputs, entry);
  const cluster = new ClusterLookup(azure, entry, { issuer: true });
  const registry = new RegistryLookup(azure, target);
  const identity = new IdentityLookup(azure, workload.identity, owner);
  const description = `aks-workload-identity: ${inputs.role} for ${namespace}/${serviceAccount}`;
  const principalId = output(identity, (state) => state.principalId);
  const refs = { principalId, target: output(registry, (state) => state.id) };
  const grant = new RoleAssignment(azure, placeOf(target), inputs.role, { id: workload.identity.id, name: workload.identity.name }, refs, owner, description, resourceEnd(workload.identity.id));
  const resources = [cluster, registry, identity, grant];
  const proven = { identity: output(identity, (state) => state), registry: output(registry, (state) => state) };
  const proof = new RegistryProof(
    { azure, connection: services.cluster(entry), workload, proves: resources.map(({ key }) => key), inputs: proven, deadlineMs: inputs.propagationTimeoutMs },
    { role: inputs.role, repository: inputs.repository ?? '' },
  );
  return { label: entry.label, place: target, registry, resources, proofs: [proof] };
}

/** A node's pull cannot be exercised from an agent: the grant is observed, and the log says so. */
function forKubelet(entry: ClusterEntry, inputs: Inputs, { azure }: Services): Part {
  const target = registryOf(inputs, entry);
  const cluster = new ClusterLookup(azure, entry, { issuer: false, kubelet: true });
  const registry = new RegistryLookup(azure, target);
  const description = `aks-workload-identity: ${inputs.role} for the kubelet of ${entry.name}`;
  const principalId = output(cluster, (state) => state.kubelet?.objectId);
  const refs = { principalId, target: output(registry, (state) => state.id) };
  const grant = new RoleAssignment(azure, placeOf(target), inputs.role, { id: `kubelet of ${entry.id}`, name: `kubelet of ${entry.label}` }, refs, entry.label, description, resourceEnd(entry.id, entry.label));
  const proof: AnyProof = {
    key: `registry grant of the kubelet of ${entry.label}`,
    title: `kubelet of ${entry.label}`,
    cluster: entry.label,
    proves: [cluster.key, registry.key, grant.key],
    inputs: {},
    run: () => Promise.resolve({ level: 'observed', summary: `${inputs.role} on ${target.name} read back; only a node could exercise it` }),
  };
  return { label: entry.label, place: target, registry, resources: [cluster, registry, grant], proofs: [proof] };
}

function registryOf(inputs: Inputs, entry: ClusterEntry): ArmId {
  const registry = inputs.registries.get(entry.label);
  if (registry === undefined) throw new Error(`no registry for ${entry.label}`);
  return registry;
}

function placeOf(registry: ArmId): GrantPlace {
  return { scope: registry.id, listScope: registry.id, label: registry.name };
}
