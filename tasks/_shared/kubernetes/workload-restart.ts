import { object, number } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import type { Access } from '../reconcile/access.js';
import type { Clock } from '../reconcile/clock.js';
import { strongReader } from '../reconcile/plan.js';
import { Problem } from '../reconcile/problem.js';
import { show, unknown, type Known, type Refs } from '../reconcile/ref.js';
import { keep, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { identityKeys, type ClusterConnection } from './connection.js';
import { isLabelled, otherClientIds, podsAs } from './identity-pods.js';
import { metadataOf, nameOf, pathOf, type ClusterObject } from './objects.js';
import { rights, rolloutRights } from './permissions.js';
import { describeTroubles } from './pod-health.js';
import { identityFaults, type ExpectedIdentity } from './pod-identity.js';
import { causeOf } from './rollout-verdict.js';
import type { ServiceAccountName } from './service-account.js';
import { TroubleWatch } from './trouble-watch.js';
import { podsOf, rollingWorkloads, workload, type Workload } from './workloads.js';

/** What the pods of a workload have of the identity. */
export interface RestartState {
  /** Names of pods that were started without the identity. */
  readonly stale: readonly string[];
  /** Client ids that they have in its place. */
  readonly found: readonly string[];
  /** True while a rollout replaces them already: those with the identity are of another revision. */
  readonly replacing: boolean;
}

/** What a restart is made from. */
export type RestartInputs = ExpectedIdentity;

/** How long new pods are waited for. Source: Kubernetes docs, progressDeadlineSeconds (600 by default). */
const patience = { deadlineMs: 600_000, firstWaitMs: 1_000, longestWaitMs: 10_000 };
/** Annotation by which kubectl restarts a rollout. Source: k8s.io/kubectl pkg/polymorphichelpers/objectrestarter.go. */
const restartedAt = 'kubectl.kubernetes.io/restartedAt';
const clientIdVariable = 'AZURE_CLIENT_ID';

/** The restart of one workload whose pods were started before their service account had the identity. */
export class WorkloadRestart implements Resource<RestartInputs, RestartState> {
  readonly key: string;
  readonly kind = 'rollout restart';
  readonly name: string;
  readonly cluster: string;
  readonly #title: string;

  /**
   * @param found the workload, as it was listed
   * @param after keys of what gives the service account its identity
   * @param accesses who writes into the cluster, and which identity the new pods act as
   */
  constructor(
    private readonly connection: ClusterConnection,
    private readonly clock: Clock,
    private readonly found: Workload,
    private readonly account: ServiceAccountName,
    readonly inputs: Refs<RestartInputs>,
    readonly after: readonly string[],
    readonly accesses: readonly Access[] = [],
  ) {
    this.#title = nameOf(found.ref);
    this.name = this.#title;
    this.key = `${connection.clusterId} rollout restart of ${this.#title}`;
    this.cluster = connection.label;
  }

  async observe(_reader: Reader, known: Known<RestartInputs>): Promise<RestartState | undefined> {
    const now = await this.#read();
    if (now === undefined) return undefined;
    const pods = podsAs(this.account, await podsOf(this.connection, this.account.namespace, now)).filter(isLabelled);
    const judged = pods.map((pod) => ({ name: metadataOf(pod).name, revision: revisionOf(pod), ids: known.clientId === unknown || known.tenantId === unknown ? ['(none)'] : otherClientIds(pod, { clientId: known.clientId, tenantId: known.tenantId }, fixedIn(now)) }));
    const stale = judged.filter(({ ids }) => ids.length > 0);
    const good = new Set(judged.filter(({ ids }) => ids.length === 0).map(({ revision }) => revision));
    const replacing = !now.rollout.done && good.size > 0 && !stale.some(({ revision }) => good.has(revision));
    return { stale: stale.map(({ name }) => name), found: [...new Set(stale.flatMap(({ ids }) => ids))], replacing };
  }

  plan(observed: RestartState | undefined, known: Known<RestartInputs>): Change {
    if (observed === undefined) return keep('it is gone');
    const { stale, found } = observed;
    if (stale.length === 0) return keep('its pods have the identity');
    const was = stale.length === 1 ? 'pod was' : 'pods were';
    const reason = `${stale.length} ${was} started before service account ${this.account.namespace}/${this.account.name} had this identity: ${some(stale)}`;
    return { action: 'update', reason, widens: false, fields: [{ field: `${clientIdVariable} of its pods`, before: found.join(', '), after: show(known.clientId) }] };
  }

  permissions(): readonly Permission[] {
    return [...rights(this.connection, ['get', 'patch'], this.found.ref, this.account.namespace), ...rolloutRights(this.connection, this.account.namespace)];
  }

  async apply(change: Change, known: RestartInputs, writer: Writer): Promise<void> {
    const { ref } = this.found;
    const { namespace, name } = this.account;
    const intent = { action: change.action, object: pathOf(ref), after: `restarted, so that its pods get identity ${known.clientId} of service account ${namespace}/${name}`, widens: false };
    const wanted: ClusterObject = {
      apiVersion: ref.apiVersion,
      kind: ref.kind,
      metadata: { namespace, name: ref.name },
      spec: { template: { metadata: { annotations: { [restartedAt]: this.clock.now().toISOString() } } } },
    };
    const before = await this.observe(strongReader, known);
    if (before?.replacing !== true) await writer.write(intent, () => this.connection.apply(wanted, { force: true, part: 'restart' }));
    const waiting = { clock: this.clock, signal: writer.signal, progress: (text: string) => writer.progress(text) };
    const watch = new TroubleWatch(this.clock);
    await until(patience, waiting, () => this.#replaced(known, watch));
  }

  /** One look at the rollout: done when it has ended and every pod has the identity. */
  async #replaced(known: RestartInputs, watch: TroubleWatch): Promise<Attempt<undefined>> {
    const now = await this.#read();
    if (now === undefined) return { done: undefined };
    const pods = podsAs(this.account, await podsOf(this.connection, this.account.namespace, now));
    const stale = pods.filter((pod) => isLabelled(pod) && otherClientIds(pod, known, fixedIn(now)).length > 0);
    // Those that have no identity yet may well be in trouble for that very reason.
    const troubles = watch.look(pods.filter((pod) => !stale.includes(pod)));
    const { done, gaveUp, text, refused } = now.rollout;
    const state = gaveUp ?? (refused === undefined ? text : `${text}; pods cannot be made: ${refused}`);
    const late = this.#late(state, describeTroubles(troubles.now));
    if (gaveUp !== undefined || troubles.lasting.length > 0) throw late;
    if (!done) return { wait: text, failure: late };
    const faulty = stale.map((pod) => ({ pod: metadataOf(pod), workload: now, faults: identityFaults(pod, known) }));
    if (faulty.length === 0) return { done: undefined };
    throw await causeOf(this.connection, this.account, { title: this.#title, cluster: this.cluster, checked: pods.length }, faulty, known);
  }

  async #read(): Promise<Workload | undefined> {
    const found = await this.connection.get(this.found.ref);
    return found === undefined ? undefined : workload(found, this.account.namespace);
  }

  #late(state: string, troubles: string): Problem {
    return new Problem({
      code: 'WI4113',
      what: `${this.#title} on ${this.cluster} was restarted, and its new pods did not come up`,
      tried: `wait up to ${patience.deadlineMs / 60_000} min for its rollout`,
      because: troubles === '' ? state : `${state}; ${troubles}`,
      remedy: 'look at the events of its pods (kubectl describe); the rollout goes on by itself, and a later run waits for it again',
    });
  }
}

/**
 * The workloads of a namespace that a restart gives the identity of a service account: those that run as it and carry the label, except
 * where a restart would change nothing.
 * @param counts which of them are meant; default: all
 */
export async function restartable(connection: ClusterConnection, account: ServiceAccountName, counts: (found: ClusterObject) => boolean = () => true): Promise<Workload[]> {
  const found = await rollingWorkloads(connection, account.namespace);
  return found.filter(counts).flatMap((one) => {
    const own = workload(one, account.namespace);
    return own.serviceAccount === account.name && own.podLabels[identityKeys.use] === 'true' && rolls(one) ? [own] : [];
  });
}

/** False where changing the pod template does not replace the pods: paused, updated on deletion only, or held back by a partition. */
function rolls(of: ClusterObject): boolean {
  const spec = object(of.spec);
  const strategy = object(spec.updateStrategy);
  return spec.paused !== true && strategy.type !== 'OnDelete' && (number(object(strategy.rollingUpdate).partition) ?? 0) === 0;
}

/** Which template a pod was made from. Source: Kubernetes docs, well-known labels (pod-template-hash, controller-revision-hash). */
function revisionOf(pod: ClusterObject): string {
  const { labels } = metadataOf(pod);
  return labels['pod-template-hash'] ?? labels['controller-revision-hash'] ?? '';
}

/** Containers whose client id the pod template itself sets: the webhook leaves it, and so does a restart. */
function fixedIn({ environment }: Workload): ReadonlySet<string> {
  return new Set(Object.entries(environment).flatMap(([container, set]) => (clientIdVariable in set ? [container] : [])));
}

