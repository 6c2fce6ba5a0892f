import type { ClusterEntry } from '../fleet/clusters.js';
import { strongReader } from '../reconcile/plan.js';
import { Problem } from '../reconcile/problem.js';
import type { Evidence, Proof, ProofContext } from '../reconcile/proof.js';
import type { Refs } from '../reconcile/ref.js';
import { until } from '../reconcile/retry.js';
import type { Azure } from './azure.js';
import { readCluster, type ClusterState } from './cluster-state.js';

/** What the proof reads from the applied cluster. */
export interface FeaturesProofInputs {
  readonly cluster: ClusterState;
}

/**
 * Both features are in force, not only asked for: the answer to a PUT already shows them while the operation runs and may still fail
 * (recorded in Azure/azure-cli, test_aks_update_with_oidc_issuer_enabled). A run that was killed while it waited leaves that behind.
 */
export class FeaturesProof implements Proof<FeaturesProofInputs> {
  readonly key: string;
  readonly title: string;
  readonly cluster: string;

  constructor(
    private readonly azure: Azure,
    private readonly entry: ClusterEntry,
    readonly proves: readonly string[],
    readonly inputs: Refs<FeaturesProofInputs>,
    private readonly deadlineMs: number,
  ) {
    this.key = `features of ${entry.label}`;
    this.title = 'OIDC issuer and workload identity';
    this.cluster = entry.label;
  }

  async run({ cluster }: FeaturesProofInputs, context: ProofContext): Promise<Evidence> {
    const waiting = { clock: this.azure.clock, signal: context.signal, progress: (line: string) => context.progress(line) };
    const patience = { deadlineMs: this.deadlineMs, firstWaitMs: 5_000, longestWaitMs: 15_000 };
    let state: ClusterState | undefined = cluster;
    const settled = await until(patience, waiting, async () => {
      const now = state ?? (await readCluster(this.azure, this.entry, strongReader));
      state = undefined;
      if (now?.provisioningState === 'Succeeded' && now.issuerUrl !== undefined && now.workloadIdentity) return { done: { issuerUrl: now.issuerUrl } };
      const failure = this.unsettled(now?.provisioningState ?? 'unknown');
      if (now === undefined || now.provisioningState === 'Failed' || now.provisioningState === 'Canceled') throw failure;
      return { wait: `an operation is under way: ${now.provisioningState}`, failure };
    });
    return { level: 'observed', summary: `on, no operation under way; issuer ${settled.issuerUrl}` };
  }

  private unsettled(provisioningState: string): Problem {
    return new Problem({
      code: 'WI2111',
      what: `The features of cluster ${this.entry.label} are asked for, but not known to be in force`,
      tried: 'wait until no operation is under way on the cluster',
      because: `its state is ${provisioningState}`,
      remedy: 'look at the cluster’s last operation, repair it where it failed, and run again',
    });
  }
}
