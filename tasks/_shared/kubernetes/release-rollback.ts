import { attempt } from '../reconcile/attempt.js';
import type { Problem } from '../reconcile/problem.js';
import type { Writer } from '../reconcile/resource.js';
import type { HelmArgument } from './connection.js';
import type { ReleaseSettings } from './release-blueprint.js';
import { newestRevision, revisionsOf } from './release-revisions.js';

/** What became of a release whose upgrade failed, as it was seen afterwards. */
export type RolledBack =
  /** What an earlier revision had runs again, as a new revision. */
  | { readonly outcome: 'restored'; readonly to: number; readonly as: number }
  /** It was the first one, and nothing of it is left. */
  | { readonly outcome: 'removed' }
  /** Helm had made no revision of it: what ran before runs still. */
  | { readonly outcome: 'untouched' }
  /** No revision of it ever ran that it could go back to, and some of it was there before. */
  | { readonly outcome: 'left'; readonly revision: number }
  | { readonly outcome: 'failed'; readonly because: string };

/**
 * Takes a failed release back: to the newest revision that ran before, or away altogether where this run made the first one. What is told is what
 * Helm's records say afterwards, and not what a command promised. Never throws for what the cluster or helm refuse; throws when the run is cancelled.
 * @param before number of the newest revision before the run; 0 when there was none
 * @param run runs helm
 */
export async function rollBack(settings: RollbackSettings, before: number, writer: Writer, run: RunHelm): Promise<RolledBack> {
  const taken = await attempt(writer.signal, () => takeBack(settings, before, writer, run));
  return 'found' in taken ? taken.found : { outcome: 'failed', because: taken.unread };
}

/** What is taken back, and how helm is told to wait. */
export type RollbackSettings = Pick<ReleaseSettings, 'connection' | 'namespace' | 'release' | 'timeoutMs'> & { readonly waitFlag: string };

type RunHelm = (line: readonly HelmArgument[]) => Promise<string>;

async function takeBack({ connection, namespace, release, timeoutMs, waitFlag }: Parameters<typeof rollBack>[0], before: number, writer: Writer, run: RunHelm): Promise<RolledBack> {
  const revisions = await revisionsOf(connection, namespace, release);
  const [newest] = revisions;
  if (newest === undefined) return { outcome: 'removed' };
  if (newest.number <= before) return { outcome: 'untouched' };
  // A revision that Helm replaced without one that is deployed now is one that ran: the same choice as Helm's own --atomic.
  const target = revisions.find(({ status }) => status === 'deployed') ?? revisions.find(({ status }) => status === 'superseded');
  if (target === undefined && before > 0) return { outcome: 'left', revision: newest.number };
  const object = `helm release ${namespace}/${release}`;
  const waiting = ['--namespace', namespace, waitFlag, '--timeout', `${Math.ceil(timeoutMs / 1_000)}s`];
  const back = target === undefined
    ? { line: ['uninstall', release], change: { action: 'delete' }, told: 'helm uninstall' }
    : { line: ['rollback', release, String(target.number)], change: { action: 'update', after: `what revision ${target.number} had` }, told: `helm rollback to revision ${target.number}` };
  const intent = { ...back.change, object, before: `revision ${newest.number}, ${newest.status}`, widens: false };
  writer.progress(back.told);
  // Whatever helm says of it, its records are looked at.
  const sent = await attempt(writer.signal, () => writer.write(intent, () => run([...back.line, ...waiting])));
  const now = await newestRevision(connection, namespace, release);
  if (target === undefined && now === undefined) return { outcome: 'removed' };
  if (target !== undefined && now?.status === 'deployed' && now.number > newest.number) return { outcome: 'restored', to: target.number, as: now.number };
  return { outcome: 'failed', because: 'unread' in sent ? sent.unread : now === undefined ? 'nothing of the release is left' : `revision ${now.number} is ${now.status}` };
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
    case 'left':
      return failure.with({ remedy: `${again}; no earlier revision was ever deployed, so there is nothing to go back to: revision ${end.revision} stays as Helm left it` });
    case 'failed':
      return failure.with({
        code: 'WI4213',
        what: `${failure.parts.what}, and could not take it back`,
        because: `${failure.parts.because}; then the rollback failed: ${end.because}`,
        remedy: `look at the release by hand (helm history ${release} --namespace ${namespace}); what runs is neither the old nor the new one for certain`,
      });
  }
}
