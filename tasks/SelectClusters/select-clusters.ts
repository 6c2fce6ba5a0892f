import type { Agent, TaskEnd } from '../_shared/agent/agent.js';
import { unexpanded } from '../_shared/agent/inputs.js';
import { publishOutput } from '../_shared/agent/outputs.js';
import { readVariableGroup, type ListGroups } from '../_shared/agent/variable-groups.js';
import { many } from '../_shared/fleet/wording.js';
import { columns } from '../_shared/report/columns.js';
import { largeFleet } from '../_shared/report/log-text.js';
import { readInputs, type Inputs } from './inputs.js';
import { canonical, readFleet } from './fleet.js';
import { clusterOf, legsOf } from './legs.js';
import { emptyGroupVariable, missingInGroup, missingInJob, secretVariable, unexpandedValue } from './problems.js';

/**
 * Reads the list of clusters from a variable, checks it and hands it on in canonical form.
 * @throws Problem WI1005, WI1020–WI1031: each mistake of its own.
 */
export async function selectClusters(agent: Agent, list?: ListGroups, now = (): Date => new Date()): Promise<TaskEnd> {
  const inputs = readInputs(agent);
  const value = inputs.variableGroup === undefined ? fromJob(agent, inputs) : await fromGroup(agent, inputs, inputs.variableGroup, list);
  const fleet = readFleet(value, inputs);
  if (inputs.legs) agent.output('legs', legsOf(fleet, inputs.variableName));
  const clusters = inputs.leg === undefined ? fleet : [clusterOf(inputs.leg, fleet, inputs.variableName)];
  publishOutput(agent, 'clusters', canonical(clusters));
  agent.output('count', String(clusters.length));
  agent.output('attempt', agent.variable('System.JobAttempt') ?? '1');
  agent.output('deadline', inputs.timeoutInMinutes === 0 ? '' : deadlineOf(now(), inputs.timeoutInMinutes).toISOString());
  const source = inputs.variableGroup === undefined ? 'of this job' : `of variable group ${inputs.variableGroup}`;
  const leg = inputs.leg === undefined ? '' : ` · leg ${inputs.leg} of ${fleet.length}`;
  agent.line(`Fleet    ${many(clusters.length, 'cluster')} · variable ${inputs.variableName} ${source}${leg}`);
  const lines = columns(clusters.map(({ label, id }) => [label, id]), '  ');
  if (lines.length < largeFleet) for (const line of lines) agent.line(line);
  else agent.group(`The ${lines.length} clusters`, lines);
  return { result: 'Succeeded', message: '' };
}

/** Leaves the tasks a tenth of the job's time, at most five minutes, for their report, and for the steps before this one. */
function deadlineOf(start: Date, timeoutInMinutes: number): Date {
  return new Date(start.getTime() + (timeoutInMinutes - Math.min(5, timeoutInMinutes / 10)) * 60_000);
}

function fromJob(agent: Agent, { variableName }: Inputs): string {
  if (agent.isSecretVariable(variableName)) throw secretVariable(variableName, undefined);
  const value = agent.variable(variableName);
  if (value === undefined) throw missingInJob(variableName);
  return expanded(value, variableName);
}

async function fromGroup(agent: Agent, { variableName }: Inputs, group: string, list: ListGroups | undefined): Promise<string> {
  const { variables } = await readVariableGroup(agent, group, list);
  const found = [...variables].find(([name]) => name.toLowerCase() === variableName.toLowerCase())?.[1];
  if (found === undefined) throw missingInGroup(variableName, group, [...variables.keys()]);
  if (found.isSecret) throw secretVariable(variableName, group);
  if (found.value.trim() === '') throw emptyGroupVariable(variableName, group);
  return expanded(found.value, variableName);
}

function expanded(value: string, variableName: string): string {
  const variable = unexpanded(value);
  if (variable !== undefined) throw unexpandedValue(variableName, variable);
  return value;
}
