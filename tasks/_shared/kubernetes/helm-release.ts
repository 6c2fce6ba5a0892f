import type { Access } from '../reconcile/access.js';
import { attempt } from '../reconcile/attempt.js';
import { strongReader } from '../reconcile/plan.js';
import { cancelledCode, Problem, type ProblemParts } from '../reconcile/problem.js';
import { show, unknown, type Known, type Refs } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { identityKeys } from './connection.js';
import { comesBack, comingBack } from './credential-removal.js';
import { carries, missingAccount } from './expected-account.js';
import { operate, slackMs, stuckCode } from './helm-operation.js';
import { kinds, nameOf, pathOf, type ObjectRef } from './objects.js';
import { rights } from './permissions.js';
import { reachOf } from './predictable-kinds.js';
import { identityOf, type ReleaseBlueprint, type ReleaseInputs } from './release-blueprint.js';
import { isPending, newestRevision, revisionsOf, type Revision } from './release-revisions.js';
import { deployedRelease } from './release-rollback.js';
import { secretsReason, upgradeLine, usualHistory } from './release-upgrade.js';
import { newlyWidening, wideningEffect, type WideningObject } from './release-widening.js';
import type { RenderedChart } from './rendered-chart.js';
import { deploymentSite, RolloutWatch } from './rollout-watch.js';
import { serviceAccountState, type ServiceAccountState } from './service-account.js';
import { TakeBack } from './take-back.js';
import { reportTroubles } from './trouble-report.js';
import { unmountedContainers } from './vault-mounts.js';
import { workloadsOf, type Workload } from './workloads.js';

export interface HelmReleaseInputs extends ReleaseInputs {
  /** Output of the adoption, so that it comes first. */
  readonly serviceAccount: string;
}

/** A release as it was found, and what its chart would make of it. */
export interface HelmReleaseState {
  readonly chart: RenderedChart;
  /** Digest of chart, values and identity as they are now. */
  readonly digest: string;
  /** Digest of chart and values alone: known before the identity is. */
  readonly content: string;
  readonly revision: Revision | undefined;
  /** Label of what the pods run without, of the newest revision that was deployed; undefined where nothing was taken out. */
  readonly without: string | undefined;
  /** The same of the newest revision. */
  readonly begun: string | undefined;
  /** What is taken out of the chart, with where it is. */
  readonly removed: RenderedChart['removed'];
  /** True when this run made that revision. */
  readonly own: boolean;
  /** What of the chart lets somebody reach more than before. */
  readonly widening: readonly WideningObject[];
  readonly workloads: readonly Workload[];
  /** Absent when there is none, and while the namespace is not there. */
  readonly serviceAccount: ServiceAccountState | undefined;
  /** Milliseconds since 1970, for the age of a pending revision. */
  readonly nowMs: number;
}

const second = 1_000;
/** Of a revision whose objects are half gone: whether they shall go or come back, only its owner knows. */
const uninstalling = 'uninstalling';
/** How often a pending revision is looked at. Milliseconds. */
const pendingPollMs = 10_000;

/** A Helm release of a chart whose pods have the identity. Helm is skipped when chart, values and release are equal. */
export class HelmRelease implements Resource<HelmReleaseInputs, HelmReleaseState> {
  readonly key: string;
  readonly kind = 'helm release';
  readonly name: string;
  readonly cluster: string;
  /** Number of the revision that this run made; 0 for none. */
  #made = 0;

  constructor(
    private readonly blueprint: ReleaseBlueprint,
    readonly inputs: Refs<HelmReleaseInputs>,
    readonly accesses: readonly Access[],
    /** Keys of what has to be there before its pods start. */
    readonly after: readonly string[] = [],
    private readonly takeBack = new TakeBack(blueprint.settings.atomic),
  ) {
    const { connection, namespace, release } = blueprint.settings;
    this.name = `${namespace}/${release}`;
    this.key = `${connection.clusterId} helm release ${this.name}`;
    this.cluster = connection.label;
  }

