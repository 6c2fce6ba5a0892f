import type { Inspection, PreflightCheck } from '../reconcile/check.js';
import type { Azure } from './azure.js';
import { objectIdOf } from './caller.js';
import { lookAtDelegations } from './delegations.js';
import { lookAtDenials } from './deny-assignments.js';
import { lookAtLocks } from './locks.js';
import { plannedRights, type Look, type PlannedRight } from './planned-rights.js';
import { lookAtPolicies } from './policy-restrictions.js';

const nothing: Look = { findings: [], open: [] };

/**
 * What may stand against a write although a role allows it: conditions of the principal's own roles, deny assignments, locks and policies.
 * Each is evaluated or reported as not evaluated; the right to look is needed for none of them.
 * @param connected the Azure of a service connection by name; the run's own for none
 */
export function guards(connected: (via: string | undefined) => Promise<Azure>): PreflightCheck {
  return {
    inspect: async (plan, { dryRun }) => {
      const rights = plannedRights(plan);
      const principals = [...new Set(rights.map(({ permission }) => permission.via))];
      const looks = await Promise.all(principals.map(async (via) => look(await connected(via), rights.filter(({ permission }) => permission.via === via))));
      return told(looks.flat(), dryRun);
    },
  };
}

interface Looks {
  /** Of the principal that looks. */
  readonly own: Look;
  /** Of the objects, whoever writes. */
  readonly common: Look;
}

async function look(azure: Azure, rights: readonly PlannedRight[]): Promise<Looks[]> {
  const principal = await objectIdOf(azure);
  const unnamed: Look = { findings: [], open: ['deny assignments and conditions: the token names no principal'] };
  const [delegations, denials, locks, policies] = await Promise.all([
    principal === undefined ? unnamed : lookAtDelegations(azure, rights, principal),
    principal === undefined ? nothing : lookAtDenials(azure, rights, principal),
    lookAtLocks(azure, rights),
    lookAtPolicies(azure, rights),
  ]);
  return [{ own: joined(delegations, denials), common: joined(locks, policies) }];
}

function joined(...looks: readonly Look[]): Look {
  return { findings: looks.flatMap(({ findings }) => findings), open: looks.flatMap(({ open }) => open) };
}

/** In a dry run, what stands against this principal is told and no finding: often a read-only connection plans what another one applies. */
function told(looks: readonly Looks[], dryRun: boolean): Inspection {
  const own = joined(...looks.map((one) => one.own));
  const common = joined(...looks.map((one) => one.common));
  const open = [...own.open, ...common.open];
  const aside = dryRun && own.findings.length > 0 ? [`a condition or deny assignment stands against ${own.findings.length} of the writes with this connection`] : [];
  const notes = [...aside, ...(open.length === 0 ? [] : [`not evaluated: ${open.join(', ')}`])];
  return { findings: [...(dryRun ? [] : own.findings), ...common.findings], notes };
}
