import type { ClusterEntry } from '../fleet/clusters.js';
import { Lookup } from '../reconcile/lookup.js';
import { blocked, keep, type Change, type Permission, type Reader } from '../reconcile/resource.js';
import { strongReader } from '../reconcile/plan.js';
import { rightAt, type Azure } from './azure.js';
import { unusable } from './cluster-problems.js';
import { expectCluster, readCluster, type ClusterState } from './cluster-state.js';
import { hasSecretsProvider } from './feature-switches.js';

/** A cluster that a task only reads. Blocked when it cannot be worked with; awaiting when EnableWorkloadIdentity has to come first. */
export class ClusterLookup extends Lookup<ClusterState> {
  readonly kind = 'cluster';

  constructor(
    private readonly azure: Azure,
    private readonly entry: ClusterEntry,
    private readonly needs: { readonly issuer: boolean; readonly kubelet?: boolean; readonly secretsProvider?: boolean },
  ) {
    super(`cluster ${entry.id.toLowerCase()}`, entry.label, entry.id, entry.label);
    expectCluster(azure, entry);
  }

  async observe(reader: Reader): Promise<ClusterState | undefined> {
    const found = await readCluster(this.azure, this.entry, reader);
    // A list that is behind shows the cluster without what an earlier task has just switched on.
    const behind = this.needs.secretsProvider === true && found !== undefined && !hasSecretsProvider(found);
    return behind ? readCluster(this.azure, this.entry, strongReader) : found;
  }

  override reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.ContainerService/managedClusters/read', this.id)];
  }

  plan(observed: ClusterState | undefined): Change {
    const obstacle = unusable(observed, this.entry);
    if (obstacle !== undefined) return obstacle;
    if (this.needs.issuer && (observed?.issuerUrl === undefined || !observed.workloadIdentity)) {
      const missing = observed?.issuerUrl === undefined ? 'has no OIDC issuer' : 'has workload identity switched off';
      return blocked(
        {
          code: 'WI2105',
          what: `Cluster ${this.name} is not ready for workload identity`,
          because: `it ${missing}`,
          remedy: 'run the task EnableWorkloadIdentity for this cluster first',
        },
        true,
      );
    }
    if (this.needs.secretsProvider === true && observed !== undefined && !hasSecretsProvider(observed)) {
      return blocked(
        {
          code: 'WI4701',
          what: `Cluster ${this.name} cannot mount secrets of a key vault`,
          because: 'its add-on azureKeyvaultSecretsProvider, the Secrets Store CSI driver with the provider for Key Vault, is not enabled',
          remedy: 'run the task EnableWorkloadIdentity for this cluster first, with keyVaultSecretsProvider: true',
        },
        true,
      );
    }
    if (this.needs.kubelet === true && observed?.kubelet === undefined) {
      return blocked({
        code: 'WI2110',
        what: `Cluster ${this.name} has no kubelet identity`,
        because: 'it runs on a service principal, or its nodes are not made yet',
        remedy: 'move the cluster to managed identities (az aks update --enable-managed-identity), or grant to the workload’s identity instead',
      });
    }
    return keep('it is there and running');
  }
}
