import { existsSync, readFileSync, statSync } from 'node:fs';
import { glob } from './globs.js';
import type { LoggingCommand } from './logging-commands.js';
import { parseCommand } from './logging-commands.js';
import type { Result } from './result.js';
import type { StepContext } from './step-context.js';

/** Commands that Azure Pipelines has and this runner refuses by name. */
const refusedAreas = ['artifact', 'build', 'release'];
const refusedTask = ['uploadfile', 'setendpoint', 'addbuildtag'];
/** Allowed when task.json restricts commands. Source: agent, `CommandRestriction(AllowedInRestrictedMode = true)`. */
const allowedWhenRestricted = ['logdetail', 'logissue', 'issue', 'complete', 'setprogress', 'setsecret', 'setvariable', 'debug', 'settaskvariable', 'prependpath'];
const results: readonly Result[] = ['Succeeded', 'SucceededWithIssues', 'Failed', 'Canceled', 'Skipped'];

class CommandError extends Error {}

function flag(command: LoggingCommand, name: string): boolean {
  return command.properties.get(name)?.toLowerCase() === 'true';
}

function required(command: LoggingCommand, name: string): string {
  const value = command.properties.get(name);
  if (value === undefined || value === '') throw new CommandError(`Required field '${name}' is missing in ##vso[${command.area}.${command.event}] command.`);
  return value;
}

function fileOf(command: LoggingCommand): string {
  const path = command.data.trim();
  if (!existsSync(path) || !statSync(path).isFile()) throw new CommandError(`Cannot upload ${path}: the file does not exist.`);
  return readFileSync(path, 'utf8');
}

function refuseMultiLine(value: string, step: StepContext): void {
  const allowed = step.job.variables.value('SYSTEM_UNSAFEALLOWMULTILINESECRET')?.toLowerCase() === 'true';
  if (/[\r\n]/.test(value.trim()) && !allowed) throw new CommandError('Multi-line secrets are not allowed. Set SYSTEM_UNSAFEALLOWMULTILINESECRET to true to allow them.');
}

function setVariable(command: LoggingCommand, step: StepContext): void {
  const { job } = step;
  const name = required(command, 'variable');
  const secret = flag(command, 'issecret');
  const allowed = step.restrictions.flatMap((one) => one.settableVariables === undefined ? [] : [one.settableVariables]);
  if (secret) {
    refuseMultiLine(command.data, step);
    job.run.masker.add(command.data);
  }
  if (!allowed.every((patterns) => patterns.some((pattern) => glob(pattern).test(name)))) {
    step.issue('warning', `Setting variable ${name} has been disabled by the task or build definition.`);
    return;
  }
  const declared = step.manifest?.outputVariables.some((other) => other.toLowerCase() === name.toLowerCase()) ?? false;
  const isOutput = flag(command, 'isoutput') || declared;
  const full = isOutput ? `${step.name}.${name}` : name;
  const before = job.variables.get(full);
  if (before?.secret === true) job.run.masker.add(command.data);
  if (before?.readOnly === true) throw new CommandError(`Overwriting readonly variable '${full}' is not permitted. See https://github.com/microsoft/azure-pipelines-yaml/blob/master/design/readonly-variables.md for details.`);
  if (isOutput) step.outputs.set(name, command.data);
  job.variables.set(full, command.data, { ...(secret ? { secret } : {}), readOnly: flag(command, 'isreadonly') });
}

function complete(command: LoggingCommand, step: StepContext): void {
  const text = command.properties.get('result') ?? '';
  const result = results.find((one) => one.toLowerCase() === text.toLowerCase());
  if (result === undefined) throw new CommandError(`Command doesn't have valid result value: '${text}'.`);
  step.merge(result);
}

function logIssue(command: LoggingCommand, step: StepContext): void {
  const type = command.properties.get('type')?.toLowerCase();
  if (type !== 'error' && type !== 'warning') throw new CommandError(`issue type ${type ?? ''} is not an expected issue type: error or warning.`);
  step.issue(type, command.data);
}

function taskVariable(command: LoggingCommand, step: StepContext): void {
  if (flag(command, 'issecret')) step.job.run.masker.add(command.data);
  step.taskVariables.set(required(command, 'variable'), command.data);
}

const taskCommands: Readonly<Record<string, (command: LoggingCommand, step: StepContext) => void>> = {
  setvariable: setVariable,
  settaskvariable: taskVariable,
  setsecret: (command, step) => {
    if (command.data === '') throw new CommandError('The value of ##vso[task.setsecret] is empty.');
    step.job.run.masker.add(command.data);
    refuseMultiLine(command.data, step);
  },
  complete,
  logissue: logIssue,
  issue: logIssue,
  setprogress: (command) => {
    const value = Number(required(command, 'value'));
    if (!Number.isInteger(value) || value < 0 || value > 100) throw new CommandError(`Progress is a whole number from 0 to 100, not ${command.properties.get('value') ?? ''}.`);
  },
  logdetail: (command) => void required(command, 'id'),
  debug: (command, step) => {
    if (step.job.variables.value('system.debug')?.toLowerCase() === 'true') step.job.log.line(`##[debug]${command.data}`);
  },
  prependpath: (command, step) => {
    if (command.data.trim() === '') throw new CommandError('Required path is missing in ##vso[task.prependpath] command.');
    step.job.prependPath.push(command.data.trim());
  },
  uploadsummary: (command, step) => void step.summaries.push(fileOf(command)),
  addattachment: (command, step) =>
    void step.attachments.push({ type: required(command, 'type'), name: required(command, 'name'), content: fileOf(command) }),
};

function apply(command: LoggingCommand, step: StepContext): void {
  const name = `##vso[${command.area}.${command.event}]`;
  const inTask = command.area === 'task' && allowedWhenRestricted.includes(command.event);
  const telemetry = command.area === 'telemetry' && command.event === 'publish';
  if (step.restrictions.some((one) => one.restrictedCommands) && !inTask && !telemetry) {
    step.issue('warning', `${name} has been disabled by the task or build definition.`);
    return;
  }
  if (telemetry) return;
  if (refusedAreas.includes(command.area) || (command.area === 'task' && refusedTask.includes(command.event))) {
    throw new CommandError(`not supported by the local runner: ${name}`);
  }
  const handler = command.area === 'task' ? taskCommands[command.event] : undefined;
  if (handler === undefined) throw new CommandError(`${name} is not a recognized command.`);
  handler(command, step);
}

/** One line of a step's output: a logging command is carried out, everything else is printed. */
export function handleLine(line: string, step: StepContext): void {
  const command = parseCommand(line);
  if (command === undefined) {
    step.job.log.line(line);
    return;
  }
  if ('malformed' in command) {
    step.fail(`Unable to process command '${line}': ${command.malformed}.`);
    return;
  }
  try {
    apply(command, step);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    // The data of a refused command may be a secret: only its name is shown.
    step.fail(`Unable to process command '##vso[${command.area}.${command.event}]' successfully: ${error.message}`);
  }
}
