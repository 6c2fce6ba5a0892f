import { parse } from 'yaml';
import { object, text, type Json } from '../fleet/json.js';
import { cancelledCode, Problem } from '../reconcile/problem.js';
import { once } from '../reconcile/once.js';
import { until, type Attempt as Try } from '../reconcile/retry.js';
import type { CommandQueue } from './command-queue.js';
import type { CallArgument, InnerCall, InnerResult } from './command-script.js';
import { ownKeys, type ClusterConnection, type HelmArgument, type HelmOptions } from './connection.js';
import { helmFailed, HelmProcess } from './helm-process.js';
import { helmVersion, isUsable, oldestHelm } from './helm-version.js';
import { injectIdentity } from './identity-injection.js';
import { programMissing } from './kubectl-errors.js';
import { packedChart } from './packed-chart.js';
import { releaseLine, type ReleaseLine } from './release-line.js';
import { isPending, newestRevision, untilIn, type Revision } from './release-revisions.js';
import type { RunCommandTools } from './run-command-connection.js';
import { secretRefusals } from './unsendable.js';
import { workloadsOf } from './workloads.js';

/** A command lasts as long as the hooks of its release and a little more: its pod has to start first. Milliseconds. */
const commandSlackMs = 120_000;
/** How long before its promised end a helm is stopped, and what it gets in any case. Milliseconds. */
const [stopMs, shortestMs] = [15_000, 30_000];
/** How often a release is looked at. Each look starts a pod. Milliseconds. */
const looking = { firstWaitMs: 5_000, longestWaitMs: 30_000 };

/** What the cluster offers to the templates of a chart. */
interface Capabilities {
  readonly version: string;
  /** Group versions, and kinds as `apps/v1/Deployment`. */
  readonly apis: readonly string[];
}

/**
 * Helm by run command. The chart is rendered on the agent and made right for its identity there; a chart of the finished manifests is deployed by the helm in the pod, so
 * that release, history and labels are those of any other release. Nothing waits inside: the release is followed from here until its true end.
 */
export class ReleaseCommands {
  readonly #local: HelmProcess;
  /** Asked once, in one command. A chart may look at what the cluster offers before it renders anything. Source: helm docs, built-in objects, Capabilities. */
  readonly #offered = once(() => this.#ask());

  constructor(
    private readonly connection: ClusterConnection,
    private readonly queue: CommandQueue,
    private readonly tools: RunCommandTools,
  ) {
    this.#local = new HelmProcess(tools);
  }

  /** As {@link ClusterConnection.helm}. @throws also Problem WI4510 for a chart with values of secrets, WI4514 for a pod whose helm is too old. */
  run(helmArguments: readonly HelmArgument[], options: HelmOptions): Promise<string> {
    if (options.offline) return this.#onAgent(helmArguments, options);
    const line = releaseLine(helmArguments);
    switch (line.command) {
      case 'upgrade':
        return this.#upgrade(line, options);
      case 'rollback':
      case 'uninstall':
        return this.#operate(line, { line: ['helm', line.command, line.release, ...line.rest.map(plainText), ...line.operating] }, options.signal);
      default:
        throw new Error(`helm ${line.command} is not made for run commands`);
    }
  }

  async #upgrade(line: ReleaseLine, options: HelmOptions): Promise<string> {
    const [capabilities, revision] = await Promise.all([this.#offered(), newestRevision(this.connection, line.namespace, line.release)]);
    const manifests = await this.#rendered(line, capabilities, revision !== undefined, options);
    const [refusal] = secretRefusals(manifests, this.tools.label);
    if (refusal !== undefined) throw refusal;
    const files = packedChart(await this.#metaOf(line.rest, options), manifests).map(({ path, content }) => ({ path: `chart/${path}`, content }));
    const place: CallArgument = { place: 'chart' };
    return this.#operate(line, { line: ['helm', 'upgrade', line.release, place, ...line.operating], files }, options.signal, revision);
  }

  async #rendered(line: ReleaseLine, { version, apis }: Capabilities, upgrade: boolean, options: HelmOptions): Promise<string> {
    const known = ['--kube-version', version, ...apis.flatMap((api) => ['--api-versions', api])];
    const place = ['--namespace', line.namespace, '--include-crds', ...(upgrade ? ['--is-upgrade'] : [])];
    const manifests = await this.#onAgent(['template', line.release, ...line.rest, ...line.rendering, ...place, ...known], options);
    return options.inject === undefined ? manifests : injectIdentity(manifests, options.inject.identity);
  }

  /** Chart.yaml, of a folder or a package. */
  async #metaOf([chart]: readonly HelmArgument[], options: HelmOptions): Promise<Json> {
    return object(parse(await this.#onAgent(['show', 'chart', ...(chart === undefined ? [] : [chart])], options)));
  }

  #onAgent(helmArguments: readonly HelmArgument[], { executable, signal }: HelmOptions): Promise<string> {
    return this.#local.run(helmArguments, { executable, signal });
  }

  async #ask(): Promise<Capabilities> {
    const tried = 'ask which kinds of objects it has';
    const [version, helm, groups, resources] = await Promise.all([
      this.connection.version(),
      this.queue.ask({ line: ['helm', 'version', '--template', '{{.Version}}'] }, 'ask helm for its version'),
      this.queue.ask({ line: ['kubectl', 'api-versions'] }, tried),
      this.queue.ask({ line: ['kubectl', 'api-resources', '--no-headers'] }, tried),
    ]);
    const found = helm.exitCode === 0 ? helmVersion(helm.output) : undefined;
    if (found === undefined || !isUsable(found)) {
      throw programMissing(this.tools.label, helm.exitCode === 0 ? `its helm is "${helm.output.trim()}", and at least ${oldestHelm} is needed` : helm.errors);
    }
    const rows = resources.output.split('\n').map((row) => row.trim().split(/\s+/)).filter((row) => row.length >= 4);
    return { version, apis: [...lines(groups.output), ...rows.map((row) => `${row.at(-3) ?? ''}/${row.at(-1) ?? ''}`)] };
  }

