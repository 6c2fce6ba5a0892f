import type { Services } from '../_shared/agent/services.js';
import { principalEnd, resourceEnd } from '../_shared/azure/accesses.js';
import type { Azure } from '../_shared/azure/azure.js';
import { ClusterLookup } from '../_shared/azure/cluster-lookup.js';
import { IdentityLookup } from '../_shared/azure/identity-lookup.js';
import { RegistryGrant } from '../_shared/azure/registry-grant.js';
import { RegistryLookup, type RegistryState } from '../_shared/azure/registry-lookup.js';
import { repositoryRoleOf } from '../_shared/azure/registry-roles.js';
import type { PrincipalType } from '../_shared/azure/role-assignment-write.js';
import { RoleAssignment } from '../_shared/azure/role-assignment.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import { describeGrant } from '../_shared/fleet/marks.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import type { End } from '../_shared/reconcile/access.js';
import type { AnyProof, Evidence, Proof } from '../_shared/reconcile/proof.js';
import { output, value, type Ref } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import type { Inputs, ObjectPrincipal } from './inputs.js';
import { RegistryProof } from './proof.js';

/** What the grants of a run are made with. */
export interface GrantTools {
  readonly inputs: Inputs;
  readonly services: Services;
  /** Azure as the connection sees it that may grant on the registries. */
  readonly granting: Azure;
}

/** The grant for one cluster of the list. */
export interface Part {
  readonly label: string;
  readonly place: ArmId;
  readonly registry: RegistryLookup;
  readonly resources: readonly AnyResource[];
  readonly proofs: readonly AnyProof[];
}

interface Wanted {
  readonly place: ArmId;
  readonly registry: RegistryLookup;
  /** Whom the role is for: distinct in keys, as messages call it, and as its mark says. */
  readonly principal: { readonly id: string; readonly name: string; readonly type: PrincipalType };
  readonly principalId: Ref<string>;
  /** Where the principal lies: the identity, the cluster of a kubelet, or nothing but its object id. */
  readonly end: End;
  /** `orders/api`, `kubelet of aks-1` */
  readonly workload: string;
  /** The cluster that it stands or falls with. */
  readonly owner: string | undefined;
}

function grantFor({ inputs: { role, repositories, roleAssignmentLimit: limit }, services, granting }: GrantTools, wanted: Wanted): RegistryGrant {
  const { place, registry, principal, principalId, end, workload, owner } = wanted;
  const description = describeGrant({ workload, run: services.run, ...(end.kind === 'principal' ? {} : { principal: end.id }) });
  const at = { scope: place.id, listScope: place.id, label: place.name };
  const plain = new RoleAssignment(granting, at, role, principal, { principalId, target: output(registry, (state) => state.id) }, owner, description, end, { limit });
  return new RegistryGrant(granting, plain, at, { role, repositories, principal, description }, { principalId, registry: output(registry, (state) => state) });
}

/** For the identity of a workload: what it may do then is exercised as that workload. */
export function forWorkload(workload: PlacedWorkload, tools: GrantTools): Part {
  const { inputs, services, granting } = tools;
  const { entry, owner, namespace, serviceAccount } = workload;
  const place = registryOf(inputs, entry);
  const cluster = new ClusterLookup(services.azure, entry, { issuer: true });
  const registry = new RegistryLookup(granting, place);
  const identity = new IdentityLookup(services.azure, workload.identity, owner);
  const principal = { id: workload.identity.id, name: workload.identity.name, type: 'ServicePrincipal' } as const;
  const grant = grantFor(tools, { place, registry, principal, principalId: output(identity, (state) => state.principalId), end: resourceEnd(workload.identity.id), workload: `${namespace}/${serviceAccount}`, owner });
  const resources = [cluster, registry, identity, grant];
  const proof = new RegistryProof(
    {
      azure: services.azure,
      connection: services.cluster(entry),
      workload,
      proves: resources.map(({ key }) => key),
      inputs: { identity: output(identity, (state) => state), registry: output(registry, (state) => state) },
      deadlineMs: inputs.propagationTimeoutMs,
      proveFrom: inputs.proveFrom,
    },
    granting,
    inputs,
  );
  return { label: entry.label, place, registry, resources, proofs: [proof] };
}

/** For what the nodes of a cluster pull with. */
export function forKubelet(entry: ClusterEntry, tools: GrantTools): Part {
  const { inputs, services, granting } = tools;
  const place = registryOf(inputs, entry);
  const cluster = new ClusterLookup(services.azure, entry, { issuer: false, kubelet: true });
  const registry = new RegistryLookup(granting, place);
  const name = `kubelet of ${entry.label}`;
  const principal = { id: `kubelet of ${entry.id}`, name, type: 'ServicePrincipal' } as const;
  const grant = grantFor(tools, { place, registry, principal, principalId: output(cluster, (state) => state.kubelet?.objectId), end: resourceEnd(entry.id, entry.label), workload: name, owner: entry.label });
  const resources = [cluster, registry, grant];
  const proof = observed({ key: `registry grant of the ${name}`, title: name, cluster: entry.label, resources, registry, inputs }, 'only a node could exercise it');
  return { label: entry.label, place, registry, resources, proofs: [proof] };
}

/** For a principal that is named by its object id: once for each registry of the list, whatever clusters use it. */
export function forObject({ id, type }: ObjectPrincipal, clusters: readonly ClusterEntry[], tools: GrantTools): Part[] {
  const { inputs, granting } = tools;
  const seen = new Set<string>();
  return clusters.map((entry) => {
    const place = registryOf(inputs, entry);
    const registry = new RegistryLookup(granting, place);
    const name = `${type} ${id}`;
    const grant = grantFor(tools, { place, registry, principal: { id, name, type }, principalId: value(id), end: principalEnd(id), workload: name, owner: undefined });
    const resources = [registry, grant];
    const first = !seen.has(registry.key);
    seen.add(registry.key);
    const proof = observed({ key: `${grant.key}, observed`, title: name, resources, registry, inputs }, 'only that principal could exercise it');
    return { label: entry.label, place, registry, resources, proofs: first ? [proof] : [] };
  });
}

interface Observed {
  readonly key: string;
  readonly title: string;
  readonly cluster?: string;
  readonly resources: readonly AnyResource[];
  readonly registry: RegistryLookup;
  readonly inputs: Inputs;
}

/** What no token of a service account can exercise: the grant was read back, and the log says so. */
function observed({ registry, resources, inputs: { role, repositories }, ...parts }: Observed, because: string): AnyProof {
  const run = ({ registry: { name, mode } }: { readonly registry: RegistryState }): Promise<Evidence> => {
    const what = mode === 'LegacyRegistryPermissions' ? `${role} on ${name}` : `${repositoryRoleOf[role]} on ${repositories.join(', ')} of ${name}`;
    return Promise.resolve({ level: 'observed', summary: `${what} read back; ${because}` });
  };
  const proof: Proof<{ registry: RegistryState }> = { ...parts, proves: resources.map(({ key }) => key), inputs: { registry: output(registry, (state) => state) }, run };
  return proof;
}

/** The registry of a cluster. */
export function registryOf(inputs: Inputs, entry: ClusterEntry): ArmId {
  const registry = inputs.registries.get(entry.label);
  if (registry === undefined) throw new Error(`no registry for ${entry.label}`);
  return registry;
}
