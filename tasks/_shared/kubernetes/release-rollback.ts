import { attempt } from '../reconcile/attempt.js';
import { operate, type OperationSettings } from './helm-operation.js';
import { newestRevision, revisionsOf, type Revision } from './release-revisions.js';
import { deploymentSite } from './rollout-watch.js';
import type { Deployed, TakeBackWriter, TakenBack } from './take-back.js';

/**
 * A release that this run works on. It goes back to the newest revision that ran before, or away altogether where this run made the first one. What is told is what
 * Helm's records say afterwards, and not what a command promised.
 * @param before number of the newest revision before the run; 0 when there was none
 */
export function deployedRelease(settings: RollbackSettings, before: number): Deployed {
  const { namespace, release, timeoutMs } = settings;
  return {
    rollout: (signal) => ({ ...deploymentSite(settings, signal), timeoutMs, title: `${namespace}/${release}` }),
    code: 'WI4213',
    byHand: `look at the release by hand (helm history ${release} --namespace ${namespace})`,
    takeBack: async (writer) => {
      const taken = await attempt(writer.signal, () => takeBack(settings, before, writer));
      return 'found' in taken ? taken.found : { failed: taken.unread };
    },
  };
}

/** What is taken back, and how helm is told to wait. */
export type RollbackSettings = OperationSettings & { readonly waitFlag: string };

async function takeBack(settings: RollbackSettings, before: number, writer: TakeBackWriter): Promise<TakenBack> {
  const { connection, namespace, release, timeoutMs, waitFlag } = settings;
  const revisions = await revisionsOf(connection, namespace, release);
  const [newest] = revisions;
  if (newest === undefined) return removed;
  if (newest.number <= before) return { then: 'nothing', told: 'what ran before runs still' };
  const target = formerOf(revisions, before);
  if (target === undefined && before > 0) {
    return { then: 'nothing', told: `no earlier revision was ever deployed, so there is nothing to go back to: revision ${newest.number} stays as Helm left it` };
  }
  const object = `helm release ${namespace}/${release}`;
  const waiting = ['--namespace', namespace, waitFlag, '--timeout', `${Math.ceil(timeoutMs / 1_000)}s`];
  const back = target === undefined
    ? { line: ['uninstall', release], change: { action: 'delete' }, told: 'helm uninstall' }
    : { line: ['rollback', release, String(target.number)], change: { action: 'update', after: `what revision ${target.number} had` }, told: `helm rollback to revision ${target.number}` };
  const intent = { ...back.change, object, before: `revision ${newest.number}, ${newest.status}`, widens: false };
  writer.progress(back.told);
  // Whatever helm says of it, its records are looked at.
  const sent = await attempt(writer.signal, () => writer.write(intent, () => operate(settings, [...back.line, ...waiting], writer.signal)));
  const now = await newestRevision(connection, namespace, release);
  if (target === undefined && now === undefined) return removed;
  if (target !== undefined && now?.status === 'deployed' && now.number > newest.number) return { then: 'runs', told: `the release has what revision ${target.number} had, as revision ${now.number}` };
  return { failed: 'unread' in sent ? sent.unread : now === undefined ? 'nothing of the release is left' : `revision ${now.number} is ${now.status}` };
}

const removed: TakenBack = { then: 'gone', told: 'it was the first revision, and nothing of the release is left' };

/** The newest revision of before that ran: Helm replaces only what was deployed. The same choice as Helm's own --atomic. */
function formerOf(revisions: readonly Revision[], before: number): Revision | undefined {
  const former = revisions.filter(({ number }) => number <= before);
  return former.find(({ status }) => status === 'deployed') ?? former.find(({ status }) => status === 'superseded');
}
