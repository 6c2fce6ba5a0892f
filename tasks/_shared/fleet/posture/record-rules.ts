import type { Read } from '../../reconcile/attempt.js';
import { some } from '../wording.js';
import { fail, judged, notApplicable, pass, type Verdicts } from './namespace-view.js';
import { section } from './procedures.js';
import type { RuleText, Verdict } from './rule.js';

/** An object that a ledger tells of, and how it is now. */
export interface LedgerObject {
  /** As reports call it: `AcrPull on …`. */
  readonly title: string;
  /** How it differs from what was written, in a clause; undefined where it does not. */
  readonly difference: Read<string | undefined>;
}

/** What an audit needs to have read, so that its silence means something. */
export type Reach = 'cluster' | 'namespaces' | 'access';

function reachRule(what: Reach, title: string, remedy: string): RuleText {
  return { id: `audit-reads-${what}`, title, severity: 'high', source: [section('enterpriseScale', 'Design recommendations for operator access'), section('crossGroups', 'Next Steps')], remedy, dependants: [] };
}

/** Rules that fail nothing and pass only what was looked at: what an audit could not read it cannot judge. */
export const reachRules: Readonly<Record<Reach, RuleText>> = {
  cluster: reachRule('cluster', 'The audit could read the cluster', 'Correct the list of clusters, or give the service connection the role Workload Identity Auditor of templates/bootstrap there'),
  namespaces: reachRule('namespaces', 'The audit could read the namespaces of the cluster', 'Start the cluster; run on an agent that reaches its API server; or give the service connection the role Workload Identity Auditor of templates/bootstrap there'),
  access: reachRule('access', 'The audit could read identities, grants and whatever else access goes by', 'Correct the list of identities, or give the service connection the role Workload Identity Auditor of templates/bootstrap at the subscription'),
};

/** Whether a part of what is audited could be read. */
export function reached(read: Read<string>): Verdict {
  return 'found' in read ? { outcome: 'pass', evidence: read.found } : { outcome: 'unknown', evidence: read.unread };
}

/** Whether what runs wrote is still as they wrote it. */
export const driftRule: RuleText = {
  id: 'ledger-drift',
  title: 'What the ledgers tell of is as it was written',
  severity: 'medium',
  source: [section('crossGroups', 'Potential Concerns'), section('sop', 'Auditing')],
  remedy: 'Find out who changed it (Activity Log); run the task again that wrote it, or take it back with state: absent',
  dependants: [],
};

/** One verdict for each object that differs; else one for all of them. */
export function judgeDrift(objects: readonly LedgerObject[] | undefined): Verdicts {
  if (objects === undefined) return [notApplicable('no ledger was given')];
  const faults = objects.flatMap(({ title, difference }) => ('found' in difference && difference.found !== undefined ? [fail(difference.found, title)] : []));
  const open = objects.flatMap(({ title, difference }) => ('unread' in difference ? [`${title}: ${difference.unread}`] : []));
  return judged(faults, open, () => (objects.length === 0 ? notApplicable('the ledgers tell of nothing that is looked at here') : pass(`${some(objects.map(({ title }) => title), 3)}: as written`)));
}
