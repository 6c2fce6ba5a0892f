import { boundaryCheck } from '../azure/boundary-check.js';
import type { Azure } from '../azure/azure.js';
import type { PolicyOrigin } from '../fleet/policy-origin.js';
import type { PreflightCheck } from '../reconcile/check.js';
import { shortHash } from '../report/plan-file.js';
import type { GivenPolicy } from './boundary-input.js';
import type { PlanInput } from './plan-input.js';

/** What a task with boundaries tells the frame of its run. */
export interface Guarded {
  readonly checks: readonly PreflightCheck[];
  /** Absent when the run goes without a policy. */
  readonly policy?: PolicyOrigin;
}

/** A plan was approved as it was judged: under another policy, or none, it has to be approved again, unless `onDrift` says to apply it. */
export function policyAsApproved(plan: PlanInput | undefined, policy: PolicyOrigin | undefined): PreflightCheck[] {
  if (plan?.approved === undefined || plan.onDrift === 'apply' || plan.approved.policySha256 === policy?.sha256) return [];
  const named = (sha256: string | undefined): string => (sha256 === undefined ? 'no boundary policy' : `the boundary policy with sha256 ${shortHash(sha256)}`);
  const problem = {
    code: 'WI3003',
    what: 'The boundary policy is not the one that the plan was approved with',
    because: `the plan was made with ${named(plan.approved.policySha256)}, and this run has ${named(policy?.sha256)}`,
    remedy: 'run the plan again and have it approved, or set onDrift to apply where a plan that changed may be applied',
  };
  return [{ inspect: () => Promise.resolve({ findings: [{ scope: 'run', resource: 'boundary policy', problem, awaits: false }], notes: [] }) }];
}

const unguarded: PreflightCheck = { inspect: () => Promise.resolve({ findings: [], notes: ['boundaries not looked at (boundaryPolicy: none)'] }) };

/**
 * The check of a run against its boundary policy.
 * @param others Azure as the run's other service connections see it: they may place objects that its own does not see
 */
export function guarded(given: GivenPolicy, { azure }: { readonly azure: Azure }, others: readonly Azure[] = []): Guarded {
  if (given === undefined) return { checks: [unguarded] };
  const { policy, origin } = given;
  const neighbours = others.filter((other) => other !== azure);
  return { checks: [boundaryCheck({ policy, path: origin.path }, [azure, ...neighbours])], policy: origin };
}
