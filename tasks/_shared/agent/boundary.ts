import { systemClock, type Clock } from '../reconcile/clock.js';
import { cancelled, toProblem } from '../reconcile/problem.js';
import { problemLine, problemText } from '../report/problem-text.js';
import type { Agent, TaskEnd } from './agent.js';

/** What a task does, and how it ends. */
export type TaskBody = (agent: Agent) => Promise<TaskEnd>;

/** How long a cancelled task may take to end by itself: the agent's SIGTERM comes 7.5 s after its SIGINT. Milliseconds. */
export const lastWordsMs = 6_000;

/**
 * The one boundary of a task: whatever is thrown becomes a report in the log and the task's result; whatever was registered
 * is cleaned up. A cancelled task that does not end by itself is given up, at the latest at the agent's last call. Stack traces go to the
 * debug log. Never rejects.
 */
export async function supervise(agent: Agent, body: TaskBody, clock: Clock = systemClock()): Promise<void> {
  const over = new AbortController();
  let end: TaskEnd;
  try {
    end = await Promise.race([body(agent), giveUp(agent, clock, over.signal)]);
  } catch (error) {
    end = report(agent, error);
  }
  over.abort();
  agent.cleanUp();
  agent.complete(end);
}

function report(agent: Agent, error: unknown): TaskEnd {
  const problem = toProblem(error);
  for (const line of problemText(problem.parts)) agent.line(line);
  for (let cause: unknown = problem; cause instanceof Error; cause = cause.cause) agent.debug(cause.stack ?? cause.message);
  return { result: 'Failed', message: problemLine(problem.parts) };
}

/** Throws when the task was cancelled and did not end in time; never settles otherwise. */
async function giveUp(agent: Agent, clock: Clock, over: AbortSignal): Promise<never> {
  await aborted(agent.signal, over);
  const enough = new AbortController();
  await Promise.race([clock.sleep(lastWordsMs, AbortSignal.any([over, enough.signal])).catch(() => undefined), aborted(agent.lastCall, over)]);
  enough.abort();
  throw cancelled(`run ${agent.task}`);
}

/** Resolves when the signal is aborted; never, when the task is over before. */
function aborted(signal: AbortSignal, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: over });
  });
}
