import { object, objects, strings, text, type Json } from '../fleet/json.js';
import { attempt } from '../reconcile/attempt.js';
import type { Clock } from '../reconcile/clock.js';
import { Problem } from '../reconcile/problem.js';
import type { Evidence, ProofContext } from '../reconcile/proof.js';
import type { Permission } from '../reconcile/resource.js';
import { until, type Attempt } from '../reconcile/retry.js';
import type { ClusterConnection } from './connection.js';
import { kinds, metadataOf, pathOf, type ClusterObject, type ObjectRef } from './objects.js';
import { rights } from './permissions.js';
import { refusalGraceMs, type PodTrouble } from './pod-health.js';
import { identityFaults, type ExpectedIdentity } from './pod-identity.js';
import { podTemplateOf } from './pod-templates.js';
import { proofJob, proofJobRef, proofLabels, proofSelector, verdictOf, type ProofJob } from './proof-job.js';
import { judgeVerdict } from './proof-verdict.js';
import { reportTroubles, warningsOf } from './trouble-report.js';
import { TroubleWatch } from './trouble-watch.js';
import { workloadsOf, type Belonging } from './workloads.js';

/** What a proof inside a cluster works with. */
export interface PodProofSettings extends Omit<ProofJob, 'vault'> {
  readonly connection: ClusterConnection;
  readonly clock: Clock;
  /** What the workloads are known by. Default: Helm's marks. */
  readonly belonging?: Belonging;
}

/** What the proof reads from the applied resources. */
export interface PodProofInputs extends ExpectedIdentity {
  readonly vault: ProofJob['vault'] | null;
}

const looks = { firstWaitMs: 1_000, longestWaitMs: 5_000 };
/** Added to the script's own time until the job counts as one that never ends; its own deadline comes before. Milliseconds. */
const slackMs = 150_000;
/** How long a deleted job may take to go. Milliseconds. */
const goneMs = 60_000;

/**
 * Proves from inside the cluster: a short-lived job with the workload's service account and labels exchanges its own token and asks for the secrets. Only its verdict leaves the
 * cluster, in the status of its pod, so that no right on logs is needed. The job is removed however it ends; one that a killed run left is removed first.
 */
export class PodProof {
  constructor(private readonly settings: PodProofSettings) {}

  permissions(): readonly Permission[] {
    const { connection, namespace } = this.settings;
    const lists = [kinds.pod, kinds.service].flatMap((kind) => rights(connection, ['list'], kind, namespace));
    return [...rights(connection, ['get', 'create', 'patch', 'delete'], kinds.job, namespace), ...lists];
  }

