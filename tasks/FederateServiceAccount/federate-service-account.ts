import { guarded } from '../_shared/agent/boundary-guard.js';
import { placeFleet } from '../_shared/agent/placement.js';
import type { PlannedTask } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import type { GrantScope } from '../_shared/agent/withdrawal.js';
import { accountAccesses, clusterAccesses } from '../_shared/azure/accesses.js';
import { ClusterLookup } from '../_shared/azure/cluster-lookup.js';
import type { ServiceConnection } from '../_shared/azure/connection.js';
import { FederatedCredential } from '../_shared/azure/federated-credential.js';
import { federationCheck } from '../_shared/azure/federation-check.js';
import { FleetUse } from '../_shared/azure/fleet-use.js';
import { Identity } from '../_shared/azure/identity.js';
import type { IdentityState } from '../_shared/azure/identity-state.js';
import type { RoleAssignment } from '../_shared/azure/role-assignment.js';
import { nodeSubnets, VaultNetworkCheck, type VaultUse } from '../_shared/azure/vault-network-check.js';
import { permitsRole } from '../_shared/fleet/boundary-policy.js';
import type { VaultPolicies } from '../_shared/azure/vault-policies.js';
import { describeGrant } from '../_shared/fleet/marks.js';
import { credentialName, subjectOf } from '../_shared/fleet/names.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import type { ClusterConnection } from '../_shared/kubernetes/connection.js';
import { Namespace } from '../_shared/kubernetes/namespace.js';
import { WithRunningPods } from '../_shared/kubernetes/running-pods.js';
import { ServiceAccount } from '../_shared/kubernetes/service-account.js';
import type { AnyProof } from '../_shared/reconcile/proof.js';
import { output, value, type Ref } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import { stateOf, type RunResult } from '../_shared/reconcile/run.js';
import { lineGrants } from './grant-lines.js';
import { readInputs, type Inputs } from './inputs.js';
import { FederationProof } from './proof.js';
import { restartsOf, type Restarted } from './restarts.js';
import { undo } from './undo.js';
import { Vaults } from './vault-grants.js';

/** Lets one service account on each cluster act as a managed identity, and grants that identity exactly the named secrets. */
export const federateServiceAccount: PlannedTask<Inputs, Services> = {
  name: 'FederateServiceAccount',
  read: (inputs, shared, connections) => readInputs(inputs, shared, connections),
  desire: async (inputs, shared, services) => {
    const fleet = new FleetUse(services.azure, shared.clusters);
    const { placed, unread } = await placeFleet(inputs, shared.clusters, services.azure);
    const vaults = await openVaults(placed, inputs, services);
    const desired = inputs.removal.state === 'absent' ? [] : placed.map((workload) => federate(workload, inputs, { fleet, vaults }, services));
    const undone = await undo({ removal: inputs.removal, placed, clusters: shared.clusters, scopesOf: (workload) => scopesOf(workload, inputs, services, vaults), policiesOf: (workload) => policiesOf(workload, inputs, vaults), accounts: inputs.createServiceAccount, fleet }, services);
    const guard = guarded(inputs.boundaries, services, [vaults.azure]);
    const restarts = inputs.restartWorkloads ? await restartsOf(desired, services, shared.concurrency) : [];
    return {
      resources: [...unread, ...undone.resources, ...desired.flatMap(({ resources }) => resources), ...restarts],
      proofs: [...desired.map(({ proof }) => proof), ...undone.proofs],
      ...guard,
      checks: [federationCheck(services.azure), new VaultNetworkCheck(desired.flatMap(({ uses }) => uses)), ...guard.checks, ...undone.checks],
      outputs: (result) => identityOutputs(desired, result),
    };
  },
};

/** The access policies that may let the identity of a workload in: those of its vault, where they decide, and those that ledgers show. */
function policiesOf({ label, identity }: PlacedWorkload, inputs: Inputs, vaults: Vaults): VaultPolicies[] {
  const wanted = inputs.secrets.get(label);
  const named = wanted === undefined ? undefined : vaults.policiesOf(wanted.vault);
  return [...(named === undefined ? [] : [named]), ...vaults.policiesTold(inputs.removal.history, identity.id)];
}

/** Where the identity of a workload may have been granted something by this task. */
function scopesOf({ label }: PlacedWorkload, inputs: Inputs, { azure }: Services, vaults: Vaults): GrantScope[] {
  const wanted = inputs.secrets.get(label);
  return [...(wanted === undefined ? [] : [{ azure: vaults.azure, scope: wanted.vault.id }]), ...inputs.grants.map(({ scope }) => ({ azure, scope }))];
}

async function openVaults(placed: readonly PlacedWorkload[], inputs: Inputs, services: Services): Promise<Vaults> {
  const azure = inputs.vaultConnection === undefined ? services.azure : await services.connect(inputs.vaultConnection);
  const wishes = placed.flatMap(({ label, identity }) => {
    const wish = inputs.secrets.get(label);
    return wish === undefined ? [] : [{ identityId: identity.id, wish }];
  });
  return Vaults.open(azure, wishes, { ...inputs, absent: inputs.removal.state === 'absent' });
}

/** What shall be true for one workload on one cluster. */
interface Federation extends Restarted {
  readonly resources: readonly AnyResource[];
  readonly proof: AnyProof;
  readonly uses: readonly VaultUse[];
}

