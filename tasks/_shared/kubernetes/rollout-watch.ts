import { text } from '../fleet/json.js';
import { attempt } from '../reconcile/attempt.js';
import type { Clock } from '../reconcile/clock.js';
import type { ClusterConnection } from './connection.js';
import { kinds } from './objects.js';
import { refusalGraceMs, type PodTrouble } from './pod-health.js';
import type { DeploymentSettings } from './release-blueprint.js';
import { warningsOf } from './trouble-report.js';
import { TroubleWatch, type Troubles } from './trouble-watch.js';
import { podGroup, workloadsOf, type PodGroup, type Workload } from './workloads.js';

/** Whose rollout is watched. */
export interface RolloutSite {
  readonly connection: ClusterConnection;
  readonly namespace: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The workloads as they are now. */
  readonly workloads: () => Promise<readonly Workload[]>;
}

/** The live workloads of a deployment, whatever its source is. */
export function deploymentSite({ connection, namespace, release, clock, belonging }: Pick<DeploymentSettings, 'connection' | 'namespace' | 'release' | 'clock' | 'belonging'>, signal: AbortSignal): RolloutSite {
  return { connection, namespace, clock, signal, workloads: () => workloadsOf(connection, namespace, release, belonging) };
}

/** One look at a rollout. */
export interface RolloutLook extends Troubles {
  readonly groups: readonly PodGroup[];
}

/** Looks at workloads and their pods again and again, and tells what is in trouble for so long that waiting is of no use. */
export class RolloutWatch {
  readonly #troubles: TroubleWatch;

  constructor(private readonly site: RolloutSite) {
    this.#troubles = new TroubleWatch(site.clock);
  }

  /** @param counts whether what happens to a workload counts as trouble */
  async look(counts: (workload: Workload) => boolean = () => true): Promise<RolloutLook> {
    const { connection, namespace } = this.site;
    const workloads = await this.site.workloads();
    const groups = await Promise.all(workloads.map((workload) => podGroup(connection, namespace, workload)));
    const counted = groups.filter(({ workload }) => counts(workload));
    const refusals = await Promise.all(counted.map(({ workload }) => this.#refusal(workload)));
    return { groups, ...this.#troubles.look(counted.flatMap(({ current }) => current), refusals.flat()) };
  }

  /**
   * Why pods of a workload are not even made. A deployment says so itself; stateful sets and daemon sets only in events, which may be old: they count
   * while pods are missing.
   */
  async #refusal({ ref, title: subject, uid, rollout }: Workload): Promise<PodTrouble[]> {
    if (rollout.done || uid === undefined) return [];
    const because = rollout.refused ?? (rollout.lacking > 0 && ref.kind !== kinds.deployment.kind ? await this.#refusedTold(uid) : undefined);
    return because === undefined ? [] : [{ key: `${uid} pods`, uid, subject, reason: 'FailedCreate', message: because, graceMs: refusalGraceMs }];
  }

  async #refusedTold(uid: string): Promise<string | undefined> {
    const read = await attempt(this.site.signal, () => warningsOf(this.site, uid));
    if ('unread' in read) return undefined;
    const refused = read.found.find(({ reason }) => reason === 'FailedCreate');
    return refused === undefined ? undefined : (text(refused.message) ?? '');
  }
}
