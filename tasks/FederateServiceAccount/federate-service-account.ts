import { guarded } from '../_shared/agent/boundary-guard.js';
import { placeFleet } from '../_shared/agent/placement.js';
import type { PlannedTask } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import type { GrantScope } from '../_shared/agent/withdrawal.js';
import { resourceEnd } from '../_shared/azure/accesses.js';
import type { Azure } from '../_shared/azure/azure.js';
import { ClusterLookup } from '../_shared/azure/cluster-lookup.js';
import { FederatedCredential } from '../_shared/azure/federated-credential.js';
import { federationCheck } from '../_shared/azure/federation-check.js';
import { FleetUse } from '../_shared/azure/fleet-use.js';
import { Identity } from '../_shared/azure/identity.js';
import type { IdentityState } from '../_shared/azure/identity-state.js';
import { RoleAssignment } from '../_shared/azure/role-assignment.js';
import { VaultLookup } from '../_shared/azure/vault-lookup.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import { credentialName, subjectOf } from '../_shared/fleet/names.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import type { ClusterConnection } from '../_shared/kubernetes/connection.js';
import { Namespace } from '../_shared/kubernetes/namespace.js';
import { WithRunningPods } from '../_shared/kubernetes/running-pods.js';
import { ServiceAccount } from '../_shared/kubernetes/service-account.js';
import type { AnyProof } from '../_shared/reconcile/proof.js';
import { output, value } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import { stateOf, type RunResult } from '../_shared/reconcile/run.js';
import { readInputs, type Inputs } from './inputs.js';
import { FederationProof } from './proof.js';
import { restartsOf, type Restarted } from './restarts.js';
import { undo } from './undo.js';

/** Lets one service account on each cluster act as a managed identity, and grants that identity exactly the named secrets. */
export const federateServiceAccount: PlannedTask<Inputs, Services> = {
  name: 'FederateServiceAccount',
  read: (inputs, shared) => readInputs(inputs, shared),
  desire: async (inputs, shared, services) => {
    const fleet = new FleetUse(services.azure, shared.clusters);
    const { placed, unread } = await placeFleet(inputs, shared.clusters, services.azure);
    const desired = inputs.removal.state === 'absent' ? [] : placed.map((workload) => federate(workload, inputs, fleet, services));
    const undone = await undo({ removal: inputs.removal, placed, clusters: shared.clusters, scopesOf: (workload) => scopesOf(workload, inputs, services), accounts: inputs.createServiceAccount, fleet }, services);
    const guard = guarded(inputs.boundaries, services);
    const restarts = inputs.restartWorkloads ? await restartsOf(desired, services, shared.concurrency) : [];
    return {
      resources: [...unread, ...undone.resources, ...desired.flatMap(({ resources }) => resources), ...restarts],
      proofs: [...desired.map(({ proof }) => proof), ...undone.proofs],
      ...guard,
      checks: [federationCheck(services.azure), ...guard.checks, ...undone.checks],
      outputs: (result) => identityOutputs(desired, result),
    };
  },
};

/** Where the identity of a workload may have been granted something by this task. */
function scopesOf({ label }: PlacedWorkload, inputs: Inputs, { azure }: Services): GrantScope[] {
  const wanted = inputs.secrets.get(label);
  return wanted === undefined ? [] : [{ azure, scope: wanted.vault.id }];
}

/** What shall be true for one workload on one cluster. */
interface Federation extends Restarted {
  readonly resources: readonly AnyResource[];
  readonly proof: AnyProof;
}

function federate(workload: PlacedWorkload, inputs: Inputs, fleet: FleetUse, services: Services): Federation {
  const { azure } = services;
  const { entry, namespace, serviceAccount } = workload;
  const cluster = new ClusterLookup(azure, entry, { issuer: true });
  const identity = new Identity(
    azure,
    workload.identity,
    { words: workload.words, run: services.run, ...(inputs.owner === undefined ? {} : { owner: inputs.owner }), ...(inputs.identityLocation === undefined ? {} : { location: inputs.identityLocation }) },
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
  const account = inputs.createServiceAccount ? annotated(workload, connection, cluster, identity) : [];
  const wanted = inputs.secrets.get(workload.label);
  const vault = wanted === undefined ? undefined : new VaultLookup(azure, wanted.vault);
  const grants = wanted === undefined || vault === undefined ? [] : wanted.names.map((secret) => granted(azure, wanted.vault, { vault, identity }, secret, workload));
  const resources = [cluster, identity, credential, ...account, ...(vault === undefined ? [] : [vault]), ...grants];
  const refs = { identity: output(identity, (state) => state.identity), vault: vault === undefined ? value(null) : output(vault, (state) => state) };
  const proof = new FederationProof(
    { azure, connection, workload, proves: resources.map(({ key }) => key), inputs: refs, deadlineMs: inputs.propagationTimeoutMs },
    wanted?.names ?? [],
  );
  const seen = inputs.createServiceAccount ? new WithRunningPods(proof, connection, { namespace, name: serviceAccount }) : proof;
  return { workload, identity, after: [credential, ...account].map(({ key }) => key), resources, proof: seen };
}

/** The namespace and the service account with this cluster's identity on it. */
function annotated(workload: PlacedWorkload, connection: ClusterConnection, cluster: ClusterLookup, identity: Identity): AnyResource[] {
  const namespace = new Namespace(connection, workload.namespace, { cluster: output(cluster, (state) => state.id) });
  const account = new ServiceAccount(
    connection,
    { namespace: workload.namespace, name: workload.serviceAccount },
    {
      namespace: output(namespace, (state) => state.name),
      clientId: output(identity, (state) => state.identity?.clientId),
      tenantId: output(identity, (state) => state.identity?.tenantId),
    },
  );
  return [namespace, account];
}

/** The right to read one secret, and no other. */
function granted(azure: Azure, place: ArmId, needs: { vault: VaultLookup; identity: Identity }, secret: string, workload: PlacedWorkload): RoleAssignment {
  return new RoleAssignment(
    azure,
    { scope: `${place.id}/secrets/${secret}`, listScope: place.id, label: `${place.name} / secrets / ${secret}` },
    'Key Vault Secrets User',
    { id: workload.identity.id, name: workload.identity.name },
    { principalId: output(needs.identity, (state) => state.identity?.principalId), target: output(needs.vault, (state) => state.id) },
    workload.owner,
    `aks-workload-identity: secret ${secret} for ${workload.namespace}/${workload.serviceAccount}`,
    resourceEnd(workload.identity.id),
  );
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