function federate(workload: PlacedWorkload, inputs: Inputs, { fleet, vaults }: { readonly fleet: FleetUse; readonly vaults: Vaults }, services: Services): Federation {
  const { azure } = services;
  const { entry, namespace, serviceAccount } = workload;
  const cluster = new ClusterLookup(azure, entry, { issuer: true });
  const identity = new Identity(
    azure,
    workload.identity,
    { words: workload.words, run: services.run, others: [vaults.azure], ...(inputs.owner === undefined ? {} : { owner: inputs.owner }), ...(inputs.identityLocation === undefined ? {} : { location: inputs.identityLocation }) },
    fleet,
    workload.users,
    workload.owner === undefined ? undefined : { label: workload.owner, id: output(cluster, (state) => state.id) },
  );
  const credential = new FederatedCredential(
    azure,
    entry.label,
    workload.identity.id,
    { name: credentialName(entry.id, entry.name, namespace, serviceAccount), subject: subjectOf(namespace, serviceAccount) },
    { identityId: output(identity, (state) => state.identity?.id), issuer: output(cluster, (state) => state.issuerUrl) },
    entry.id,
  );
  const connection = services.cluster(entry);
  const account = inputs.createServiceAccount ? annotated(workload, connection, cluster, identity, azure.connection) : [];
  const wish = inputs.secrets.get(workload.label);
  const description = describeGrant({ workload: `${namespace}/${serviceAccount}`, principal: workload.identity.id, run: services.run });
  const access = wish === undefined ? undefined : vaults.grant(wish, workload, identity, description);
  const grantee = { identity: { id: workload.identity.id, name: workload.identity.name }, principalId: output(identity, (state) => state.identity?.principalId), owner: workload.owner, description };
  const others = lineGrants(azure, inputs.grants, grantee, inputs.roleAssignmentLimit, (name, guid) => permitsRole(inputs.boundaries?.policy, name, guid));
  const resources = [cluster, identity, credential, ...account, ...(access?.resources ?? []), ...others];
  const refs = {
    identity: output(identity, (state) => state.identity),
    vault: access === undefined ? value(null) : output(access.lookup, (state) => state),
    subnets: output(cluster, nodeSubnets),
    ...scopeRefs([...(access?.grants ?? []).map(({ resource }) => resource), ...others]),
  };
  const proof = new FederationProof(
    { azure, connection, workload, proves: resources.map(({ key }) => key), inputs: refs, deadlineMs: inputs.propagationTimeoutMs, proveFrom: inputs.proveFrom },
    { vaultAzure: vaults.azure, access, others: others.map(({ name }, index) => ({ name, scope: inputs.grants[index]?.scope ?? '' })) },
  );
  const seen = inputs.createServiceAccount ? new WithRunningPods(proof, connection, { namespace, name: serviceAccount }) : proof;
  const uses = access === undefined ? [] : [{ cluster, vault: access.lookup }];
  return { workload, identity, after: [credential, ...account].map(({ key }) => key), resources, proof: seen, uses };
}

/** The namespace and the service account with this cluster's identity on it. */
function annotated(workload: PlacedWorkload, connection: ClusterConnection, cluster: ClusterLookup, identity: Identity, writer: ServiceConnection): AnyResource[] {
  const namespace = new Namespace(connection, workload.namespace, { cluster: output(cluster, (state) => state.id) }, clusterAccesses(writer, workload.entry));
  const account = new ServiceAccount(
    connection,
    { namespace: workload.namespace, name: workload.serviceAccount },
    {
      namespace: output(namespace, (state) => state.name),
      clientId: output(identity, (state) => state.identity?.clientId),
      tenantId: output(identity, (state) => state.identity?.tenantId),
    },
    accountAccesses(writer, workload.entry, workload.identity.id),
  );
  return [namespace, account];
}

/** Where the assignments lie that serve as the grants: above the scope that was asked for when they are inherited. */
function scopeRefs(grants: readonly RoleAssignment[]): Record<`scope ${number}`, Ref<string>> {
  return Object.fromEntries(grants.map((grant, index) => [`scope ${index}`, output(grant, (state) => state.scope)]));
}

/** Identity figures of one cluster as plain outputs, of several as JSON maps by cluster. */
function identityOutputs(federations: readonly Federation[], result: RunResult): Record<string, string> {
  const known = federations.flatMap(({ workload: { label }, identity }) => {
    const state = stateOf(result, identity)?.identity;
    return state === undefined ? [] : [{ label, state }];
  });
  const map = (pick: (state: IdentityState) => string): string => JSON.stringify(Object.fromEntries(known.map(({ label, state }) => [label, pick(state)])));
  const distinct = new Set(known.map(({ state }) => state.id.toLowerCase()));
  const only = distinct.size === 1 ? known[0]?.state : undefined;
  return {
    clientId: only?.clientId ?? '',
    principalId: only?.principalId ?? '',
    tenantId: known[0]?.state.tenantId ?? '',
    identityId: only?.id ?? '',
    clientIds: map(({ clientId }) => clientId),
    principalIds: map(({ principalId }) => principalId),
    identityIds: map(({ id }) => id),
  };
}
