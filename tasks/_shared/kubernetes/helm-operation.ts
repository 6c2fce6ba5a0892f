import { attempt } from '../reconcile/attempt.js';
import { Problem } from '../reconcile/problem.js';
import type { HelmArgument, HelmInjection } from './connection.js';
import type { ReleaseSettings } from './release-blueprint.js';
import { deploymentSite, RolloutWatch, type RolloutSite } from './rollout-watch.js';
import { reportTroubles } from './trouble-report.js';
import { workloadsOf, type Workload } from './workloads.js';

const second = 1_000;
/** Added to the time-out before a pending revision counts as left behind: clocks differ, and Helm itself needs a moment. Milliseconds. */
export const slackMs = 60_000;
/** How long before its promised end a helm is stopped; it may take five seconds of this. Milliseconds. */
const stopMs = 15_000;
/** How often the pods are looked at while helm waits for them. Milliseconds. */
const lookMs = 10_000;

/** The code of a helm that was stopped because waiting any longer was of no use. */
export const stuckCode = 'WI4310';

/** What of a release its helm works on. */
export type OperationSettings = Pick<ReleaseSettings, 'connection' | 'namespace' | 'release' | 'clock' | 'timeoutMs' | 'helmPath'>;

/**
 * Runs helm for a release, and stops it in time: hooks and the rollout have a time-out each, and the label of the revision promises one end for all of them. It is
 * stopped before that where pods that it made are in trouble which waiting does not cure, since helm itself only waits.
 * @throws Problem WI4202 when helm fails or takes too long, WI4310 when its pods do not start, WI9002 when it was cancelled.
 */
export async function operate(settings: OperationSettings, line: readonly HelmArgument[], signal: AbortSignal, inject?: HelmInjection): Promise<string> {
  const { connection, clock, timeoutMs, helmPath: executable } = settings;
  const [late, stuck, ended] = [new AbortController(), new AbortController(), new AbortController()];
  const limitMs = timeoutMs + slackMs - stopMs;
  clock.sleep(limitMs * clock.rate, ended.signal).then(() => late.abort(), () => undefined);
  const before = await attempt(signal, () => workloadsOf(connection, settings.namespace, settings.release));
  let found = '';
  if ('found' in before) {
    watch(deploymentSite(settings, signal), before.found, ended.signal).then((because) => {
      found = because;
      stuck.abort();
    }, () => undefined);
  }
  try {
    return await connection.helm(line, { executable, signal: AbortSignal.any([signal, late.signal, stuck.signal]), offline: false, ...(inject === undefined ? {} : { inject }) });
  } catch (error) {
    if (signal.aborted) throw error;
    const [command = ''] = line;
    const tried = `run helm ${typeof command === 'string' ? command : ''}`;
    if (stuck.signal.aborted) throw new Problem({ code: stuckCode, what: `${tried.slice(4)} was stopped`, tried, because: `${found}; helm was stopped before its time-out, since waiting is of no use`, remedy: 'correct what the reason names' }, error);
    if (!late.signal.aborted) throw error;
    const because = `helm with all its hooks did not end within ${Math.round(limitMs / second)} s, and was stopped`;
    throw new Problem({ code: 'WI4202', what: `${tried.slice(4)} was stopped`, tried, because, remedy: 'raise timeoutInMinutes' }, error);
  } finally {
    ended.abort();
  }
}

/**
 * Looks at what helm has changed until something is lastingly in trouble. What helm has not touched yet is passed over: its pods may be in the very trouble that the
 * upgrade ends.
 * @returns what is in trouble; never when nothing is, until `ended` makes it throw
 */
async function watch(site: RolloutSite, before: readonly Workload[], ended: AbortSignal): Promise<string> {
  const rollout = new RolloutWatch(site);
  const generations = new Map(before.map(({ uid, generation }) => [uid, generation]));
  for (;;) {
    await site.clock.sleep(lookMs, ended);
    const seen = await attempt(site.signal, () => rollout.look(({ uid, generation, rollout: { done } }) => !done && generations.get(uid) !== generation));
    ended.throwIfAborted();
    // A look that fails tells nothing of the pods: helm meets the same API server, and says what it meets.
    if ('found' in seen && seen.found.lasting.length > 0) return reportTroubles(site, seen.found.lasting);
  }
}
