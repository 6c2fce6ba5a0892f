import { many } from '../fleet/wording.js';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { TaskCommand } from 'azure-pipelines-task-lib/taskcommand.js';
import { brief } from '../report/columns.js';
import { ledgerName, ledgerText, toLedger } from '../report/ledger.js';
import { ledgerType } from '../report/schema.js';
import { openWrites, unfinishedText, writeTitle } from '../report/write-text.js';
import { readRecord, runFolderVariable, wasClosed, type LeftRecord } from './left-record.js';
import { harmless, writeAtOnce } from './output-stream.js';

/** Of the warning about writes that a kill left open. */
const code = 'WI9010';

/** What a post-job step works with. */
export interface PostJobTools {
  /** The agent's environment of the step. Source: azure-pipelines-agent, Handler.cs: task variables are `VSTS_TASKVARIABLE_*`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly print: (line: string) => void;
}

/**
 * The post-job step of a task, as a process. It runs when the job ends, whatever became of the task. Does not use the task library, so that
 * it starts fast, nor the network. Ends with 0: trouble of its own must not fail a job.
 */
export function runPostJob(task: string): void {
  writeAtOnce(process.stdout);
  postJob(task, { environment: process.env, print: (line) => void process.stdout.write(`${line}\n`) });
}

/** Attaches and tells what a killed run of this step left, and removes its folder. Says nothing after a run that ended by itself. Never throws. */
export function postJob(task: string, { environment, print }: PostJobTools): void {
  const temp = environment.AGENT_TEMPDIRECTORY ?? '';
  const name = environment[`VSTS_TASKVARIABLE_${runFolderVariable}`] ?? '';
  // What is removed has to be ours: a folder right below the job's temp directory with the name that the task gives.
  if (temp === '' || !name.startsWith(`${task}-`) || basename(name) !== name) return;
  const folder = join(temp, name);
  try {
    if (!existsSync(folder)) return;
    if (wasClosed(folder)) print(`${task} left temporary files.`);
    else tell(task, readRecord(folder), temp, print);
  } catch (error) {
    print(harmless(`What the killed run left could not be read: ${String(error)}`));
  }
  remove(folder, print);
}

function tell(task: string, left: LeftRecord | undefined, temp: string, print: (line: string) => void): void {
  print(`${task} was killed before it could end by itself.`);
  const lines = left === undefined ? [] : toLedger(left.journal, left.context);
  if (left === undefined || lines.length === 0) {
    print('It had written nothing.');
    return;
  }
  const open = openWrites(left.journal);
  for (const line of unfinishedText(left.journal)) print(harmless(line));
  if (open.length === 0) print('No write was under way. Run again: the next run goes on from what it finds.');
  else print(command('task.logissue', { type: 'warning' }, harmless(warning(task, open.map(({ entry }) => writeTitle(entry))))));
  const path = join(mkdtempSync(join(temp, 'aks-wi-ledger-')), ledgerName({ task }));
  writeFileSync(path, ledgerText(lines), { mode: 0o600 });
  print(command('task.addattachment', { type: ledgerType, name: basename(path) }, path));
  print(`Ledger   ${many(lines.length, 'write')}, attached`);
}

function warning(task: string, open: readonly string[]): string {
  return brief(`${task} was killed while it wrote, and nobody knows how that ended: ${open.join('; ')}. To do: run again, the next run goes on from what it finds (${code})`, 1000);
}

function remove(folder: string, print: (line: string) => void): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    print('Its temporary files are removed.');
  } catch (error) {
    print(harmless(`Temporary files of the run are still in ${folder}: ${String(error)}. The agent removes them with the job's temp directory.`));
  }
}

function command(name: string, properties: Readonly<Record<string, string>>, message: string): string {
  return new TaskCommand(name, properties, message).toString();
}
