import { missingRule } from '../fleet/boundary-judge.js';
import type { BoundaryPolicy } from '../fleet/boundary-policy.js';
import { many } from '../fleet/wording.js';
import type { Access, Crossing } from '../reconcile/access.js';
import type { Inspection, PreflightCheck } from '../reconcile/check.js';
import { mayWrite, type Finding } from '../reconcile/preflight.js';
import type { PlannedChange } from '../reconcile/plan.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { foreseen, writes, type AnyResource } from '../reconcile/resource.js';
import { AccessJudge, nameOf, type JudgedAccess } from './access-judge.js';
import type { Azure } from './azure.js';

/** A policy with the name of its file. */
export interface NamedPolicy {
  readonly policy: BoundaryPolicy;
  readonly path: string;
}

/** What became of one access: within a boundary, an allowed crossing, or a problem. */
type Judged = { readonly crossing?: Crossing } | { readonly problem: ProblemParts };

/**
 * Judges every access of a plan by a boundary policy, before the first write. What no valid rule allows, and what cannot be judged, stops the
 * whole run: an end that nobody can place, or that lies in another tenant, counts as a crossing that is not allowed. What is in place already counts
 * where the run writes something for the same identity, since that would add to what comes of the crossing; else it is noted only.
 * @param azures the run's own Azure, then those of its other service connections, which may see what it does not
 */
export function boundaryCheck({ policy, path }: NamedPolicy, azures: readonly [Azure, ...Azure[]]): PreflightCheck {
  return {
    async inspect(plan) {
      const judge = new AccessJudge(policy, azures);
      const subjects = plan.filter(({ change }) => foreseen(change).action !== 'delete');
      const judged = await Promise.all(subjects.map(async (entry) => ({ entry, results: await Promise.all(accessesOf(entry).map(async (access) => ({ access, ...verdictOn(await judge.judge(access), entry.resource, path, judge.today) }))) })));
      return inspectionOf(judged);
    },
  };
}

/** An access is told once, with the first resource that makes it: a service account is annotated for the same access that its credential gives. */
function inspectionOf(judged: readonly { readonly entry: PlannedChange; readonly results: readonly (Judged & { readonly access: Access })[] }[]): Inspection {
  const findings = new Map<string, Finding>();
  const crossings = new Map<string, readonly Crossing[]>();
  const forbidden = new Map<string, ProblemParts>();
  const allowed = new Map<string, Crossing>();
  let inPlace = 0;
  const extended = new Set(judged.flatMap(({ entry: { resource, change } }) => (mayWrite(change) ? identitiesOf(resource) : [])));
  for (const { entry: { resource, change }, results } of judged) {
    const refused = results.flatMap((result) => ('problem' in result ? [result] : []));
    const crossed = results.flatMap((result) => ('crossing' in result ? result.crossing : undefined) ?? []);
    if (refused[0] !== undefined) forbidden.set(resource.key, refused[0].problem);
    if (crossed.length > 0) crossings.set(resource.key, crossed);
    const counts = mayWrite(change) || (change.action === 'keep' && identitiesOf(resource).some((id) => extended.has(id)));
    if (counts) {
      const place = resource.cluster === undefined ? {} : { cluster: resource.cluster };
      for (const { access, problem } of refused) {
        const key = accessKey(access);
        if (!findings.has(key)) findings.set(key, { scope: 'run', ...place, resource: resource.key, problem, awaits: false });
      }
      if (mayWrite(change)) for (const crossing of crossed) allowed.set(accessKey(crossing.access), crossing);
    } else if (refused.length > 0 && change.action === 'keep') inPlace += 1;
  }
  return { findings: [...findings.values()], notes: notesOf([...allowed.values()], findings.size, inPlace), crossings, forbidden };
}

function accessKey({ kind, from, to, role = '' }: Access): string {
  return [kind, role, from.kind, from.id, to.id].join(' ').toLowerCase();
}

/** The identities that a resource is about: who may act as one, or what one may reach. */
function identitiesOf({ accesses = [] }: AnyResource): string[] {
  return accesses.flatMap(({ from, to }) => [from, to]).filter(({ kind }) => kind === 'identity').map(({ id }) => id.toLowerCase());
}

function notesOf(allowed: readonly Crossing[], refused: number, inPlace: number): string[] {
  const rules = [...new Set(allowed.map(({ rule }) => rule))];
  return [
    ...(refused > 0 ? [`boundaries: ${many(refused, 'crossing')} not allowed`] : allowed.length === 0 ? ['boundaries ok'] : []),
    ...(allowed.length > 0 ? [`${many(allowed.length, 'crossing')} allowed by ${rules.join(', ')}`] : []),
    ...(inPlace > 0 ? [`${inPlace} in place that the boundary policy would not allow`] : []),
  ];
}

/** Who reaches more by a change has to be said: what is not said could not be judged. */
function accessesOf({ resource, change }: PlannedChange): readonly Access[] {
  const seen = foreseen(change);
  if (resource.accesses === undefined && writes(seen) && seen.widens) throw new Error(`${resource.key} widens access and does not say whose`);
  return resource.accesses ?? [];
}

/** The problem of an access that no valid rule allows, or that cannot be judged; else whether it crosses. */
function verdictOn(judged: JudgedAccess, { kind, name }: AnyResource, path: string, today: string): Judged {
  switch (judged.verdict) {
    case 'within':
      return {};
    case 'unknown':
      return { problem: judged.problem };
    case 'allowed': {
      const { access, from, to } = judged;
      const { name: rule, reason, until } = judged.rule;
      return { crossing: { access, from, to, rule, reason, ...(until === undefined ? {} : { until }) } };
    }
    case 'expired': {
      const { name: rule, until = '' } = judged.rule;
      const because = `rule ${rule} of ${path} allowed it until ${until}, and today is ${today} (UTC)`;
      return { problem: { code: 'WI3112', what: crossingText(judged, `${kind} ${name}`), because, remedy: 'let the owners of the policy renew the rule, or take out what needed it' } };
    }
    case 'refused': {
      const remedy = `if it is wanted, let the owners of the policy add under allow: ${missingRule(judged.access, judged.from, judged.to)}`;
      return { problem: { code: 'WI3111', what: crossingText(judged, `${kind} ${name}`), because: `no rule of ${path} allows it`, remedy } };
    }
  }
}

/** `The grant AcrPush on crprod would let identity id-orders of nonprod reach registry crprod of prod` */
function crossingText({ access: { from, to }, ...sides }: Exclude<JudgedAccess, { verdict: 'unknown' }>, what: string): string {
  const whose = from.kind === 'principal' ? '' : ` of ${sides.from}`;
  return `The ${what} would let ${nameOf(from)}${whose} reach ${nameOf(to)} of ${sides.to}`;
}