  /** @param before the newest revision before an upgrade */
  async #operate(line: ReleaseLine, call: InnerCall, signal: AbortSignal, before?: Revision): Promise<string> {
    const { clock } = this.tools;
    const end = clock.monotonic() + line.timeoutMs;
    const limitSeconds = Math.ceil(this.#promised(line) / 1_000);
    const sent = await this.queue.runAlone({ ...call, quiet: true, limitSeconds }, `run helm ${line.command}`, line.timeoutMs + commandSlackMs).catch((error: unknown) => unclear(error));
    signal.throwIfAborted();
    if (!('exitCode' in sent) || sent.exitCode !== 0) await this.#afterAll(line, sent, before, end, signal);
    if (line.waits && line.command !== 'uninstall') await this.#rolledOut(line, end, signal);
    return '';
  }

  /** How long helm may work: until the end that the label of its revision promises, in which hooks may take their time-out each. Milliseconds. */
  #promised({ labels, timeoutMs }: ReleaseLine): number {
    const label = labels[ownKeys.until] ?? '';
    const until = untilIn(label, Number.parseInt(label, 10));
    return until === undefined ? timeoutMs : Math.max(shortestMs, until - stopMs - this.tools.clock.now().getTime());
  }

  /**
   * A command may fail, or be lost, after its helm has begun: the release's own records say what came of it. The label that the new revision carries tells it from those
   * of others.
   */
  async #afterAll(line: ReleaseLine, sent: InnerResult | Problem, before: Revision | undefined, end: number, signal: AbortSignal): Promise<void> {
    const failure = 'exitCode' in sent ? helmFailed(line.command, sent.exitCode, sent.errors) : sent;
    const ours = async (): Promise<Revision | undefined> => {
      const newest = await newestRevision(this.connection, line.namespace, line.release);
      const until = newest === undefined ? undefined : untilIn(line.labels[ownKeys.until], newest.number);
      return newest !== undefined && until !== undefined && newest.untilMs === until && newest.number > (before?.number ?? 0) ? newest : undefined;
    };
    const { clock, progress } = this.tools;
    const patience = { ...looking, deadlineMs: Math.max(0, end - clock.monotonic()) };
    await until(patience, { clock, signal, progress }, async (): Promise<Try<void>> => {
      const revision = await ours();
      if (revision?.status === 'deployed') return { done: undefined };
      if (revision === undefined || !isPending(revision)) throw failure;
      return { wait: `revision ${revision.number} is ${revision.status}`, failure };
    });
  }

  /** What `--wait` does within helm: deployments, stateful sets and daemon sets of the release have all their pods. */
  #rolledOut({ command, release, namespace, timeoutMs }: ReleaseLine, end: number, signal: AbortSignal): Promise<void> {
    const { clock, progress } = this.tools;
    const patience = { ...looking, deadlineMs: Math.max(0, end - clock.monotonic()) };
    return until(patience, { clock, signal, progress }, async (): Promise<Try<void>> => {
      const [revision, workloads] = await Promise.all([newestRevision(this.connection, namespace, release), workloadsOf(this.connection, namespace, release)]);
      if (revision?.status !== 'deployed') throw helmFailed(command, null, `the release is ${revision?.status ?? 'gone'} while its rollout was waited for`);
      const unfinished = workloads.find(({ rollout }) => !rollout.done);
      if (unfinished === undefined) return { done: undefined };
      const state = `${unfinished.title}: ${unfinished.rollout.gaveUp ?? unfinished.rollout.text}`;
      const failure = helmFailed(command, null, `the rollout did not end within ${Math.round(timeoutMs / 1_000)} s: ${state}`).with({ ended: true });
      if (unfinished.rollout.gaveUp !== undefined) throw failure;
      return { wait: `revision ${revision.number}: ${state}`, failure };
    });
  }
}

/** Of a command that was lost nobody knows what it did; what was never sent, and a cancelled run, say so themselves. */
function unclear(error: unknown): Problem {
  if (error instanceof Problem && error.code !== cancelledCode && error.code !== 'WI4507') return error;
  throw error;
}

function plainText(argument: HelmArgument): string {
  if (typeof argument === 'string') return argument;
  throw new Error('files go with the chart only');
}

function lines(output: string): string[] {
  return output.split('\n').flatMap((line) => text(line.trim()) ?? []);
}
