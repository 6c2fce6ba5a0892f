import type { Located, TaskStep } from '../compile/model.js';
import type { Problems } from '../problems.js';
import type { PipelineWorld, ServiceConnection } from '../world.js';
import type { TaskInput, TaskLibrary, TaskManifest } from './manifest.js';
import { isVisible } from './visible-rule.js';

/** The input that a name or an alias means. */
export function inputNamed(manifest: TaskManifest, name: string): TaskInput | undefined {
  const lower = name.toLowerCase();
  return manifest.inputs.find((one) => one.name.toLowerCase() === lower || one.aliases.some((alias) => alias.toLowerCase() === lower));
}

export function isConnection(input: TaskInput): boolean {
  return input.type.toLowerCase().startsWith('connectedservice:');
}

/** The given inputs by their real names. */
export function givenInputs(manifest: TaskManifest, step: TaskStep): ReadonlyMap<string, Located> {
  return new Map([...step.inputs].flatMap(([name, value]) => {
    const input = inputNamed(manifest, name);
    return input === undefined ? [] : [[input.name, value] as const];
  }));
}

/** The service connections that a step names; unknown ones are left out (they are problems already). */
export function connectionsOf(manifest: TaskManifest, step: TaskStep, world: PipelineWorld): readonly ServiceConnection[] {
  const given = givenInputs(manifest, step);
  return manifest.inputs.filter(isConnection).flatMap((input) => {
    const text = given.get(input.name)?.text.trim();
    return text === undefined || text === '' ? [] : (world.serviceConnection(text) ?? []);
  });
}

function checkConnection(input: TaskInput, value: Located, world: PipelineWorld, problems: Problems): void {
  const name = value.text.trim();
  if (name === '') return;
  if (name.includes('$(') || name.includes('$[')) {
    problems.add(value.at, `Input '${input.name}' names a service connection by a runtime variable, ${name}. Azure Pipelines authorizes service connections before the run starts: use a literal or a template expression.`);
    return;
  }
  const connection = world.serviceConnection(name);
  const unauthorized = 'which could not be found. The service connection does not exist, has been disabled or has not been authorized for use.';
  if (connection === undefined || connection.authorized === false) problems.add(value.at, `The pipeline is not valid. Step input ${input.name} references service connection ${name} ${unauthorized}`);
  else if (connection.type.toLowerCase() !== input.type.slice('connectedService:'.length).toLowerCase()) {
    problems.add(value.at, `Step input ${input.name} expects a service connection of type ${input.type.slice('connectedService:'.length)} but ${name} is of type ${connection.type}.`);
  }
}

function checkNames(manifest: TaskManifest, step: TaskStep, problems: Problems): void {
  const seen = new Map<string, string>();
  for (const [name, value] of step.inputs) {
    const input = inputNamed(manifest, name);
    if (input === undefined) problems.add(value.at, `The task ${step.task} has no input '${name}'.`);
    else if (seen.has(input.name)) problems.add(value.at, `The input '${input.name}' of ${step.task} is given twice: '${seen.get(input.name) ?? ''}' and '${name}'.`);
    else seen.set(input.name, name);
  }
}

function checkRequired(manifest: TaskManifest, step: TaskStep, given: ReadonlyMap<string, Located>, problems: Problems): void {
  const value = (name: string): string | undefined => given.get(name)?.text ?? manifest.inputs.find((one) => one.name === name)?.defaultValue;
  for (const input of manifest.inputs) {
    if (!input.required || (value(input.name) ?? '').trim() !== '') continue;
    const group = input.groupName === undefined ? undefined : manifest.groupRules.get(input.groupName);
    if (isVisible(input.visibleRule, value) && isVisible(group, value)) problems.add(step.at, `A value is required for the input '${input.name}' of ${step.task}.`);
  }
}

/** Checks a task step as the service does when the run is queued: task, inputs, service connections. */
export function checkTaskStep(step: TaskStep, tasks: TaskLibrary, world: PipelineWorld, problems: Problems): void {
  const [name = '', major = ''] = step.task.split('@');
  const manifest = tasks.find(step.task);
  if (manifest === undefined) {
    const others = tasks.named(name).map((task) => `${task.name}@${task.major}`);
    const hint = others.length > 0 ? ` Installed: ${others.join(', ')}.` : '';
    if (!/^\d+$/.test(major)) problems.add(step.at, `A task is named Name@MajorVersion, not '${step.task}'.${hint}`);
    else problems.add(step.at, `A task is missing. The pipeline references a task called '${name}' in version ${major}, which is not among the bundled tasks.${hint}`);
    return;
  }
  if (manifest.main === undefined) problems.unsupported(step.at, `the task ${step.task}, which has no Node handler`);
  if (manifest.hasPreJob) problems.unsupported(step.at, `prejobexecution of ${step.task}`);
  checkNames(manifest, step, problems);
  const given = givenInputs(manifest, step);
  for (const input of manifest.inputs.filter(isConnection)) {
    const value = given.get(input.name);
    if (value !== undefined) checkConnection(input, value, world, problems);
  }
  checkRequired(manifest, step, given, problems);
}
