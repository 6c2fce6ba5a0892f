import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import type { ScriptStep } from '../compile/model.js';
import { scriptEnvironment } from './agent-environment.js';
import { handleLine } from './apply-command.js';
import { runProcess } from './process.js';
import type { StepContext } from './step-context.js';

/** A program with the file it is to run. */
interface Shell {
  readonly command: string;
  readonly args: readonly string[];
  readonly name: string;
  /** Windows: pass the arguments to cmd as they are. */
  readonly verbatim?: boolean;
}

/** How a script is written to a file and run. */
interface Dialect {
  readonly extension: string;
  readonly text: (script: string, step: ScriptStep) => string;
  readonly shell: (file: string, path: string) => Shell;
}

const windows = process.platform === 'win32';

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** @throws {Error} in the words of the task library (`tl.which`). */
function which(program: string, path: string): string {
  const names = windows ? [`${program}.exe`, `${program}.cmd`] : [program];
  const found = path.split(delimiter).filter((folder) => folder !== '').flatMap((folder) => names.map((name) => join(folder, name))).find(isProgram);
  if (found !== undefined) return found;
  throw new Error(`Unable to locate executable file: '${program}'. Please verify either the file path exists or the file can be found within a directory specified by the PATH environment variable.`);
}

const command: Dialect = {
  extension: '.cmd',
  text: (script) => `@echo off\r\n${script.replace(/\r?\n/g, '\r\n')}`,
  shell: (file) => ({ command: 'cmd.exe', args: ['/D', '/E:ON', '/V:OFF', '/S', '/C', `"CALL "${file}""`], name: 'Cmd.exe', verbatim: true }),
};

const bash: Dialect = {
  extension: '.sh',
  text: (script) => script,
  shell: (file) => {
    const found = ['/bin/bash', '/usr/bin/bash'].find((path) => existsSync(path));
    return found === undefined ? { command: '/bin/sh', args: [file], name: 'Sh' } : { command: found, args: ['--noprofile', '--norc', file], name: 'Bash' };
  },
};

/** Preferences first, the exit code of the last program last. Source: azure-pipelines-tasks, PowerShellV2. */
function powerShell(program: string): Dialect {
  return {
    extension: '.ps1',
    text: (script, step) => {
      const preferences = new Map([['errorActionPreference', 'stop'], ...step.preferences]);
      const exit = 'if (Test-Path -LiteralPath variable:\\LASTEXITCODE) { exit $LASTEXITCODE }';
      return [...[...preferences].map(([name, value]) => `$${name} = '${value}'`), script, ...(step.ignoreLastExitCode ? [] : [exit])].join('\n');
    },
    shell: (file, path) => ({ command: which(program, path), args: ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', `. '${file.replaceAll("'", "''")}'`], name: 'PowerShell' }),
  };
}

function dialect(step: ScriptStep): Dialect {
  switch (step.shell) {
    case 'script':
      return windows ? command : bash;
    case 'bash':
      return bash;
    case 'pwsh':
      return powerShell('pwsh');
    case 'powershell':
      // Only Windows has the other one. Source: azure-pipelines-tasks, PowerShellV2.
      return powerShell(windows ? 'powershell' : 'pwsh');
  }
}

/** Runs a script step; its exit code and, when asked, its standard error decide the result. @throws {Error} when there is no such shell. */
export async function runScript(context: StepContext, step: ScriptStep, signal: AbortSignal): Promise<void> {
  const { job } = context;
  const { extension, text, shell } = dialect(step);
  const file = join(job.folders.temp, `${randomUUID()}${extension}`);
  const env = scriptEnvironment(job, step.env);
  const program = shell(file, env.PATH ?? '');
  writeFileSync(file, text(job.variables.expand(step.script), step), { mode: 0o700 });
  job.log.line(['Generating script.', `${'='.repeat(26)} Starting Command Output ${'='.repeat(27)}`, `##[command]${[program.command, ...program.args].join(' ')}`].join('\n'));
  const seen = new Set<string>();
  const code = await runProcess({
    command: program.command,
    args: program.args,
    cwd: resolve(job.folders.sources, job.variables.expand(step.workingDirectory ?? '')),
    env,
    onLine: (line, stream) => {
      seen.add(stream);
      handleLine(line, context);
    },
    signal,
    clock: job.run.clock,
    verbatim: program.verbatim === true,
  });
  context.exitCode = code;
  if (signal.aborted) return;
  if (code !== 0) context.fail(`${program.name} exited with code '${code}'.`);
  else if (step.failOnStderr && seen.has('stderr')) context.fail(`${program.name} wrote one or more lines to the standard error stream.`);
}
