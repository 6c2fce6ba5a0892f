import type { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import type { YamlNode } from '../yaml/nodes.js';
import { readStrategy } from './matrix.js';
import type { Job, Located, Stage, VariableDeclaration } from './model.js';
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

/** `pool` is accepted and makes no difference here, but its keys are checked. */
export function acceptPool(reader: MapReader, problems: Problems): void {
  const node = reader.node('pool');
  if (node === undefined || node.kind === 'scalar') return;
  const pool = MapReader.of(node, 'pool', problems);
  pool?.ignore('name', 'vmImage', 'demands');
  pool?.done();
}

function environmentOf(reader: MapReader, problems: Problems): Located | undefined {
  const node = reader.node('environment');
  let found: Located | undefined;
  if (node?.kind === 'map') {
    const inner = MapReader.of(node, 'environment', problems);
    found = inner === undefined ? undefined : located(inner, 'name');
    inner?.refuse('resourceName', 'resourceId', 'resourceType', 'tags');
    inner?.done();
  } else if (node !== undefined) found = located(reader, 'environment');
  if (found === undefined || found.text === '') problems.add(node?.at ?? reader.at, 'A deployment job needs an environment.');
  else if (found.text.includes('$(')) problems.unsupported(found.at, `an environment named by a runtime variable: ${found.text}`);
  else if (found.text.includes('.')) problems.unsupported(found.at, `a resource of an environment: ${found.text}`);
  return found;
}

function deploySteps(reader: MapReader, problems: Problems): readonly YamlNode[] {
  const strategyNode = reader.node('strategy');
  const strategy = strategyNode === undefined ? undefined : MapReader.of(strategyNode, 'strategy', problems);
  if (strategy === undefined) {
    if (strategyNode === undefined) problems.add(reader.at, 'A deployment job needs a strategy.');
    return [];
  }
  strategy.refuse('rolling', 'canary');
  const onceNode = strategy.node('runOnce');
  strategy.done();
  const once = onceNode === undefined ? undefined : MapReader.of(onceNode, 'runOnce', problems);
  once?.refuse('preDeploy', 'routeTraffic', 'postRouteTraffic', 'on');
  const deployNode = once?.node('deploy');
  once?.done();
  const deploy = deployNode === undefined ? undefined : MapReader.of(deployNode, 'deploy', problems);
  if (once !== undefined && deployNode === undefined) problems.add(once.at, "runOnce needs 'deploy'.");
  if (deploy === undefined) return [];
  acceptPool(deploy, problems);
  const steps = deploy.list('steps') ?? [];
  deploy.done();
  return steps;
}

function readJob(node: YamlNode, index: number, problems: Problems): Job | undefined {
  const reader = MapReader.of(node, 'job', problems);
  if (reader === undefined) return undefined;
  const deployment = reader.has('deployment');
  if (!deployment && !reader.has('job')) {
    problems.add(reader.at, "Expected 'job', 'deployment' or 'template'.");
    return undefined;
  }
  const given = reader.string(deployment ? 'deployment' : 'job') ?? '';
  const name = given === '' ? `Job${index + 1}` : given;
  acceptPool(reader, problems);
  reader.refuse('container', 'services', 'workspace', 'uses', 'templateContext');
  const strategyNode = deployment ? undefined : reader.node('strategy');
  const strategy = strategyNode === undefined ? undefined : readStrategy(strategyNode, problems);
  const environment = deployment ? environmentOf(reader, problems) : undefined;
  const stepReader = new StepReader(problems);
  const written = stepReader.read(deployment ? deploySteps(reader, problems) : (reader.list('steps') ?? []));
  const steps = deployment && !written.some((step) => step.kind === 'download') ? [stepReader.automaticDownload(reader.at), ...written] : written;
  const condition = located(reader, 'condition');
  const job: Job = {
    name,
    displayName: reader.string('displayName') ?? name,
    deployment,
    ...(environment === undefined ? {} : { environment }),
    dependsOn: reader.strings('dependsOn') ?? [],
    ...(condition === undefined ? {} : { condition }),
    continueOnError: reader.boolean('continueOnError') ?? false,
    timeoutInMinutes: reader.number('timeoutInMinutes') ?? defaultJobTimeout,
    cancelTimeoutInMinutes: reader.number('cancelTimeoutInMinutes') ?? defaultCancelTimeout,
    variables: readVariables(reader, problems),
    ...(strategy === undefined ? {} : { strategy }),
    steps,
    at: reader.at,
  };
  reader.done();
  return job;
}

export function readJobs(nodes: readonly YamlNode[], problems: Problems): readonly Job[] {
  return nodes.flatMap((node, index) => readJob(node, index, problems) ?? []);
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
  acceptPool(reader, problems);
  reader.ignore('lockBehavior', 'isSkippable');
  reader.refuse('trigger', 'templateContext', 'group');
  const condition = located(reader, 'condition');
  const stage: Stage = {
    name,
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
