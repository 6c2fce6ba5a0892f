import { rightAt, type Azure } from '../_shared/azure/azure.js';
import { userCredentialAction } from '../_shared/azure/cluster-credential.js';
import type { ClusterFeatures } from '../_shared/azure/cluster-features.js';
import { readCluster, type ClusterState } from '../_shared/azure/cluster-state.js';
import { publishedKeys } from '../_shared/azure/issuer-document.js';
import { poolDifferences, poolsIn } from '../_shared/azure/node-pools.js';
import type { ClusterEntry } from '../_shared/fleet/clusters.js';
import { many, some } from '../_shared/fleet/wording.js';
import type { ClusterConnection } from '../_shared/kubernetes/connection.js';
import { rehearsalRights, rehearseWebhook } from '../_shared/kubernetes/webhook-rehearsal.js';
import { strongReader } from '../_shared/reconcile/plan.js';
import { Problem, type ProblemParts } from '../_shared/reconcile/problem.js';
import type { Evidence, Proof, ProofContext } from '../_shared/reconcile/proof.js';
import { output } from '../_shared/reconcile/ref.js';
import type { Permission } from '../_shared/reconcile/resource.js';
import { until, type Waiting } from '../_shared/reconcile/retry.js';
import type { EnableInputs } from './inputs.js';

/** What the proof reads from the applied cluster. */
export interface FeaturesProofInputs {
  readonly cluster: ClusterState;
}

/** What stood in the way of one part of a proof, or what that part saw. */
type Seen = { readonly saw: string } | { readonly shortfall: ProblemParts };

/** How long the issuer's host and the webhook may take to serve after the features were switched on. Milliseconds. */
const servingMs = 300_000;
/** No answer, for whatever reason of the network, or none that this connection may have: that says nothing of the cluster. */
const notReached: ReadonlySet<string> = new Set(['WI2006', 'WI2108', 'WI2109', 'WI4001', 'WI4002', 'WI4008']);

/**
 * The features are in force, not only asked for: the answer to a PUT already shows them while the operation runs and may still fail (recorded in
 * Azure/azure-cli, test_aks_update_with_oidc_issuer_enabled). Then the issuer's document and keys are read as Entra does, and the webhook is
 * exercised with a pod that is never made.
 */
export class FeaturesProof implements Proof<FeaturesProofInputs> {
  readonly key: string;
  readonly title = 'OIDC issuer and workload identity';
  readonly cluster: string;
  readonly proves: readonly string[];
  readonly inputs;

  constructor(
    private readonly azure: Azure,
    private readonly connection: ClusterConnection,
    private readonly entry: ClusterEntry,
    private readonly features: ClusterFeatures,
    private readonly rules: Pick<EnableInputs, 'deadlineMs' | 'proveFrom'>,
  ) {
    this.key = `features of ${entry.label}`;
    this.cluster = entry.label;
    this.proves = [features.key];
    this.inputs = { cluster: output(features, (state) => state) };
  }

  permissions(): readonly Permission[] {
    if (this.rules.proveFrom === 'none') return [];
    return [rightAt(this.azure, userCredentialAction, this.entry.id), ...rehearsalRights(this.connection)];
  }

  async run({ cluster }: FeaturesProofInputs, context: ProofContext): Promise<Evidence> {
    const { issuerUrl, tenantId, raw } = await this.#settled(cluster, context);
    const on = `on, no operation under way; issuer ${issuerUrl}`;
    const pools = this.#pools(raw);
    if (this.rules.proveFrom === 'none') return evidence('observed', [on], [pools]);
    const [issuer, webhook] = await Promise.all([this.#issuer(issuerUrl, context), this.#webhook(tenantId, context)]);
    return evidence('exercised', [on], [issuer, webhook, pools]);
  }

  async #settled(first: ClusterState, context: ProofContext): Promise<ClusterState & { issuerUrl: string }> {
    const patience = { deadlineMs: this.rules.deadlineMs, firstWaitMs: 5_000, longestWaitMs: 15_000 };
    let state: ClusterState | undefined = first;
    return until(patience, this.#waiting(context), async () => {
      const now = state ?? (await readCluster(this.azure, this.entry, strongReader));
      state = undefined;
      if (now?.provisioningState === 'Succeeded' && now.issuerUrl !== undefined && now.workloadIdentity) return { done: { ...now, issuerUrl: now.issuerUrl } };
      const failure = this.#unsettled(now?.provisioningState ?? 'unknown');
      if (now === undefined || now.provisioningState === 'Failed' || now.provisioningState === 'Canceled') throw failure;
      return { wait: `an operation is under way: ${now.provisioningState}`, failure };
    });
  }

