import type { Crossing } from './access.js';
import type { Approval } from './approval.js';
import { together, type Inspection, type PreflightCheck } from './check.js';
import type { Plan } from './plan.js';
import type { PermissionCheck } from './ports.js';
import { consequenceCode, toProblem, type ProblemParts } from './problem.js';
import type { AnyProof } from './proof.js';
import { foreseen, writes, type AnyResource, type Change, type Permission } from './resource.js';

/** Something that stands in the plan's way. */
export interface Finding {
  /** `run` stops everything, `cluster` what depends on that cluster, `resource` what depends on that resource. */
  readonly scope: 'run' | 'cluster' | 'resource';
  readonly cluster?: string;
  /** Key of the resource it was found at. */
  readonly resource: string;
  readonly problem: ProblemParts;
  /** True when another task is expected to remove it: in a dry run it is a note, not an obstacle. */
  readonly awaits: boolean;
}

/** What preflight looked at and what it found. */
export interface Preflight {
  readonly findings: readonly Finding[];
  /** Rights looked up. */
  readonly permissions: readonly Permission[];
  /** Those that the run's principal lacks. */
  readonly lacking: readonly Permission[];
  /** What the other checks say of themselves in the log. */
  readonly notes: readonly string[];
  /** Allowed crossings of boundaries, by resource key. */
  readonly crossings: ReadonlyMap<string, readonly Crossing[]>;
  /** Why resources must not be written, by key. */
  readonly forbidden: ReadonlyMap<string, ProblemParts>;
}

/** How preflight looks. */
export interface PreflightOptions {
  readonly dryRun?: boolean;
  readonly approval?: Approval;
  readonly checks?: readonly PreflightCheck[];
}

/**
 * Looks up, before the first write, what would stop the plan half-way; nothing is asked for a plan that writes nothing.
 * @param proofs whose own rights are looked up as well
 * @param approval what goes beyond it is a finding of the run: an approval is for a plan as a whole
 * @param checks asked when there is something to write, now or once other tasks have done their part
 * @param dryRun what the principal lacks is told, but is no finding: often a read-only connection plans what another one applies.
 */
export async function preflight(
  plan: Plan,
  check: PermissionCheck,
  { dryRun = false, approval, checks = [] }: PreflightOptions = {},
  proofs: readonly AnyProof[] = [],
): Promise<Preflight> {
  const findings: Finding[] = plan.flatMap(({ resource, change }) => {
    if (change.action !== 'blocked' || change.problem.code === consequenceCode) return [];
    return [{ ...placeOf(resource.cluster), resource: resource.key, problem: change.problem, awaits: change.awaits }];
  });
  for (const { resource, problem } of approval?.objections(plan) ?? []) {
    findings.push({ scope: 'run', ...(resource.cluster === undefined ? {} : { cluster: resource.cluster }), resource: resource.key, problem, awaits: false });
  }
  const needs = needsOf(plan, proofs);
  const permissions = distinct(needs.flatMap((need) => need.permissions));
  const lacking = permissions.length === 0 ? [] : await check.missing(permissions).catch((error: unknown) => {
    findings.push({ scope: 'run', resource: 'permissions', problem: toProblem(error).parts, awaits: false });
    return [];
  });
  for (const { key, name, cluster, permissions: needed } of dryRun ? [] : needs) {
    const missing = needed.filter((permission) => lacking.some((other) => same(permission, other)));
    if (missing.length > 0) findings.push({ ...placeOf(cluster), resource: key, problem: lackingRights(name, missing, check.advise?.(lacking.filter(({ scope }) => missing.some((one) => one.scope === scope)))), awaits: false });
  }
  const inspections = plan.some(({ change }) => mayWrite(change)) ? await Promise.all(checks.map((one) => inspected(one, plan, dryRun))) : [];
  const { findings: found, ...others } = together(inspections);
  return { findings: [...findings, ...found], permissions, lacking, ...others };
}

/** True for a change that writes, now or once something else has been done. */
export function mayWrite(change: Change): boolean {
  const seen = foreseen(change);
  return writes(seen) || (seen.action === 'keep' && seen.later !== undefined);
}

/** A check that cannot look stops the run: what it guards would go unguarded. */
async function inspected(check: PreflightCheck, plan: Plan, dryRun: boolean): Promise<Inspection> {
  try {
    return await check.inspect(plan, { dryRun });
  } catch (error) {
    return { findings: [{ scope: 'run', resource: 'preflight', problem: toProblem(error).parts, awaits: false }], notes: [] };
  }
}

interface Need {
  readonly key: string;
  /** What could not be done without the rights. */
  readonly name: string;
  readonly cluster: string | undefined;
  readonly permissions: readonly Permission[];
}

function needsOf(plan: Plan, proofs: readonly AnyProof[]): Need[] {
  const changes = plan.flatMap(({ resource, known, change, permissions }) =>
    writes(change) ? [{ key: resource.key, name: `${resource.kind} ${resource.name} cannot be written`, cluster: resource.cluster, permissions: [...permissions, ...readsOf(resource, known)] }] : [],
  );
  if (changes.length === 0) return [];
  const evidence = proofs.map((proof) => ({ key: proof.key, name: `${proof.title} cannot be proven`, cluster: proof.cluster, permissions: proof.permissions?.() ?? [] }));
  return [...changes, ...evidence];
}

/** Each write is read again, so what may be written and not read would fail half-way. Those of clusters have been used by now, to plan. */
function readsOf(resource: AnyResource, known: object): Permission[] {
  return (resource.reads?.(known) ?? []).filter(({ plane }) => plane === 'azure');
}

/** The scope of what was found at a resource. */
export function placeOf(cluster: string | undefined): { scope: 'resource' } | { scope: 'cluster'; cluster: string } {
  return cluster === undefined ? { scope: 'resource' } : { scope: 'cluster', cluster };
}

/** @param advice which roles would give everything that is lacking at these scopes */
function lackingRights(what: string, lacking: readonly Permission[], advice = 'grant a role with these actions at these scopes'): ProblemParts {
  const principals = new Map<string, string[]>();
  for (const { via, action, scope } of lacking) {
    const principal = via === undefined ? "the service connection's principal" : `the principal of the service connection ${via}`;
    principals.set(principal, [...(principals.get(principal) ?? []), `${action} at ${scope}`]);
  }
  const because = [...principals].map(([principal, rights]) => `${principal} lacks ${rights.join('; ')}`).join(', and ');
  return { code: 'WI3001', what, because, remedy: `${advice} to the service connection, see docs/permissions.md, then run again` };
}

function same(one: Permission, other: Permission): boolean {
  return one.plane === other.plane && one.action === other.action && one.scope === other.scope && one.via === other.via;
}

function distinct(permissions: readonly Permission[]): Permission[] {
  return [...new Map(permissions.map((permission) => [`${permission.plane} ${permission.action} ${permission.scope} ${permission.via ?? ''}`, permission])).values()];
}
