import type { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import type { YamlNode } from '../yaml/nodes.js';
import { lifecycleHooks } from './model.js';
import type { Deployment, LifecycleHook, Located, Step } from './model.js';
import { readPool } from './read-pool.js';
import { located, StepReader } from './read-steps.js';

/** Where a deployment job deploys to. */
type Target = Pick<Deployment, 'environment' | 'resource' | 'machines' | 'tags'>;

/** Tags as a list, or as one text with commas. */
function readTags(reader: MapReader): readonly string[] {
  return (reader.strings('tags') ?? []).flatMap((one) => one.split(',')).map((one) => one.trim()).filter((one) => one !== '');
}

function readTarget(reader: MapReader, problems: Problems): Target {
  const node = reader.node('environment');
  const inner = node?.kind === 'map' ? MapReader.of(node, 'environment', problems) : undefined;
  inner?.refuse('resourceId');
  const written = (inner === undefined ? located(reader, 'environment') : located(inner, 'name')) ?? { text: '', at: node?.at ?? reader.at };
  const [name = '', ...rest] = written.text.split('.');
  const resource: Located | undefined = inner === undefined || rest.length > 0 ? { text: rest.join('.'), at: written.at } : located(inner, 'resourceName');
  const type = inner?.string('resourceType')?.toLowerCase();
  if (type !== undefined && type !== 'virtualmachine') problems.unsupported(inner?.node('resourceType')?.at ?? written.at, `resources of an environment that are no virtual machines: ${type}`);
  const tags = inner === undefined ? [] : readTags(inner);
  inner?.done();
  if (name === '') problems.add(node?.at ?? reader.at, 'A deployment job needs an environment.');
  else if (written.text.includes('$(')) problems.unsupported(written.at, `an environment named by a runtime variable: ${written.text}`);
  const named = resource !== undefined && resource.text !== '';
  return { environment: { text: name, at: written.at }, ...(named ? { resource } : {}), machines: named || type === 'virtualmachine', tags };
}

function readHook(node: YamlNode, what: string, problems: Problems): readonly Step[] {
  const reader = MapReader.of(node, what, problems);
  if (reader === undefined) return [];
  readPool(reader, problems);
  // Each hook is a job of its own: names of steps are unique within it.
  const steps = new StepReader(problems);
  const written = steps.read(reader.list('steps') ?? []);
  reader.done();
  const downloads = what === 'deploy' && !written.some((step) => step.kind === 'download');
  return downloads ? [steps.automaticDownload(reader.at), ...written] : written;
}

function readHooks(strategy: MapReader, kind: string, problems: Problems): ReadonlyMap<LifecycleHook, readonly Step[]> {
  const hooks = new Map<LifecycleHook, readonly Step[]>();
  const take = (reader: MapReader | undefined, key: string, hook: LifecycleHook): void => {
    const node = reader?.node(key);
    if (node !== undefined) hooks.set(hook, readHook(node, key, problems));
  };
  for (const hook of lifecycleHooks) take(strategy, hook, hook);
  const on = strategy.node('on');
  const reader = on === undefined ? undefined : MapReader.of(on, 'on', problems);
  take(reader, 'success', 'success');
  take(reader, 'failure', 'failure');
  reader?.done();
  if (!hooks.has('deploy')) problems.add(strategy.at, `${kind} needs 'deploy'.`);
  return hooks;
}

function readIncrements(reader: MapReader, problems: Problems): readonly string[] {
  const increments = reader.strings('increments') ?? [];
  if (increments.length === 0) problems.add(reader.at, "canary needs 'increments', e.g. [10, 20].");
  for (const [index, one] of increments.entries()) {
    if (!/^([1-9]\d?|100)$/.test(one)) problems.add(reader.node('increments')?.at ?? reader.at, `An increment is a whole number from 1 to 100, not ${one}.`);
    if (increments.indexOf(one) !== index) problems.unsupported(reader.node('increments')?.at ?? reader.at, `the increment ${one} twice: its outputs would have the same names`);
  }
  return increments;
}

/** Source: yaml-schema, jobs.deployment.strategy.rolling: a number, or so many per cent of the targets. */
function readMaxParallel(reader: MapReader, problems: Problems): string {
  const text = reader.string('maxParallel') ?? '1';
  if (!/^[1-9]\d*$|^([1-9]\d?|100)%$/.test(text)) problems.add(reader.node('maxParallel')?.at ?? reader.at, `'maxParallel' of rolling is a number or a percentage such as 50%, not ${text}.`);
  return text;
}

/** Reads environment and strategy of a deployment job; undefined, with a problem, when there is no usable strategy. */
export function readDeployment(reader: MapReader, problems: Problems): Deployment | undefined {
  const target = readTarget(reader, problems);
  const node = reader.node('strategy');
  if (node === undefined) problems.add(reader.at, 'A deployment job needs a strategy.');
  const strategy = node === undefined ? undefined : MapReader.of(node, 'strategy', problems);
  if (strategy === undefined) return undefined;
  const kinds = (['runOnce', 'canary', 'rolling'] as const).filter((one) => strategy.has(one));
  const [kind] = kinds;
  const body = kind === undefined ? undefined : strategy.node(kind);
  if (kinds.length === 1) strategy.done();
  else problems.add(strategy.at, 'The strategy of a deployment job is one of runOnce, canary and rolling.');
  const inner = body === undefined || kind === undefined ? undefined : MapReader.of(body, kind, problems);
  if (inner === undefined || kind === undefined || kinds.length > 1) return undefined;
  const hooks = readHooks(inner, kind, problems);
  const increments = kind === 'canary' ? readIncrements(inner, problems) : [];
  const maxParallel = kind === 'rolling' ? readMaxParallel(inner, problems) : '1';
  inner.done();
  return { kind, ...target, hooks, increments, maxParallel, at: inner.at };
}
