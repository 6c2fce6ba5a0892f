import type { Services } from '../_shared/agent/services.js';
import { resourceEnd } from '../_shared/azure/accesses.js';
import type { Azure } from '../_shared/azure/azure.js';
import { ClusterLookup } from '../_shared/azure/cluster-lookup.js';
import { hasSecretsProvider } from '../_shared/azure/feature-switches.js';
import { providerObject } from '../_shared/azure/secrets-provider.js';
import { itemOf } from '../_shared/azure/vault-items.js';
import { VaultLookup } from '../_shared/azure/vault-lookup.js';
import type { VaultUse } from '../_shared/azure/vault-network-check.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import type { ClusterConnection } from '../_shared/kubernetes/connection.js';
import type { ReleaseInputs } from '../_shared/kubernetes/release-blueprint.js';
import { RetiredProviderClasses } from '../_shared/kubernetes/retired-provider-classes.js';
import { SecretProviderClass, type ReleasePlace } from '../_shared/kubernetes/secret-provider-class.js';
import type { TakeBack } from '../_shared/kubernetes/take-back.js';
import type { VaultSecrets } from '../_shared/kubernetes/vault-secrets.js';
import type { Access } from '../_shared/reconcile/access.js';
import { output, value, type Refs } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import type { VaultInputs } from './vault-inputs.js';

/** Azure as the connection of the vaults sees it. */
export function vaultAzure(vault: VaultInputs | undefined, services: Services): Promise<Azure> {
  return vault?.connection === undefined ? Promise.resolve(services.azure) : services.connect(vault.connection);
}

/** What the pods of a workload get from its vault; undefined for nothing. */
export function secretsFor(vault: VaultInputs | undefined, { label }: PlacedWorkload): VaultSecrets | undefined {
  const wanted = vault?.secrets.get(label);
  if (vault === undefined || wanted === undefined) return undefined;
  const { cloud, paths, syncSecret } = vault;
  return { vault: wanted.vault.name, cloud, objects: wanted.names.map((name) => providerObject(itemOf(name))), paths, ...(syncSecret === undefined ? {} : { syncSecret }) };
}

/** The cluster of a release: one that can mount secrets where that is asked for. */
export function clusterOf(azure: Azure, entry: ClusterEntry, secrets: VaultSecrets | undefined): ClusterLookup {
  return new ClusterLookup(azure, entry, { issuer: true, secretsProvider: secrets !== undefined });
}

/** Where a release is, and what its classes follow from. */
interface ReleaseBeside {
  readonly connection: ClusterConnection;
  readonly place: ReleasePlace;
  readonly cluster: ClusterLookup;
  readonly refs: Refs<ReleaseInputs>;
  /** Of whatever is written into the cluster. */
  readonly accesses: readonly Access[];
}

/** What has to be there before a release that mounts secrets. */
export interface BeforeRelease {
  readonly resources: readonly AnyResource[];
  /** The class that the release mounts; absent for none. */
  readonly current?: SecretProviderClass;
  /** For the look at the network rules of vaults. */
  readonly uses: readonly VaultUse[];
}

/**
 * The vault and the class of a workload; none where nothing is mounted.
 * @param azure as the connection of the vaults sees it
 */
export function classBefore(azure: Azure, vault: VaultInputs | undefined, workload: PlacedWorkload, { connection, place, cluster, refs, accesses }: ReleaseBeside): BeforeRelease {
  const secrets = secretsFor(vault, workload);
  const wanted = vault?.secrets.get(workload.label);
  if (secrets === undefined || wanted === undefined) return { resources: [], uses: [] };
  const lookup = new VaultLookup(azure, wanted.vault, 'either');
  const { entry } = workload;
  const reach = { kind: 'deploy', from: resourceEnd(entry.id, entry.label), to: resourceEnd(wanted.vault.id, wanted.vault.name) } as const;
  const inputs = { ...refs, vaultTenantId: output(lookup, (state) => state.tenantId) };
  const current = new SecretProviderClass(connection, place, secrets, inputs, [...accesses, reach]);
  return { resources: [lookup, current], current, uses: [{ cluster, vault: lookup }] };
}

/** Takes away, after a release, the classes that it mounted before. */
export function classesAfter(release: AnyResource, { connection, place, cluster, refs }: ReleaseBeside, current: SecretProviderClass | undefined, takeBack: TakeBack): RetiredProviderClasses {
  const inputs = {
    namespace: refs.namespace,
    driver: output(cluster, hasSecretsProvider),
    wanted: current === undefined ? value('') : output(current, (state) => state.name),
  };
  return new RetiredProviderClasses(connection, place, inputs, [release.key], takeBack);
}
