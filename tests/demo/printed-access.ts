import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess, type Ended } from '../tools/run-process.js';
import { startContoso, type ContosoStage } from './contoso-run.js';
import { explainAccess } from './keep.js';

/** What `npm run demo -- --keep` leaves behind, for somebody who has only read what it printed. */
export interface PrintedAccess {
  readonly stage: ContosoStage;
  /** The commands that the instructions show, in their order, without those that set variables. */
  readonly shown: readonly string[];
  /** Runs a command line in a shell that was prepared as the instructions say. Whatever is in `$WORK` is the caller's own. */
  run(line: string, input?: string): Promise<Ended>;
  close(): Promise<void>;
}

/** Starts the world of the demo, and reads the instructions that are printed for it; nothing else is known about it. For Linux and macOS. */
export async function printedAccess(): Promise<PrintedAccess> {
  const stage = await startContoso();
  const printed: string[] = [];
  const stopRenewal = await explainAccess(stage, (line) => printed.push(line));
  const commands = printed.flatMap((line) => /^ {2}(\S.*)$/.exec(line)?.[1] ?? []);
  const settings = commands.filter((line) => line.startsWith('export '));
  assert.ok(settings.length > 0, `no variables to set were printed:\n${printed.join('\n')}`);
  const work = await mkdtemp(join(tmpdir(), 'foreign-clients-'));
  const environment = { HOME: work, WORK: work, PATH: process.env.PATH ?? '' };
  return {
    stage,
    shown: commands.filter((line) => !line.startsWith('export ')),
    run: (line, input) => runProcess('/bin/sh', ['-c', `${settings.join('\n')}\n${line}`], environment, input),
    close: async () => {
      stopRenewal();
      await stage.close();
      await rm(work, { recursive: true, force: true });
    },
  };
}
