import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';

/** The agent's patience with a process that is being cancelled, in milliseconds. Source: azure-pipelines-agent, ProcessInvoker. */
const interruptGrace = 7500;
const terminateGrace = 2500;

export interface ProcessRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Aborting sends SIGINT, 7.5 s later SIGTERM, 2.5 s later SIGKILL, to the process and its children. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Windows: pass the arguments to cmd as they are. */
  readonly verbatim?: boolean;
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch (error) {
    // The process may have ended in between; anything else is a mistake of ours.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function stop(child: ChildProcess, clock: Clock, ended: AbortSignal): Promise<void> {
  kill(child, 'SIGINT');
  await clock.sleep(interruptGrace, ended);
  kill(child, 'SIGTERM');
  await clock.sleep(terminateGrace, ended);
  kill(child, 'SIGKILL');
}

async function lines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) onLine(line);
}

/** Runs a process to its end and hands over its lines. @returns its exit code; 128 when a signal ended it. */
export async function runProcess(request: ProcessRequest): Promise<number> {
  const child = spawn(request.command, [...request.args], {
    cwd: request.cwd,
    env: { ...request.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsVerbatimArguments: request.verbatim === true,
  });
  const ended = new AbortController();
  const onAbort = (): void => {
    stop(child, request.clock, ended.signal).catch(() => undefined);
  };
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve(code ?? 128);
    });
  });
  const output = Promise.all([
    lines(child.stdout, (line) => request.onLine(line, 'stdout')),
    lines(child.stderr, (line) => request.onLine(line, 'stderr')),
  ]);
  if (request.signal.aborted) onAbort();
  else request.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const [code] = await Promise.all([exit, output]);
    return code;
  } finally {
    request.signal.removeEventListener('abort', onAbort);
    ended.abort(new Error('The process has ended.'));
  }
}