  async observe(_reader: Reader, known: Known<HelmReleaseInputs>): Promise<HelmReleaseState> {
    const { connection, namespace, release, serviceAccount: name, clock } = this.blueprint.settings;
    const chart = await this.blueprint.inspect(known);
    const { digest, content } = await this.blueprint.prepare(known);
    const widening = await newlyWidening(connection, chart.widening);
    const nowMs = clock.now().getTime();
    if (known.namespace === unknown) return { chart, digest, content, widening, removed: chart.removed, revision: undefined, without: undefined, begun: undefined, own: false, workloads: [], serviceAccount: undefined, nowMs };
    const [revisions, workloads, account] = await Promise.all([
      revisionsOf(connection, namespace, release),
      workloadsOf(connection, namespace, release),
      connection.get({ ...kinds.serviceAccount, namespace, name }),
    ]);
    const serviceAccount = account === undefined ? undefined : serviceAccountState(account, { namespace, name });
    const [revision] = revisions;
    const without = revisions.find(({ status }) => status === 'deployed')?.without;
    return { chart, digest, content, widening, removed: chart.removed, revision, without, begun: revision?.without, own: revision?.number === this.#made, workloads, serviceAccount, nowMs };
  }

  plan(observed: HelmReleaseState | undefined, known: Known<HelmReleaseInputs>): Change {
    if (observed === undefined) throw new Error(`${this.key}: planned without having been observed`);
    const [fault, ...others] = observed.chart.faults;
    if (fault !== undefined) return blocked(others.length === 0 ? fault.parts : { ...fault.parts, details: others });
    const { revision } = observed;
    if (revision !== undefined && this.#isForeign(revision, observed.nowMs)) return blocked(this.#running(revision, observed.nowMs).parts);
    const missing = observed.chart.makesServiceAccount ? undefined : missingAccount(this.blueprint, observed.serviceAccount, known, `release ${this.name}`, 'the chart');
    const change = this.#deployment(observed, known);
    return missing === undefined ? change : blocked(missing, true, change);
  }

  #deployment(observed: HelmReleaseState, known: Known<HelmReleaseInputs>): Change {
    const { revision } = observed;
    const effect = wideningEffect(observed.widening, revision === undefined, [...fieldsOf(observed, known), ...this.#returning(observed)]);
    if (revision === undefined) return { action: 'create', reason: 'there is no such release', ...effect };
    const reason = this.#reason(revision, observed, known);
    const { alwaysUpgrade = false } = this.blueprint.settings;
    if (reason === undefined && alwaysUpgrade && !observed.own) return { action: 'update', reason: 'nothing changed, and alwaysUpgrade is set', fields: [], widens: false };
    if (reason === undefined) return keep(`chart, values and release are equal (revision ${revision.number})`);
    return { action: 'update', reason, ...effect };
  }

  notices(observed: HelmReleaseState | undefined): readonly ProblemParts[] {
    return observed?.chart.notices.map(({ parts }) => parts) ?? [];
  }

  permissions(): readonly Permission[] {
    const { connection, namespace } = this.blueprint.settings;
    // Rights on kinds whose resource names are not certain are left to the write: a guess would find rights missing that are there.
    const rendered = this.blueprint.renderedKinds.flatMap((kind) => {
      const reach = reachOf(kind);
      return reach === undefined ? [] : rights(connection, ['get', 'create', 'patch'], kind, reach === 'cluster' ? undefined : namespace);
    });
    return [...rights(connection, ['get', 'list', 'create', 'update', 'delete'], kinds.secret, namespace), ...rendered, ...(connection.needs?.() ?? [])];
  }

  reads(): readonly Permission[] {
    const { connection, namespace } = this.blueprint.settings;
    const looked = [kinds.deployment, kinds.statefulSet, kinds.daemonSet].flatMap((kind) => rights(connection, ['list'], kind, namespace));
    return [...rights(connection, ['list'], kinds.secret, namespace), ...looked, ...rights(connection, ['get'], kinds.serviceAccount, namespace)];
  }

  async apply(change: Change, known: HelmReleaseInputs, writer: Writer): Promise<void> {
    const { namespace, release, clock, timeoutMs, historyLimit = usualHistory } = this.blueprint.settings;
    const { revision, waited } = await this.#unoccupied(writer);
    if (waited) {
      const next = this.plan(await this.observe(strongReader, known), known);
      if (next.action === 'blocked') throw new Problem(next.problem);
      if (next.action === 'keep') return;
      writer.permit(next);
    }
    const chart = await this.blueprint.prepare(known);
    const waitFlag = await this.blueprint.waitFlag();
    const line = upgradeLine({ release, namespace, chart, revision, timeoutMs, untilMs: clock.now().getTime() + timeoutMs + slackMs, historyLimit, waitFlag });
    writer.progress('helm upgrade --install');
    const intent = { action: revision === undefined ? 'create' : 'update', object: `helm release ${this.name}`, after: chart.digest, widens: writes(change) && change.widens };
    const inject = await this.blueprint.injection(known);
    this.takeBack.begins(deployedRelease({ ...this.blueprint.settings, waitFlag }, revision?.number ?? 0));
    await writer.write(intent, () => operate(this.blueprint.settings, line, writer.signal, inject)).catch(async (error: unknown) => {
      const explained = await this.#explained(error, writer.signal);
      throw explained === undefined ? error : await this.takeBack.after(explained, writer);
    });
    this.#made = (revision?.number ?? 0) + 1;
  }

  unseen(failure: Problem, writer: Writer): Promise<Problem> {
    return this.takeBack.after(failure, writer);
  }

  /** Why Helm has to run; undefined when it has not. */
  #reason(revision: Revision, observed: HelmReleaseState, known: Known<HelmReleaseInputs>): string | undefined {
    if (isPending(revision) && this.#leftMs(revision, observed.nowMs) > 0) return this.#awaited(revision, observed.nowMs);
    if (revision.status !== 'deployed') return `revision ${revision.number} is ${revision.status}`;
    if (revision.digest === undefined) return `revision ${revision.number} was not deployed by this task`;
    if (this.#returns(observed)) return comesBack;
    if (revision.digest !== observed.digest) return 'chart, values or identity changed';
    return secretsReason(this.blueprint.settings.chart, revision) ?? this.#drift(observed, known);
  }

  #returns({ without, revision }: HelmReleaseState): boolean {
    return this.blueprint.settings.without === undefined && (without ?? revision?.without) !== undefined;
  }

  #returning(observed: HelmReleaseState): FieldChange[] {
    return this.#returns(observed) ? comingBack(this.blueprint.settings.returning) : [];
  }

  /** What somebody changed in the cluster since; undefined when nothing that matters here. */
  #drift({ chart, workloads, serviceAccount }: HelmReleaseState, known: Known<HelmReleaseInputs>): string | undefined {
    const account = this.blueprint.settings.serviceAccount;
    const mounts = identityOf(this.blueprint.settings, known).vault;
    const liveOf = ({ kind, name }: ObjectRef): Workload | undefined => workloads.find(({ ref }) => ref.kind === kind && ref.name === name);
    const gone = chart.workloads.find((ref) => liveOf(ref) === undefined);
    if (gone !== undefined) return `${nameOf(gone)} is gone`;
    // What the chart runs as other accounts, and what runs now and then only, tells nothing about this identity.
    for (const user of chart.users.flatMap((ref) => liveOf(ref) ?? [])) {
      if (user.serviceAccount !== account) return `${user.title} does not run as service account ${account} any more`;
      if (user.podLabels[identityKeys.use] !== 'true') return `the pod template of ${user.title} lost the label ${identityKeys.use}`;
      if (mounts !== undefined && unmountedContainers(user.template, mounts).length > 0) return `the pod template of ${user.title} lost the secrets of the vault`;
    }
    if (chart.makesServiceAccount && !carries(serviceAccount, known)) return 'the service account lost its annotations';
    return undefined;
  }

  /** True while somebody else works on the release. What a run of this task works on ends by its own word, so it is waited for. */
  #isForeign(revision: Revision, nowMs: number): boolean {
    if (revision.status === uninstalling) return true;
    return isPending(revision) && revision.untilMs === undefined && this.#leftMs(revision, nowMs) > 0;
  }

