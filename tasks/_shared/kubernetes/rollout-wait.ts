import { Problem } from '../reconcile/problem.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { describeTroubles } from './pod-health.js';
import { RolloutWatch, type RolloutSite } from './rollout-watch.js';
import { reportTroubles } from './trouble-report.js';
import type { PodGroup } from './workloads.js';

/** A rollout that is waited for. */
export interface AwaitedRollout extends RolloutSite {
  /** `orders/orders-api` */
  readonly title: string;
  /** Milliseconds. */
  readonly timeoutMs: number;
}

const shortestWaitMs = 1_000;
const longestWaitMs = 10_000;

/**
 * Waits until the rollouts of all workloads are done, at the generation that was asked for.
 * @returns the workloads with their pods
 * @throws Problem WI4306 as soon as waiting is of no use, WI4307 at the deadline, each with what the cluster tells of the pods
 */
export async function rolledOut(site: AwaitedRollout, progress: (text: string) => void): Promise<readonly PodGroup[]> {
  const { clock, signal, timeoutMs } = site;
  const watch = new RolloutWatch(site);
  const patience = { deadlineMs: timeoutMs, firstWaitMs: shortestWaitMs, longestWaitMs };
  return until(patience, { clock, signal, progress }, async (): Promise<Attempt<readonly PodGroup[]>> => {
    const { groups, now, lasting } = await watch.look();
    if (lasting.length > 0) throw doesNotStart(site, await reportTroubles(site, lasting));
    const gaveUp = groups.find(({ workload }) => workload.rollout.gaveUp !== undefined);
    if (gaveUp !== undefined) throw late(site, gaveUp, await reportTroubles(site, now));
    const unfinished = groups.find(({ workload }) => !workload.rollout.done);
    if (unfinished === undefined) return { done: groups };
    const { title, rollout } = unfinished.workload;
    const [first] = now;
    const trouble = first === undefined ? '' : `; ${describeTroubles([first])}`;
    return { wait: `${title}: ${rollout.text}${trouble}`, failure: () => reportTroubles(site, now).then((troubles) => late(site, unfinished, troubles)) };
  });
}

function doesNotStart({ title, connection }: AwaitedRollout, because: string): Problem {
  return new Problem({
    code: 'WI4306',
    what: `Pods of ${title} on ${connection.label} do not start`,
    tried: 'wait for the rollout',
    because,
    remedy: 'correct what the reason names: image name and pull right of the kubelet identity, configuration, quota or policy, or the program itself (kubectl logs --previous)',
  });
}

function late({ title: subject, connection, timeoutMs }: AwaitedRollout, { workload: { title, rollout } }: PodGroup, troubles: string): Problem {
  const state = rollout.gaveUp ?? rollout.text;
  return new Problem({
    code: 'WI4307',
    what: `The rollout of ${subject} on ${connection.label} did not end`,
    tried: `wait ${Math.round(timeoutMs / 1_000)} s for ${title}`,
    because: troubles === '' ? state : `${state}; ${troubles}`,
    remedy: 'look at the events of its pods (kubectl describe), or give it more time with timeoutInMinutes',
  });
}
