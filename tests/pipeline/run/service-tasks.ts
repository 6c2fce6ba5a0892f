import type { TaskStep } from '../compile/model.js';
import type { TaskManifest } from '../validate/manifest.js';
import { inputValues } from './agent-environment.js';
import { publishTestResults } from './publish-test-results.js';
import type { StepContext } from './step-context.js';

type StandIn = (context: StepContext, inputs: ReadonlyMap<string, string>) => void;

/** What the runner does in the place of tasks that are the service's own, by their names. */
const standIns: Readonly<Record<string, StandIn>> = { 'PublishTestResults@2': publishTestResults };

/** Does what a task of the service's own would do, in this process. @throws {Error} for the step to fail with. */
export function runServiceTask(context: StepContext, step: TaskStep, manifest: TaskManifest): void {
  const name = `${manifest.name}@${manifest.major}`;
  const standIn = standIns[name];
  if (standIn === undefined) throw new Error(`The local runner has no stand-in for ${name}.`);
  standIn(context, inputValues(context.job, step, manifest));
}
