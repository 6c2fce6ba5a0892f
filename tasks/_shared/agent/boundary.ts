import { setTimeout as pause } from 'node:timers/promises';
import { cancelled, toProblem } from '../reconcile/problem.js';
import { problemLine, problemText } from '../report/problem-text.js';
import type { Agent, TaskEnd } from './agent.js';

/** What a task does, and how it ends. */
export type TaskBody = (agent: Agent) => Promise<TaskEnd>;

/** How long a cancelled task may take to end by itself. The agent kills ten seconds after SIGINT. Milliseconds. */
const lastWordsMs = 6_000;

/**
 * The one boundary of a task: whatever is thrown becomes a report in the log and the task's result; whatever was registered
 * is cleaned up. Stack traces go to the debug log. Never rejects.
 */
export async function supervise(agent: Agent, body: TaskBody, patienceMs = lastWordsMs): Promise<void> {
  const over = new AbortController();
  let end: TaskEnd;
  try {
    end = await Promise.race([body(agent), giveUp(agent, patienceMs, over.signal)]);
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
function giveUp(agent: Agent, patienceMs: number, over: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const wait = async (): Promise<void> => {
      await pause(patienceMs, undefined, { signal: over }).catch(() => undefined);
      reject(cancelled(`run ${agent.task}`));
    };
    if (agent.signal.aborted) void wait();
    else agent.signal.addEventListener('abort', () => void wait(), { once: true, signal: over });
  });
}
