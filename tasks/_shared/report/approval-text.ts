import type { Approval } from '../reconcile/approval.js';
import type { Plan } from '../reconcile/plan.js';
import { writes } from '../reconcile/resource.js';
import { many } from '../fleet/wording.js';
import { columns } from './columns.js';
import { largeFleet, type LogPart } from './log-text.js';
import { shortHash, type ApprovedPlan } from './plan-file.js';

/** Where a dry run left its plan, and how to tell it from another one. */
export function planLeftText(path: string, sha256: string): string {
  return `Plan file  ${path} · sha256 ${shortHash(sha256)}`;
}

/** How the plan of now relates to the approved one; each change that nobody approved is a row. */
export function approvedText(plan: Plan, approved: ApprovedPlan, approval: Approval, onDrift: 'fail' | 'apply'): LogPart[] {
  const objections = approval.objections(plan);
  const count = approved.changes.filter((change) => change.writes).length;
  const head = `Approved plan ${shortHash(approved.sha256)} of ${[approved.run, approved.plannedAt].filter((part) => part !== '').join(', ')} · ${count === 0 ? 'no change' : many(count, 'change')}`;
  if (objections.length === 0) {
    const left = plan.filter(({ change }) => writes(change)).length;
    return [count === 0 ? head : `${head}, ${left} of them still to be made`];
  }
  const fate = onDrift === 'apply' ? 'applied all the same (onDrift: apply)' : 'refused, and nothing is written';
  const rows = objections.map(({ resource, problem }) => [`≠ ${resource.cluster ?? 'shared'}`, resource.kind, resource.name, problem.because]);
  const told = columns(rows, '  ');
  return [`${head} · the plan of now goes beyond it in ${many(objections.length, 'point')}: ${fate}`, ...(told.length < largeFleet ? told : [{ title: 'What goes beyond it', lines: told }])];
}
