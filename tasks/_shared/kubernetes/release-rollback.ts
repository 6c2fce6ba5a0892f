import { Problem } from '../reconcile/problem.js';
import type { Writer } from '../reconcile/resource.js';
import type { HelmArgument } from './connection.js';
import type { ReleaseBlueprint } from './release-blueprint.js';
import { newestRevision, revisionsOf } from './release-revisions.js';

/** What became of a release whose upgrade failed, as it was seen afterwards. */
export type RolledBack =
  /** What an earlier revision had runs again, as a new revision. */
  | { readonly outcome: 'restored'; readonly to: number; readonly as: number }
  /** It was the first one, and nothing of it is left. */
  | { readonly outcome: 'removed' }
  /** Helm had not begun: what ran before runs still. */
  | { readonly outcome: 'untouched' }
  | { readonly outcome: 'failed'; readonly because: string };

/**
 * Takes a failed release back: to the revision that was deployed before, or away altogether where there was none. What is told is what Helm's records
 * say afterwards, and not what a command promised.
 * @param run runs helm
 */
export async function rollBack({ settings }: ReleaseBlueprint, writer: Writer, run: (line: readonly HelmArgument[]) => Promise<string>): Promise<RolledBack> {
  const { connection, namespace, release, timeoutMs } = settings;
  const revisions = await revisionsOf(connection, namespace, release);
  const [newest] = revisions;
  if (newest === undefined) return { outcome: 'removed' };
  if (newest.status === 'deployed') return { outcome: 'untouched' };
  const target = revisions.find(({ status }) => status === 'deployed');
  const waiting = ['--namespace', namespace, '--wait', '--timeout', `${Math.ceil(timeoutMs / 1_000)}s`];
  const line = target === undefined ? ['uninstall', release, ...waiting] : ['rollback', release, String(target.number), ...waiting];
  const object = `helm release ${namespace}/${release}`;
  const intent = target === undefined ? { action: 'delete', object, widens: false } : { action: 'update', object, before: `revision ${newest.number}, ${newest.status}`, after: `what revision ${target.number} had`, widens: false };
  writer.progress(target === undefined ? 'helm uninstall' : `helm rollback to revision ${target.number}`);
  let because = '';
  try {
    await writer.write(intent, () => run(line));
  } catch (error) {
    writer.signal.throwIfAborted();
    if (!(error instanceof Problem)) throw error;
    because = error.parts.because;
  }
  const now = await newestRevision(connection, namespace, release);
  if (target === undefined) return now === undefined ? { outcome: 'removed' } : { outcome: 'failed', because: because === '' ? `revision ${now.number} is ${now.status} still` : because };
  if (now?.status === 'deployed' && now.number > newest.number) return { outcome: 'restored', to: target.number, as: now.number };
  return { outcome: 'failed', because: because === '' ? `revision ${now?.number ?? newest.number} is ${now?.status ?? 'gone'}` : because };
}

/** The failure of an upgrade with what became of the release. */
export function afterRollback(failure: Problem, end: RolledBack, release: string, namespace: string): Problem {
  const again = 'correct what the message names and run again';
  switch (end.outcome) {
    case 'restored':
      return failure.with({ remedy: `${again}; the release has what revision ${end.to} had, as revision ${end.as}` });
    case 'removed':
      return failure.with({ remedy: `${again}; it was the first revision, and nothing of the release is left` });
    case 'untouched':
      return failure.with({ remedy: `${again}; what ran before runs still` });
    case 'failed':
      return failure.with({
        code: 'WI4213',
        what: `${failure.parts.what}, and could not take it back`,
        because: `${failure.parts.because}; then the rollback failed: ${end.because}`,
        remedy: `look at the release by hand (helm history ${release} --namespace ${namespace}); what runs is neither the old nor the new one for certain`,
      });
  }
}
