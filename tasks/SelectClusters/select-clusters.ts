import type { Agent, TaskEnd } from '../_shared/agent/agent.js';
import { unexpanded } from '../_shared/agent/inputs.js';
import { publishOutput } from '../_shared/agent/outputs.js';
import { readVariableGroup, type ListGroups } from '../_shared/agent/variable-groups.js';
import { readInputs, type Inputs } from './inputs.js';
import { canonical, readFleet } from './fleet.js';
import { emptyGroupVariable, missingInGroup, missingInJob, secretVariable, unexpandedValue } from './problems.js';

/**
 * Reads the list of clusters from a variable, checks it and hands it on in canonical form.
 * @throws Problem WI1005, WI1020–WI1029: each mistake of its own.
 */
export async function selectClusters(agent: Agent, list?: ListGroups): Promise<TaskEnd> {
  const inputs = readInputs(agent);
  const value = inputs.variableGroup === undefined ? fromJob(agent, inputs) : await fromGroup(agent, inputs, inputs.variableGroup, list);
  const clusters = readFleet(value, inputs);
  publishOutput(agent, 'clusters', canonical(clusters));
  agent.output('count', String(clusters.length));
  const source = inputs.variableGroup === undefined ? 'of this job' : `of variable group ${inputs.variableGroup}`;
  agent.line(`Fleet    ${clusters.length} cluster${clusters.length === 1 ? '' : 's'} · variable ${inputs.variableName} ${source}`);
  for (const { label, id } of clusters) agent.line(`  ${label}  ${id}`);
  return { result: 'Succeeded', message: '' };
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