  async run(known: PodProofInputs, context: ProofContext): Promise<Evidence> {
    const { connection, namespace, release } = this.settings;
    const template = await this.#template();
    await this.#unserved(proofLabels(template, release));
    const ref = proofJobRef(this.settings);
    const { vault, ...settings } = { ...this.settings, vault: known.vault };
    const wanted = proofJob({ ...settings, ...(vault === null || vault === undefined ? {} : { vault }) }, template);
    await this.#remove(ref, context, 'left by a run that was killed');
    const intent = { action: 'create', object: pathOf(ref), after: 'a job that proves the identity and is removed again', widens: false };
    let verdict: string;
    try {
      await context.write(intent, () => connection.apply(wanted, { part: 'proof', force: true }));
      verdict = await this.#verdict(ref, known, context);
    } catch (error) {
      await this.#remove(ref, context, 'the proof is over').catch(() => undefined);
      throw error;
    }
    const left = await attempt(context.signal, () => this.#remove(ref, context, 'the proof is over'));
    const title = `${namespace}/${release} on ${connection.label}`;
    const summary = judgeVerdict(verdict, this.settings, { title, clientId: known.clientId });
    return { level: 'exercised', summary, ...('unread' in left ? { shortfall: this.#left(ref, left.unread).parts } : {}) };
  }

  /** The pod template of the first workload that runs as the account; nothing of a workload where all are jobs. */
  async #template(): Promise<Json> {
    const { connection, namespace, release, serviceAccount, belonging } = this.settings;
    const [first] = (await workloadsOf(connection, namespace, release, belonging)).filter((workload) => workload.serviceAccount === serviceAccount);
    const found = first === undefined ? undefined : await connection.get(first.ref);
    return found === undefined ? {} : (podTemplateOf(found) ?? {});
  }

  /** A Service that publishes pods before they are ready would send the workload's traffic to the proof's pod, which serves nothing. */
  async #unserved(labels: Readonly<Record<string, string>>): Promise<void> {
    const { connection, namespace, release } = this.settings;
    const services = await connection.list(kinds.service, namespace);
    const serving = services.find(({ spec }) => {
      const selector = Object.entries(strings(object(object(spec).selector)));
      return object(spec).publishNotReadyAddresses === true && selector.length > 0 && selector.every(([name, value]) => labels[name] === value);
    });
    if (serving === undefined) return;
    throw new Problem({
      code: 'WI4314',
      what: `${namespace}/${release} on ${connection.label} cannot be proven from a pod with its labels`,
      tried: 'look for Services that would send the workload’s traffic to the proof’s pod',
      because: `service ${metadataOf(serving).name} selects these labels and publishes pods that are not ready (publishNotReadyAddresses)`,
      remedy: 'set proveFrom to agent, or let that Service select by a label that the pod template does not have',
    });
  }

  #verdict(ref: ObjectRef, expected: ExpectedIdentity, context: ProofContext): Promise<string> {
    const { connection, namespace, release, clock, timeoutMs } = this.settings;
    const watch = new TroubleWatch(clock);
    const { signal } = context;
    const site = { connection, namespace, signal };
    return until({ ...looks, deadlineMs: timeoutMs + slackMs }, { clock, signal, progress: (line) => context.progress(line) }, async (): Promise<Attempt<string>> => {
      // One after the other: a job that has failed has a pod that has ended.
      const job = await connection.get(ref);
      const pods = await connection.list(kinds.pod, namespace, proofSelector(release));
      const [pod] = pods.filter((one) => metadataOf(one).controller === (job === undefined ? '' : metadataOf(job).uid));
      const verdict = pod === undefined ? undefined : verdictOf(pod);
      if (verdict !== undefined) return { done: verdict };
      if (pod !== undefined) this.#sameIdentity(pod, expected);
      const { now, lasting } = watch.look(pod === undefined ? [] : [pod], pod === undefined && job !== undefined ? await this.#refusal(job) : []);
      if (job === undefined || lasting.length > 0 || hasFailed(job)) throw this.#noStart(job === undefined ? 'somebody deleted its job' : await reportTroubles(site, now), 'its job failed');
      return { wait: 'waiting for the verdict of the proof’s pod', failure: async () => this.#noStart(await reportTroubles(site, now), 'it said nothing in time') };
    });
  }

  #sameIdentity(pod: ClusterObject, expected: ExpectedIdentity): void {
    const { connection, namespace, release } = this.settings;
    const [fault] = identityFaults(pod, expected);
    if (fault === undefined) return;
    throw new Problem({
      code: 'WI4312',
      what: `A pod of ${namespace}/${release} on ${connection.label} gets no token of identity ${expected.clientId}`,
      tried: 'let a pod with the workload’s service account and labels exchange its token',
      because: fault.text,
      remedy: 'check that the webhook of workload identity acts in this namespace, and what the service account is annotated with',
    });
  }

  async #refusal(job: ClusterObject): Promise<PodTrouble[]> {
    const { uid = '', name } = metadataOf(job);
    const found = await warningsOf(this.settings, uid).catch(() => []);
    const refused = found.find(({ reason }) => reason === 'FailedCreate');
    return refused === undefined ? [] : [{ key: `${uid} pods`, uid, subject: `job ${name}`, reason: 'FailedCreate', message: text(refused.message) ?? '', graceMs: refusalGraceMs }];
  }

  /** Removes the job and looks until job and pod are gone; after a cancellation it is only sent. */
  async #remove(ref: ObjectRef, context: ProofContext, why: string): Promise<void> {
    const { connection, namespace, release, clock } = this.settings;
    const { signal } = context;
    const intent = { action: 'delete', object: pathOf(ref), before: why, widens: false };
    const remove = (): Promise<void> => context.write(intent, () => connection.remove(ref, { finishing: true }), true);
    if (signal.aborted) return remove();
    const remains = async (): Promise<boolean> => {
      const [job, pods] = await Promise.all([connection.get(ref), connection.list(kinds.pod, namespace, proofSelector(release))]);
      return job !== undefined || pods.length > 0;
    };
    if ((await connection.get(ref)) === undefined) return;
    await remove();
    const waiting = { clock, signal, progress: (line: string) => context.progress(line) };
    await until({ ...looks, deadlineMs: goneMs }, waiting, async () => ((await remains()) ? { wait: `waiting until job ${ref.name} is gone`, failure: this.#left(ref, 'it is still there after it was deleted') } : { done: undefined }));
  }

  #noStart(found: string, otherwise: string): Problem {
    const { connection, namespace, release } = this.settings;
    return new Problem({
      code: 'WI4311',
      what: `The proof pod of ${namespace}/${release} on ${connection.label} did not come to a verdict`,
      tried: `run job ${proofJobRef(this.settings).name} with image ${this.settings.image}`,
      because: found === '' ? otherwise : found,
      remedy: 'correct what the reason names: proofImage has to be one that the cluster pulls, with sh and curl, and that runs as any user id; or set proveFrom to agent',
    });
  }

  #left(ref: ObjectRef, because: string): Problem {
    return new Problem({
      code: 'WI4316',
      what: `The job of the proof is left in ${ref.namespace ?? ''} on ${this.settings.connection.label}`,
      tried: `delete job ${ref.name}`,
      because,
      remedy: `nothing has to be done: it goes by itself ten minutes after its end, and the next run removes it; by hand: kubectl delete job ${ref.name} --namespace ${ref.namespace ?? ''}`,
    });
  }
}

function hasFailed(job: ClusterObject): boolean {
  return objects(object(job.status).conditions).some(({ type, status }) => type === 'Failed' && status === 'True');
}
