import { boundaryCheck } from '../azure/boundary-check.js';
import type { Azure } from '../azure/azure.js';
import type { PolicyOrigin } from '../fleet/policy-origin.js';
import type { PreflightCheck } from '../reconcile/check.js';
import type { GivenPolicy } from './boundary-input.js';

/** What a task with boundaries tells the frame of its run. */
export interface Guarded {
  readonly checks: readonly PreflightCheck[];
  /** Absent when the run goes without a policy. */
  readonly policy?: PolicyOrigin;
}

const unguarded: PreflightCheck = { inspect: () => Promise.resolve({ findings: [], notes: ['boundaries not looked at (boundaryPolicy: none)'] }) };

/**
 * The check of a run against its boundary policy.
 * @param others Azure as the run's other service connections see it: they may place objects that its own does not see
 */
export function guarded(given: GivenPolicy, { azure }: { readonly azure: Azure }, others: readonly Azure[] = []): Guarded {
  if (given === undefined) return { checks: [unguarded] };
  const { policy, origin } = given;
  return { checks: [boundaryCheck({ policy, path: origin.path }, [azure, ...others])], policy: origin };
}
