import { readPlanFile, type ApprovedPlan } from '../report/plan-file.js';
import type { Agent } from './agent.js';
import type { InputReader } from './inputs.js';

/** What a run shall do with a plan file. */
export interface PlanInput {
  /** Where a dry run leaves its plan. */
  readonly path: string;
  /** The plan that was approved; absent in a dry run. */
  readonly approved?: ApprovedPlan;
  /** What happens when the plan of now goes beyond the approved one: nothing is written, or everything is. */
  readonly onDrift: 'fail' | 'apply';
}

/** Reads `planFile` and `onDrift`; mistakes are noted in the reader. In a dry run the file is yet to be made. */
export function readPlanInput(reader: InputReader, agent: Agent, dryRun: boolean): PlanInput | undefined {
  const path = reader.optionalText('planFile');
  const onDrift = reader.choice('onDrift', ['fail', 'apply'], 'fail');
  if (path === undefined) return undefined;
  if (dryRun) return { path: reader.pathOf(path), onDrift };
  const content = reader.file('planFile', path, { code: 'WI1040', remedy: 'give the file that the dry run of this task left, published by the plan stage and downloaded by this job' });
  const approved = content === undefined ? undefined : reader.attempt(() => readPlanFile(content, path, agent.task));
  return { path, onDrift, ...(approved === undefined ? {} : { approved }) };
}
