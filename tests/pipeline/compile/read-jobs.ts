import type { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import type { YamlNode } from '../yaml/nodes.js';
import { readStrategy } from './matrix.js';
import type { Job, Stage, Step, VariableDeclaration } from './model.js';
import { readDeployment } from './read-deployment.js';
import { readPool } from './read-pool.js';
import { located, StepReader } from './read-steps.js';

/** Limit of a hosted agent when a job names none. Source: yaml-schema, jobs.job.timeoutInMinutes. */
const defaultJobTimeout = 60;
/** Source: yaml-schema, jobs.job.cancelTimeoutInMinutes. */
const defaultCancelTimeout = 5;

function variable(node: YamlNode, problems: Problems): VariableDeclaration | undefined {
  const reader = MapReader.of(node, 'variable', problems);
  if (reader === undefined) return undefined;
  const [group, name] = [reader.string('group'), reader.string('name')];
  const value = reader.string('value') ?? '';
  const readOnly = reader.boolean('readonly') ?? false;
  reader.done();
  if (group !== undefined) return { kind: 'group', group, at: reader.at };
  if (name !== undefined) return { kind: 'value', name, value, readOnly, at: reader.at };
  problems.add(reader.at, "A variable needs 'name', 'group' or 'template'.");
  return undefined;
}

/** Reads `variables`, which expansion has turned into a list. */
export function readVariables(reader: MapReader, problems: Problems): readonly VariableDeclaration[] {
  return (reader.list('variables') ?? []).flatMap((node) => variable(node, problems) ?? []);
}

/** One of a few words; anything else is a problem. */
function oneOf(reader: MapReader, key: string, words: readonly string[], problems: Problems): string | undefined {
  const text = reader.string(key);
  if (text !== undefined && !words.includes(text)) problems.add(reader.node(key)?.at ?? reader.at, `'${key}' is one of ${words.join(', ')}, not '${text}'.`);
  return text;
}

/** `lockBehavior` decides which of several runs goes first; a local run is alone. */
export function readLockBehaviour(reader: MapReader, problems: Problems): string | undefined {
  return oneOf(reader, 'lockBehavior', ['sequential', 'runLatest'], problems);
}

/** `workspace.clean` has nothing to clean: every job starts in a folder of its own. */
function acceptWorkspace(reader: MapReader, problems: Problems): void {
  const node = reader.node('workspace');
  const workspace = node === undefined ? undefined : MapReader.of(node, 'workspace', problems);
  if (workspace === undefined) return;
  oneOf(workspace, 'clean', ['outputs', 'resources', 'all'], problems);
  workspace.done();
}

/** The keys that a job and a pipeline of steps only have in common. */
function readBody(reader: MapReader, problems: Problems): Pick<Job, 'strategy' | 'container' | 'pool' | 'continueOnError'> {
  const pool = readPool(reader, problems);
  acceptWorkspace(reader, problems);
  reader.refuse('services');
  const strategyNode = reader.has('deployment') ? undefined : reader.node('strategy');
  const strategy = strategyNode === undefined ? undefined : readStrategy(strategyNode, problems);
  const node = reader.node('container');
  const image = node?.kind === 'map' ? (MapReader.of(node, 'container', problems)?.string('image') ?? '') : (reader.string('container') ?? '');
  return {
    ...(strategy === undefined ? {} : { strategy }),
    ...(pool === undefined ? {} : { pool }),
    ...(node === undefined ? {} : { container: { text: image, at: node.at } }),
    continueOnError: reader.boolean('continueOnError') ?? false,
  };
}

function readJob(node: YamlNode, index: number, problems: Problems): Job | undefined {
  const reader = MapReader.of(node, 'job', problems);
  if (reader === undefined) return undefined;
  const isDeployment = reader.has('deployment');
  if (!isDeployment && !reader.has('job')) {
    problems.add(reader.at, "Expected 'job', 'deployment' or 'template'.");
    return undefined;
  }
  const given = reader.string(isDeployment ? 'deployment' : 'job') ?? '';
  const name = given === '' ? `Job${index + 1}` : given;
  // Source: azure-devops-docs, process/deployment-jobs, "Schema".
  if (isDeployment && name.toLowerCase() === 'deploy') problems.add(reader.at, "The name 'deploy' is a keyword and cannot name a deployment job.");
  const body = readBody(reader, problems);
  reader.refuse('uses', 'templateContext');
  const deployment = isDeployment ? readDeployment(reader, problems) : undefined;
  const steps: readonly Step[] = isDeployment ? [...(deployment?.hooks.values() ?? [])].flat() : new StepReader(problems).read(reader.list('steps') ?? []);
  const condition = located(reader, 'condition');
  const job: Job = {
    ...body,
    name,
    displayName: reader.string('displayName') ?? name,
    ...(deployment === undefined ? {} : { deployment }),
    dependsOn: reader.strings('dependsOn') ?? [],
    ...(condition === undefined ? {} : { condition }),
    timeoutInMinutes: reader.number('timeoutInMinutes') ?? defaultJobTimeout,
    cancelTimeoutInMinutes: reader.number('cancelTimeoutInMinutes') ?? defaultCancelTimeout,
    variables: readVariables(reader, problems),
    steps,
    at: reader.at,
  };
  reader.done();
  return job;
}

export function readJobs(nodes: readonly YamlNode[], problems: Problems): readonly Job[] {
  return nodes.flatMap((node, index) => readJob(node, index, problems) ?? []);
}

/** A pipeline of steps only is one stage with one job, as in the service; it may have a strategy of its own. */
export function readOnlyJob(reader: MapReader, problems: Problems): Job {
  const body = readBody(reader, problems);
  const steps = new StepReader(problems).read(reader.list('steps') ?? []);
  return { ...body, name: 'Job', displayName: 'Job', dependsOn: [], timeoutInMinutes: defaultJobTimeout, cancelTimeoutInMinutes: defaultCancelTimeout, variables: [], steps, at: reader.at };
}

/** Reads a stage; without `dependsOn` it depends on the one before it. */
export function readStage(node: YamlNode, index: number, previous: string | undefined, problems: Problems): Stage | undefined {
  const reader = MapReader.of(node, 'stage', problems);
  if (reader === undefined) return undefined;
  if (!reader.has('stage')) {
    problems.add(reader.at, "Expected 'stage' or 'template'.");
    return undefined;
  }
  const given = reader.string('stage') ?? '';
  const name = given === '' ? `Stage${index + 1}` : given;
  readPool(reader, problems);
  const lockBehavior = readLockBehaviour(reader, problems);
  reader.ignore('isSkippable');
  reader.refuse('trigger', 'templateContext', 'group');
  const condition = located(reader, 'condition');
  const stage: Stage = {
    name,
    ...(lockBehavior === undefined ? {} : { lockBehavior }),
    displayName: reader.string('displayName') ?? name,
    dependsOn: reader.strings('dependsOn') ?? (previous === undefined ? [] : [previous]),
    ...(condition === undefined ? {} : { condition }),
    variables: readVariables(reader, problems),
    jobs: readJobs(reader.list('jobs') ?? [], problems),
    at: reader.at,
  };
  reader.done();
  return stage;
}
