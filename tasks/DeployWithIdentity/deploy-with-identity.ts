import { openCluster } from '../_shared/agent/cluster-connections.js';
import { guarded } from '../_shared/agent/boundary-guard.js';
import { placeFleet } from '../_shared/agent/placement.js';
import type { Desired, PlannedTask } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import { deployAccesses } from '../_shared/azure/accesses.js';
import type { Azure } from '../_shared/azure/azure.js';
import { IdentityLookup } from '../_shared/azure/identity-lookup.js';
import { VaultNetworkCheck, type VaultUse } from '../_shared/azure/vault-network-check.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import { Namespace } from '../_shared/kubernetes/namespace.js';
import type { ReleaseInputs } from '../_shared/kubernetes/release-blueprint.js';
import { ReleaseRestart } from '../_shared/kubernetes/release-restart.js';
import { TakeBack } from '../_shared/kubernetes/take-back.js';
import type { AnyProof } from '../_shared/reconcile/proof.js';
import { output, type Refs } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import { stateOf, type RunResult } from '../_shared/reconcile/run.js';
import { leavingCredentials, leftBehind, returningOf } from './credentials.js';
import { readInputs, type Inputs } from './inputs.js';
import { isolate } from './isolation.js';
import { localSource } from './local-chart.js';
import { accessResources, labelsOf } from './namespace-access.js';
import { deploymentProof } from './proof.js';
import { classBefore, classesAfter, clusterOf, secretsFor, vaultAzure } from './vault-secrets.js';
import { blueprintOf, deployable, type Deployable, type Source } from './sources.js';

/** Deploys a chart, or manifests, on each cluster so that the pods have the cluster's identity, and shows that they do. */
export const deployWithIdentity: PlannedTask<Inputs, Services> = {
  name: 'DeployWithIdentity',
  read: (inputs, shared, connections) => readInputs(inputs, shared, connections),
  opener: ({ reach }) => (azure, entry, tools) => openCluster(azure, entry, tools, reach),
  desire: async (inputs, shared, services): Promise<Desired> => {
    const { placed, unread } = await placeFleet(inputs, shared.clusters, services.azure);
    const source = await localSource(inputs.source, services);
    const vaults = await vaultAzure(inputs.vault, services);
    const deployments = placed.map((workload) => deploy(workload, inputs, services, { source, vaults }));
    const guard = guarded(inputs.boundaries, services, [vaults]);
    return {
      resources: [...unread, ...deployments.flatMap(({ resources }) => resources)],
      proofs: deployments.flatMap(({ proofs }) => proofs),
      ...guard,
      checks: [...guard.checks, new VaultNetworkCheck(deployments.flatMap(({ uses }) => uses))],
      outputs: (result) => releaseOutputs(deployments, result),
    };
  },
};

/** What shall be true on one cluster. */
interface Deployment {
  readonly label: string;
  readonly release: Deployable['release'];
  readonly resources: readonly AnyResource[];
  readonly takeBack: TakeBack;
  readonly uses: readonly VaultUse[];
  readonly proofs: readonly AnyProof[];
}

/** What all clusters share. */
interface Common {
  readonly source: Source;
  /** Azure as the connection sees it that the vaults are looked up with. */
  readonly vaults: Azure;
}

function deploy(workload: PlacedWorkload, inputs: Inputs, services: Services, { source, vaults }: Common): Deployment {
  const { azure } = services;
  const { entry, serviceAccount } = workload;
  const connection = services.cluster(entry);
  const vaultSecrets = secretsFor(inputs.vault, workload);
  const cluster = clusterOf(azure, entry, vaultSecrets);
  const identity = new IdentityLookup(azure, workload.identity, workload.owner);
  const accesses = deployAccesses(azure.connection, entry);
  const namespace = new Namespace(connection, workload.namespace, { cluster: output(cluster, (state) => state.id), identity: output(identity, (state) => state.id) }, accesses, labelsOf(inputs.releaseName, inputs.namespaceLabels));
  const settings = {
    connection,
    clock: azure.clock,
    signal: azure.signal,
    release: inputs.releaseName,
    namespace: workload.namespace,
    serviceAccount,
    identityMode: inputs.identityMode,
    policy: inputs.policy,
    atomic: inputs.atomic,
    ...(inputs.tokenSeconds === undefined ? {} : { tokenSeconds: inputs.tokenSeconds }),
    ...(vaultSecrets === undefined ? {} : { vaultSecrets }),
    ...returningOf(inputs.credentials),
    timeoutMs: inputs.timeoutMs,
    tokenProof: inputs.proveFrom === 'agent',
  };
  const refs: Refs<ReleaseInputs> = {
    namespace: output(namespace, (state) => state.name),
    clientId: output(identity, (state) => state.clientId),
    tenantId: output(identity, (state) => state.tenantId),
  };
  const place = { namespace: workload.namespace, release: inputs.releaseName };
  const vault = { connection, place, cluster, refs, accesses };
  const { resources: classes, current, uses } = classBefore(vaults, inputs.vault, workload, vault);
  const blueprint = blueprintOf(source, entry.label, settings);
  const takeBack = new TakeBack(settings.atomic);
  const isolation = isolate(inputs.isolation?.get(entry.label), { blueprint, refs, cluster, accesses, takeBack });
  const before = [...isolation.before, ...classes];
  const parts = { refs, accesses, after: before.map(({ key }) => key), takeBack };
  const provenWith = { azure, vaults, connection, workload, takeBack, inputs, settings: blueprint.settings, refs: { ...refs, identity: output(identity, (state) => state) } };
  const { release, resources: deployed } = leavingCredentials(deployable(blueprint, parts), { ...parts, blueprint, credentials: inputs.credentials, cluster, proven: provenWith });
  const resources = [cluster, identity, namespace, ...before, ...deployed];
  const restart = new ReleaseRestart(blueprint.settings, { ...refs, revision: output(release, ({ revision }) => revision?.number) }, accesses);
  const proven = { ...provenWith, settings: { ...blueprint.settings, ...leftBehind(inputs.credentials) }, proves: resources.map(({ key }) => key) };
  const access = accessResources(blueprint, release, inputs.access, refs, accesses);
  const after = [restart, ...access, classesAfter(release, vault, current, takeBack), ...isolation.after(release)];
  return { label: entry.label, release, takeBack, resources: [...resources, ...after], uses, proofs: [deploymentProof(proven), ...isolation.proofs] };
}

/** Release and revision of each cluster, as JSON maps by cluster. */
function releaseOutputs(deployments: readonly Deployment[], result: RunResult): Record<string, string> {
  const known = deployments.flatMap(({ label, release, takeBack }) => {
    if (takeBack.done) return [];
    const revision = stateOf(result, release)?.revision;
    return revision === undefined ? [] : [{ label, name: release.name, revision: revision.number }];
  });
  return {
    releases: JSON.stringify(Object.fromEntries(known.map(({ label, name }) => [label, name]))),
    revisions: JSON.stringify(Object.fromEntries(known.map(({ label, revision }) => [label, revision]))),
  };
}
