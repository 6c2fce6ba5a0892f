import { delimiter, isAbsolute, resolve } from 'node:path';
import type { TaskStep } from '../compile/model.js';
import type { TaskManifest } from '../validate/manifest.js';
import { connectionsOf, givenInputs, isConnection } from '../validate/task-inputs.js';
import type { ServiceConnection } from '../world.js';
import type { JobContext } from './job-context.js';
import { environmentName } from './variables.js';

/** All that a process on the agent inherits from the machine. */
const inherited = process.platform === 'win32'
  ? ['PATH', 'SystemRoot', 'ComSpec', 'PATHEXT', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'TEMP', 'TMP']
  : ['PATH', 'HOME'];

/** Authorization parameters that are no secrets; every other value is masked. Source: agent, MaskingUtil. */
const publicParameters = ['tenantid', 'serviceprincipalid', 'authenticationtype', 'scheme', 'scope', 'role', 'username', 'issuedat', 'expiresat', 'workloadidentityfederationissuer', 'workloadidentityfederationsubject'];

type MutableEnvironment = Record<string, string>;

/** Adds what is secret in a connection to the masker. */
function maskConnection(connection: ServiceConnection, job: JobContext): void {
  for (const [key, value] of Object.entries(connection.parameters)) {
    if (!publicParameters.includes(key.toLowerCase())) job.run.masker.add(value);
  }
}

function addConnection(connection: ServiceConnection, env: MutableEnvironment): void {
  const { id } = connection;
  env[`ENDPOINT_URL_${id}`] = connection.url;
  env[`ENDPOINT_AUTH_${id}`] = JSON.stringify({ parameters: connection.parameters, scheme: connection.scheme });
  env[`ENDPOINT_AUTH_SCHEME_${id}`] = connection.scheme;
  for (const [key, value] of Object.entries(connection.parameters)) env[`ENDPOINT_AUTH_PARAMETER_${id}_${environmentName(key)}`] = value;
  if (id === 'SYSTEMVSSCONNECTION') return;
  env[`ENDPOINT_DATA_${id}`] = JSON.stringify(connection.data);
  for (const [key, value] of Object.entries(connection.data)) env[`ENDPOINT_DATA_${id}_${environmentName(key)}`] = value;
}

function systemConnection(job: JobContext): ServiceConnection {
  const { world } = job.run;
  return {
    id: 'SYSTEMVSSCONNECTION',
    name: 'SystemVssConnection',
    type: 'System',
    url: world.organisation.collectionUri,
    scheme: 'OAuth',
    // The step has just been given it.
    parameters: { AccessToken: job.variables.value('System.AccessToken') ?? '' },
    data: {},
  };
}

/** PATH, HOME and what the world adds: the machine's own environment stays outside. */
function base(job: JobContext): MutableEnvironment {
  const env: MutableEnvironment = {};
  for (const name of inherited) {
    const value = job.run.hostEnvironment[name];
    if (value !== undefined) env[name] = value;
  }
  return Object.assign(env, job.run.world.environmentVariables);
}

function addVariables(job: JobContext, env: MutableEnvironment, secrets: boolean): void {
  const all = job.variables.all();
  for (const one of all.filter((variable) => !variable.secret)) {
    // The agent sets this one under its plain name as well.
    if (one.name.toLowerCase() === 'agent.jobstatus') env['agent.jobstatus'] = one.value;
    env[environmentName(one.name)] = one.value;
  }
  if (!secrets) return;
  for (const one of all.filter((variable) => variable.secret)) env[`SECRET_${environmentName(one.name)}`] = one.value;
  env.VSTS_PUBLIC_VARIABLES = JSON.stringify(all.filter((one) => !one.secret).map((one) => one.name));
  env.VSTS_SECRET_VARIABLES = JSON.stringify(all.filter((one) => one.secret).map((one) => one.name));
}

function addPath(job: JobContext, env: MutableEnvironment): void {
  if (job.prependPath.length > 0) env.PATH = [...job.prependPath].reverse().concat(env.PATH ?? []).join(delimiter);
}

function addStepEnv(job: JobContext, given: ReadonlyMap<string, { readonly text: string }>, env: MutableEnvironment): void {
  for (const [name, value] of given) env[name] = job.variables.expand(value.text.trim());
}

/** The environment of a script: public variables and what the step maps; no inputs, no endpoints, no secrets. */
export function scriptEnvironment(job: JobContext, given: ReadonlyMap<string, { readonly text: string }>): Readonly<Record<string, string>> {
  const env = base(job);
  addVariables(job, env, false);
  addStepEnv(job, given, env);
  addPath(job, env);
  return env;
}

/** The values of a task's inputs: defaults, what the step gives, macros expanded, connections as ids, file paths absolute. */
export function inputValues(job: JobContext, step: TaskStep, manifest: TaskManifest): ReadonlyMap<string, string> {
  const given = givenInputs(manifest, step);
  return new Map(
    manifest.inputs.map((input) => {
      const value = job.variables.expand((given.get(input.name)?.text ?? input.defaultValue).trim());
      if (isConnection(input)) return [input.name, job.run.world.serviceConnection(value)?.id ?? value] as const;
      // A relative or empty file path starts from the sources. Source: agent, TaskRunner.TranslateFilePathInput.
      if (input.type.toLowerCase() === 'filepath' && !isAbsolute(value)) return [input.name, resolve(job.folders.sources, value)] as const;
      return [input.name, value] as const;
    }),
  );
}

/** The environment in which the agent starts a task's Node handler. Source: azure-pipelines-agent, Handler.cs. */
export function taskEnvironment(job: JobContext, step: TaskStep, manifest: TaskManifest, taskVariables: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const env = base(job);
  addVariables(job, env, true);
  for (const [name, value] of inputValues(job, step, manifest)) env[`INPUT_${environmentName(name)}`] = value;
  for (const connection of [systemConnection(job), ...connectionsOf(manifest, step, job.run.world)]) {
    maskConnection(connection, job);
    addConnection(connection, env);
  }
  for (const [name, value] of taskVariables) env[`VSTS_TASKVARIABLE_${environmentName(name)}`] = value;
  addStepEnv(job, step.env, env);
  addPath(job, env);
  return env;
}
