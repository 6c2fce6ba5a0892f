import type { Plan } from './plan.js';
import type { PermissionCheck } from './ports.js';
import { toProblem, type ProblemParts } from './problem.js';
import { writes, type Permission } from './resource.js';

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
}

/**
 * Looks up, before the first write, what would stop the plan half-way.
 * @param dryRun what the principal lacks is told, but is no finding: often a read-only connection plans what another one applies.
 */
export async function preflight(plan: Plan, check: PermissionCheck, dryRun = false): Promise<Preflight> {
  const findings: Finding[] = plan.flatMap(({ resource, change }) => {
    if (change.action !== 'blocked' || change.problem.code === 'WI9003') return [];
    const place = resource.cluster === undefined ? { scope: 'resource' as const } : { scope: 'cluster' as const, cluster: resource.cluster };
    return [{ ...place, resource: resource.key, problem: change.problem, awaits: change.awaits }];
  });
  const permissions = distinct(plan.flatMap((entry) => (writes(entry.change) ? entry.permissions : [])));
  const lacking = permissions.length === 0 ? [] : await check.missing(permissions).catch((error: unknown) => {
    findings.push({ scope: 'run', resource: 'permissions', problem: toProblem(error).parts, awaits: false });
    return [];
  });
  for (const entry of dryRun ? [] : plan) {
    const missing = entry.permissions.filter((permission) => lacking.some((other) => same(permission, other)));
    if (missing.length === 0) continue;
    const place = entry.resource.cluster === undefined ? { scope: 'resource' as const } : { scope: 'cluster' as const, cluster: entry.resource.cluster };
    findings.push({ ...place, resource: entry.resource.key, problem: lackingRights(entry.resource.kind, entry.resource.name, missing), awaits: false });
  }
  return { findings, permissions, lacking };
}

function lackingRights(kind: string, name: string, lacking: readonly Permission[]): ProblemParts {
  const list = lacking.map(({ action, scope }) => `${action} at ${scope}`).join('; ');
  return {
    code: 'WI3001',
    what: `${kind} ${name} cannot be written`,
    because: `the service connection's principal lacks ${list}`,
    remedy: 'grant a role with these actions at these scopes to the service connection, see docs/permissions.md, then run again',
  };
}

function same(one: Permission, other: Permission): boolean {
  return one.plane === other.plane && one.action === other.action && one.scope === other.scope;
}

function distinct(permissions: readonly Permission[]): Permission[] {
  return permissions.filter((permission, index) => permissions.findIndex((other) => same(permission, other)) === index);
}
