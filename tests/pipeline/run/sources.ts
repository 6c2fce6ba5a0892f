import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Job, Step } from '../compile/model.js';
import type { RunContext } from './job-context.js';

/** The job cannot be set up; says why and what to do. */
export class SetupError extends Error {}

/** Sources are checked out unless a step says `none`; a deployment job has them only where a step asks. Source: deployment-jobs docs. */
function checkouts(job: Job, steps: readonly Step[]): readonly string[] {
  const named = [...new Set(steps.flatMap((step) => (step.kind === 'checkout' ? [step.repository] : [])))];
  if (named.includes('none')) return [];
  return named.length === 0 && job.deployment === undefined ? ['self'] : named;
}

/**
 * The folder that steps start in: the one repository's own, or one with a folder for each, named like it.
 * Source: azure-devops-docs, repos/multi-repo-checkout.
 * @param build the job's own folder.
 * @throws {SetupError} when two repositories would share a folder.
 */
export function prepareSources(run: RunContext, job: Job, steps: readonly Step[], build: string): string {
  const folders = checkouts(job, steps).map((alias) => (alias === 'self' ? run.sourcesFolder : (run.repositories[alias] ?? run.sourcesFolder)));
  const [only, second] = folders;
  if (only !== undefined && second === undefined) return only;
  const shared = join(build, 's');
  mkdirSync(shared, { recursive: true });
  for (const folder of folders) {
    const link = join(shared, basename(folder));
    if (existsSync(link)) throw new SetupError(`Two repositories would be checked out to ${basename(folder)}: give one of their folders another name.`);
    symlinkSync(folder, link, 'junction');
  }
  return shared;
}