  /** How long a pending revision may still have a living helm. Milliseconds; NaN when its Secret does not say. */
  #leftMs({ untilMs, changedMs }: Revision, nowMs: number): number {
    return (untilMs ?? changedMs + this.blueprint.settings.timeoutMs + slackMs) - nowMs;
  }

  #awaited(revision: Revision, nowMs: number): string {
    const seconds = Math.ceil(this.#leftMs(revision, nowMs) / second);
    return `revision ${revision.number} is ${revision.status} by another run of this task, which is waited for and taken over from in ${seconds} s`;
  }

  /**
   * Waits until no helm works on the release: until its pending revision has ended, or the time of the helm that made it is up. Such a
   * revision was left by a run that was killed, and is taken away.
   */
  async #unoccupied(writer: Writer): Promise<{ readonly revision: Revision | undefined; readonly waited: boolean }> {
    const { connection, namespace, release, clock } = this.blueprint.settings;
    const newest = (): Promise<Revision | undefined> => newestRevision(connection, namespace, release);
    let watched = { number: -1, overAt: 0 };
    let waited = false;
    for (;;) {
      const revision = await newest();
      if (revision === undefined || !isPending(revision)) return { revision, waited };
      const { number } = revision;
      if (watched.number !== number) watched = { number, overAt: clock.monotonic() + this.#leftMs(revision, clock.now().getTime()) };
      const left = watched.overAt - clock.monotonic();
      if (!(left > 0)) {
        await this.#free(revision, writer);
        return { revision: await newest(), waited: false };
      }
      writer.progress(`revision ${number} is ${revision.status}: waiting for its helm, taking over in ${Math.ceil(left / second)} s`);
      await clock.sleep(Math.min(left, pendingPollMs), writer.signal);
      waited = true;
    }
  }

  #running({ number, status, changedMs }: Revision, nowMs: number): Problem {
    const { release, namespace } = this.blueprint.settings;
    const takenOver = 'when it was killed, this task takes over once it is older than timeoutInMinutes and a minute';
    const byHand = `when it was killed, finish it (helm uninstall ${release} --namespace ${namespace}) or undo it (helm rollback ${release} --namespace ${namespace}) by hand`;
    return new Problem({
      code: 'WI4208',
      what: `Another helm operation works on release ${this.name} on ${this.cluster}`,
      because: `revision ${number} has been ${status} for ${Math.max(0, Math.round((nowMs - changedMs) / second))} s`,
      remedy: `wait until it ends and run again; ${status === uninstalling ? byHand : takenOver}`,
    });
  }

  /** Helm refuses to work on a release that an ended process left pending, so that revision is taken away. */
  async #free({ secret, status }: Revision, writer: Writer): Promise<void> {
    const intent = { action: 'delete', object: pathOf(secret), before: status, widens: false };
    await writer.write(intent, () => this.blueprint.settings.connection.remove(secret));
  }

  /** Helm says "timed out" where pods say why: looked up before the rollback takes them away. Undefined for what is no failure of the deployment. */
  async #explained(error: unknown, signal: AbortSignal): Promise<Problem | undefined> {
    if (!(error instanceof Problem) || error.code === cancelledCode) return undefined;
    // A command that was lost on its way may have begun all the same.
    if (error.code !== 'WI4202' && error.code !== stuckCode) return error;
    const site = deploymentSite(this.blueprint.settings, signal);
    const told = error.code === stuckCode ? undefined : await attempt(signal, async () => reportTroubles(site, (await new RolloutWatch(site).look()).now));
    const troubles = told !== undefined && 'found' in told ? told.found : '';
    return error.with({
      code: error.code === stuckCode ? stuckCode : 'WI4209',
      what: `Helm could not deploy release ${this.name} on ${this.cluster}`,
      tried: 'helm upgrade --install --wait',
      because: troubles === '' ? error.parts.because : `${troubles}; helm says: ${error.parts.because}`,
      remedy: 'correct what the message names and run again',
    });
  }
}

function fieldsOf({ digest, content, revision, serviceAccount }: HelmReleaseState, known: Known<HelmReleaseInputs>): FieldChange[] {
  const before = { content: revision?.content, digest: revision?.digest, clientId: serviceAccount?.clientId };
  const after = { content, digest: known.clientId === unknown || known.tenantId === unknown ? show(unknown) : digest, clientId: show(known.clientId) };
  return (['content', 'digest', 'clientId'] as const)
    .filter((field) => before[field] !== after[field])
    .map((field) => ({ field, ...(before[field] === undefined ? {} : { before: before[field] }), after: after[field] }));
}
