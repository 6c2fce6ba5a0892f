import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContosoStage } from '../demo/contoso-run.js';
import type { ServiceConnection } from '../pipeline/world.js';
import { idOf } from '../simulators/azure/directory.js';
import { builtTasks, root } from './built-tasks.js';

/** How a bundled task ended. */
export interface TaskRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Lines of standard output, debug lines left out. */
  readonly lines: readonly string[];
  /** All of standard output. */
  readonly output: string;
  readonly stderr: string;
  /** What the task said with `task.settaskvariable`, as environment variables of its post-job step. */
  readonly taskVariables: Readonly<Record<string, string>>;
}

/** What a bundled task is started with. */
export interface TaskStart {
  /** Upper-cased for the environment, as the agent does. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Overrides variables of the environment; undefined takes one away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The Node that runs it; default: the one running now. */
  readonly node?: string;
  /** The agent's temp directory, kept afterwards; default: one that is removed. */
  readonly temp?: string;
  /** Called once with what stops the task as the agent would. */
  readonly started?: (interrupt: () => void) => void;
  /** Called once with what kills the task and its children from one moment to the next. */
  readonly killable?: (kill: () => void) => void;
  /** The script of the task to run. */
  readonly script?: 'index.js' | 'post-job.js';
}

/** Starts one bundled task in a process of its own with the environment that an agent gives to it, service connection included. */
export async function runBundled(stage: ContosoStage, task: string, connectionName: string, start: TaskStart): Promise<TaskRun> {
  const { inputs, environment = {}, node = process.execPath, started, killable } = start;
  const script = join(await builtTasks(), task, start.script ?? 'index.js');
  const temp = start.temp ?? mkdtempSync(join(tmpdir(), 'bundled-'));
  const job = { planId: idOf(`plan ${task}`), jobId: idOf(`job ${task}`) };
  const { pipelineWorld } = stage;
  const connection = pipelineWorld.serviceConnection(connectionName);
  if (connection === undefined) throw new Error(`no connection ${connectionName}`);
  const variables = {
    // Where helm keeps what it knows of an API server.
    HOME: temp,
    AGENT_TEMPDIRECTORY: temp,
    SYSTEM_DEFAULTWORKINGDIRECTORY: root,
    SYSTEM_COLLECTIONURI: pipelineWorld.organisation.collectionUri,
    SYSTEM_TEAMPROJECTID: pipelineWorld.project.id,
    SYSTEM_OIDCREQUESTURI: pipelineWorld.oidcRequestUri(job),
    ENDPOINT_AUTH_SYSTEMVSSCONNECTION: JSON.stringify({ scheme: 'OAuth', parameters: { AccessToken: pipelineWorld.jobToken(job) } }),
    ...endpointOf(connection),
    ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  };
  try {
    const child = spawn(node, [script], { cwd: root, env: { ...stage.environment, ...variables, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], detached: killable !== undefined });
    killable?.(() => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    });
    started?.(() => void child.kill('SIGINT'));
    let text = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const lines = text.trimEnd().split('\n').filter((line) => !line.startsWith('##vso[task.debug]'));
    return { code, signal, output: text, lines, stderr, taskVariables: taskVariablesIn(text) };
  } finally {
    if (start.temp === undefined) rmSync(temp, { recursive: true });
  }
}

function taskVariablesIn(output: string): Record<string, string> {
  const said = [...output.matchAll(/^##vso\[task\.settaskvariable variable=(\w+);[^\]]*\](.*)$/gm)];
  return Object.fromEntries(said.map(([, name = '', value = '']) => [`VSTS_TASKVARIABLE_${name.toUpperCase()}`, value]));
}

/** A service connection in the agent's environment variables. */
function endpointOf({ id, url, scheme, parameters, data }: ServiceConnection): Record<string, string> {
  const entries = Object.entries(data).map(([name, value]) => [`ENDPOINT_DATA_${id}_${name.toUpperCase()}`, value]);
  return { [`ENDPOINT_URL_${id}`]: url, [`ENDPOINT_AUTH_${id}`]: JSON.stringify({ scheme, parameters }), ...(Object.fromEntries(entries) as Record<string, string>) };
}