  /** Not published yet, or not served for the moment, is a reason to wait; no way to the host is one of the agent's network. */
  #issuer(issuerUrl: string, context: ProofContext): Promise<Seen> {
    return this.#seen('issuer', async () => until({ deadlineMs: servingMs, firstWaitMs: 2_000, longestWaitMs: 15_000 }, this.#waiting(context), async () => {
      try {
        const { count } = await publishedKeys(this.azure, issuerUrl);
        return { done: `its document names it and ${many(count, 'key')}` };
      } catch (error) {
        const status = error instanceof Problem ? (error.parts.status ?? 0) : 0;
        if (!(error instanceof Problem) || (status !== 404 && status < 500)) throw error;
        return { wait: 'waiting for the issuer’s document', failure: error };
      }
    }));
  }

  #webhook(tenantId: string | undefined, context: ProofContext): Promise<Seen> {
    return this.#seen('webhook', () => rehearseWebhook(this.connection, tenantId, this.#waiting(context), servingMs));
  }

  async #seen(part: string, look: () => Promise<string>): Promise<Seen> {
    try {
      return { saw: await look() };
    } catch (error) {
      if (!(error instanceof Problem) || !notReached.has(error.code)) throw error;
      return { shortfall: this.#unseen(part, error.parts) };
    }
  }

  /** The PUT carries every pool as it was read: what somebody changed at the same moment is told, since it may have been undone. */
  #pools(raw: ClusterState['raw']): Seen {
    const sent = this.features.poolsSent;
    const changed = sent === undefined ? [] : poolDifferences(sent, poolsIn(raw));
    if (changed.length === 0) return { saw: sent === undefined ? '' : 'node pools as they were' };
    return {
      shortfall: {
        code: 'WI2118',
        what: `The node pools of cluster ${this.cluster} are not as they were before its update`,
        because: some(changed),
        remedy: 'look at what else works on these pools, and whether each is as it should be: az aks nodepool list',
      },
    };
  }

  #unseen(part: string, { because, serviceCode }: ProblemParts): ProblemParts {
    const [code, what, remedy] = part === 'issuer'
      ? ['WI2115', `The issuer of cluster ${this.cluster} was not looked at`, 'let the agent reach the issuer’s host over HTTPS; Entra reaches it from the internet, so that workloads may well work']
      : ['WI2117', `The webhook of cluster ${this.cluster} was not exercised`, 'run on an agent that reaches the API server and may make pods in namespace default; or set proveFrom to none'];
    return { code, what, because, remedy, ...(serviceCode === undefined ? {} : { serviceCode }) };
  }

  #waiting(context: ProofContext): Waiting {
    return { clock: this.azure.clock, signal: context.signal, progress: (line: string) => context.progress(line) };
  }

  #unsettled(provisioningState: string): Problem {
    return new Problem({
      code: 'WI2111',
      what: `The features of cluster ${this.cluster} are asked for, but not known to be in force`,
      tried: 'wait until no operation is under way on the cluster',
      because: `its state is ${provisioningState}`,
      remedy: 'look at the cluster’s last operation, repair it where it failed, and run again',
    });
  }
}

/** Exercised only where every part was. */
function evidence(level: Evidence['level'], first: readonly string[], parts: readonly Seen[]): Evidence {
  const summary = [...first, ...parts.flatMap((part) => ('saw' in part && part.saw !== '' ? [part.saw] : []))].join('; ');
  const shortfalls = parts.flatMap((part) => ('shortfall' in part ? [part.shortfall] : []));
  const [only] = shortfalls;
  if (only === undefined) return { level, summary };
  const shortfall = shortfalls.length === 1 ? only : { ...only, because: some(shortfalls.map(({ what, because }) => `${what}: ${because}`)), details: shortfalls.map((each) => new Problem(each)) };
  return { level: 'observed', summary, shortfall };
}
