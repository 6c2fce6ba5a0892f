import { basename, extname, relative } from 'node:path';
import { buildReasons } from '../run/queued.js';
import { isGood } from '../run/result.js';
import type { RunResult } from '../run/result.js';
import { describeProblem, PipelineRefused } from '../problems.js';
import { readArguments } from './arguments.js';
import type { RunRequest } from './arguments.js';
import type { CommandWorld, WorldRun } from './worlds.js';

/** What the command needs of the process around it. */
export interface CommandHost {
  /** What relative paths start from. */
  readonly folder: string;
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
  readonly worlds: ReadonlyMap<string, CommandWorld>;
  /** Aborting cancels the run. */
  readonly signal: AbortSignal;
  readonly colour: boolean;
}

/** Exit codes: the run succeeded (with issues or without); it did not; it never began. */
export const exitCodes = { succeeded: 0, failed: 1, refused: 2 } as const;

const usage = (worlds: readonly string[]): string => `Runs an Azure Pipelines file on this machine, against simulated services.

  npm run pipeline -- FILE [options]

  --param NAME=VALUE          a parameter; objects and lists as YAML: --param 'rings=[{ name: dev }]'
  --world NAME                where it runs: ${worlds.join(', ')} (default ${worlds[0] ?? ''})
  --reason REASON             Build.Reason: ${buildReasons.join(', ')}
  --branch REF                Build.SourceBranch, e.g. refs/heads/main
  --root FOLDER               the repository: what /-rooted template paths and the sources start from
                              (default: the nearest folder with .git)
  --repository ALIAS=FOLDER   a local folder for a repository resource
  --artifacts FOLDER          keeps published artifacts there
  --containers-on-host        runs container jobs on this machine instead of refusing them
  --check                     compiles and checks, and runs nothing
  --list-worlds               service connections, variable groups and environments of each world
  --help

Ends with 0 when the run succeeded, 1 when it did not, 2 when it was refused before its first job.`;

async function listWorlds({ worlds, print }: CommandHost): Promise<void> {
  const shown = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(', '));
  for (const [name, world] of worlds) {
    const { serviceConnections, variableGroups, environments } = await world.contents();
    print(`${name}: ${world.about}`);
    print(`  service connections  ${shown(serviceConnections)}`);
    print(`  variable groups      ${shown(variableGroups.map((group) => `${group.name} (${group.variables.join(', ')})`))}`);
    print(`  environments         ${shown(environments)}`);
  }
}

/** Results of stages, jobs and copies, and what is wrong where nothing of it is in the log of a step. */
function summary({ result, stages }: RunResult): readonly string[] {
  const lines = stages.flatMap((stage) => [
    `${stage.name}: ${stage.result}`,
    ...stage.jobs.flatMap((job) => [
      `  ${job.name}: ${job.result}`,
      ...(job.instances.length > 1 ? job.instances.map((one) => `    ${one.name}: ${one.result}`) : []),
    ]),
  ]);
  return ['', ...lines, `pipeline: ${result}`];
}

async function runRequest(request: RunRequest, world: CommandWorld, host: CommandHost): Promise<number> {
  const { kind, world: name, checkOnly, file, ...rest } = request;
  const run: WorldRun = { ...rest, file, definitionName: basename(file, extname(file)), output: host.print, signal: host.signal, colour: host.colour };
  const shown = relative(host.folder, file);
  if (checkOnly) {
    await world.check(run);
    host.print(`${shown} would ${kind} in world ${name}.`);
    return exitCodes.succeeded;
  }
  host.print(`Running ${shown} in world ${name} …`);
  const result = await world.run(run);
  for (const line of summary(result)) host.print(line);
  return isGood(result.result) ? exitCodes.succeeded : exitCodes.failed;
}

/** Carries out one command line. @returns the exit code. */
export async function runCommand(args: readonly string[], host: CommandHost): Promise<number> {
  const names = [...host.worlds.keys()];
  const reading = readArguments(args, names, host.folder);
  if ('problems' in reading) {
    for (const problem of reading.problems) host.printError(problem);
    return exitCodes.refused;
  }
  const { request } = reading;
  if (request.kind === 'help') {
    host.print(usage(names));
    return exitCodes.succeeded;
  }
  if (request.kind === 'worlds') {
    await listWorlds(host);
    return exitCodes.succeeded;
  }
  const world = host.worlds.get(request.world);
  if (world === undefined) throw new Error(`No world ${request.world}.`);
  try {
    return await runRequest(request, world, host);
  } catch (error) {
    if (!(error instanceof PipelineRefused)) throw error;
    for (const problem of error.problems) host.printError(describeProblem(problem));
    host.printError(`The pipeline is refused for ${error.problems.length === 1 ? 'one reason' : `${error.problems.length} reasons`}. Nothing has run.`);
    return exitCodes.refused;
  }
}
