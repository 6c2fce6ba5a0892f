import type { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import type { YamlNode } from '../yaml/nodes.js';
import type { JobStrategy, MatrixLeg } from './model.js';

/** Jobs of one matrix, and slices of one job. Source: azure-devops-docs#10979, reported by users and not documented. */
export const maximumLegs = 256;

/** Longest name of a leg. Source: yaml-schema, jobs.job.strategy. */
const maximumName = 100;

/** Why these legs would be refused, whether a file or a task wrote them. Source: yaml-schema, jobs.job.strategy. */
export function legProblems(names: readonly string[]): readonly string[] {
  const found: string[] = [];
  if (names.length > maximumLegs) found.push(`The matrix has ${names.length} legs. Azure Pipelines runs at most ${maximumLegs}: make fewer legs that do more each.`);
  for (const name of names) {
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) found.push(`The matrix leg name ${name} is not valid. Names may only contain letters, digits and '_' and must start with a letter.`);
    else if (name.length > maximumName) found.push(`The matrix leg name ${name} is longer than ${maximumName} characters.`);
  }
  return found;
}

function literalLeg(name: string, node: YamlNode, problems: Problems): MatrixLeg {
  const variables = new Map<string, string>();
  if (node.kind !== 'map') {
    if (node.kind !== 'scalar' || node.text !== '') problems.add(node.at, `Expected a mapping of variables for the matrix leg ${name}.`);
    return { name, variables };
  }
  for (const { key, value } of node.entries) {
    if (value.kind === 'scalar') variables.set(key.text, value.text);
    else problems.add(value.at, `The variable ${key.text} of the matrix leg ${name} is no text.`);
  }
  return { name, variables };
}

function legsOf(node: YamlNode, problems: Problems): Extract<JobStrategy, { kind: 'matrix' }>['legs'] {
  if (node.kind === 'scalar') {
    if (node.text !== '' && !/^\s*\$\[.*\]\s*$/s.test(node.text)) problems.add(node.at, `Expected a mapping or a runtime expression $[ ] for 'matrix', found '${node.text}'.`);
    return node.text === '' ? [] : { text: node.text, at: node.at };
  }
  if (node.kind === 'list') {
    problems.add(node.at, "Expected a mapping for 'matrix'.");
    return [];
  }
  for (const message of legProblems(node.entries.map(({ key }) => key.text))) problems.add(node.at, message);
  return node.entries.map(({ key, value }) => literalLeg(key.text, value, problems));
}

/** Reads `strategy` of a job: a matrix, written out or from a runtime expression, or a number of slices. */
export function readStrategy(node: YamlNode, problems: Problems): JobStrategy | undefined {
  const reader = MapReader.of(node, 'strategy', problems);
  if (reader === undefined) return undefined;
  const maxParallel = reader.number('maxParallel') ?? 0;
  const [matrix, count] = [reader.node('matrix'), reader.number('parallel')];
  reader.done();
  if (matrix !== undefined && count !== undefined) problems.add(reader.at, "'matrix' and 'parallel' exclude each other.");
  if (matrix !== undefined) return { kind: 'matrix', legs: legsOf(matrix, problems), maxParallel, at: reader.at };
  if (count === undefined) {
    if (!reader.has('parallel')) problems.add(reader.at, "The strategy of a job needs 'matrix' or 'parallel'.");
    return undefined;
  }
  if (count < 1 || count > maximumLegs || !Number.isInteger(count)) problems.add(reader.at, `'parallel' is a whole number from 1 to ${maximumLegs}, not ${count}.`);
  return { kind: 'parallel', count, maxParallel, at: reader.at };
}
