import { runPlannedTask, type PlannedTask } from './planned-task.js';
import { requestOidcToken } from './release-oidc.js';
import { runTask } from './run-task.js';
import { createServices, type Services } from './services.js';

/** Runs a planned task under the pipeline agent, with Azure and the clusters behind it. Never rejects. */
export function main<I>(task: PlannedTask<I, Services>): Promise<void> {
  return runTask(task.name, (agent) => runPlannedTask(agent, task, createServices, requestOidcToken));
}
