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
}

/** Starts one bundled task in a process of its own with the environment that an agent gives to it, service connection included. */
export async function runBundled(stage: ContosoStage, task: string, connectionName: string, { inputs, environment = {}, node = process.execPath, temp: kept, started }: TaskStart): Promise<TaskRun> {
  const script = join(await builtTasks(), task, 'index.js');
  const temp = kept ?? mkdtempSync(join(tmpdir(), 'bundled-'));
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
    const child = spawn(node, [script], { cwd: root, env: { ...stage.environment, ...variables, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    started?.(() => void child.kill('SIGINT'));
    let text = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { code, signal, output: text, lines: text.trimEnd().split('\n').filter((line) => !line.startsWith('##vso[task.debug]')), stderr };
  } finally {
    if (kept === undefined) rmSync(temp, { recursive: true });
  }
}

/** A service connection in the agent's environment variables. */
function endpointOf({ id, url, scheme, parameters, data }: ServiceConnection): Record<string, string> {
  const entries = Object.entries(data).map(([name, value]) => [`ENDPOINT_DATA_${id}_${name.toUpperCase()}`, value]);
  return { [`ENDPOINT_URL_${id}`]: url, [`ENDPOINT_AUTH_${id}`]: JSON.stringify({ scheme, parameters }), ...(Object.fromEntries(entries) as Record<string, string>) };
}
