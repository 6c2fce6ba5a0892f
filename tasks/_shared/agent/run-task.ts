import { supervise, type TaskBody } from './boundary.js';
import { PipelineAgent } from './pipeline-agent.js';

/**
 * Runs a task under the pipeline agent and ends the process once its output has left it. The exit code is 0 whatever
 * happened: the result is the `task.complete` line. Never rejects.
 */
export async function runTask(name: string, body: TaskBody): Promise<void> {
  // Node 24 tells on standard error which outdated functions a library calls: nothing that a reader of the log could act on.
  process.noDeprecation = true;
  const agent = new PipelineAgent(name);
  await supervise(agent, body);
  await agent.leave();
}
