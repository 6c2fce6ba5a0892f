import { boundaryOf, judgeAccess, missingRule, principalSide } from '../fleet/boundary-judge.js';
import type { BoundaryPolicy } from '../fleet/boundary-policy.js';
import { many } from '../fleet/wording.js';
import type { Access, Crossing, End } from '../reconcile/access.js';
import type { Inspection, PreflightCheck } from '../reconcile/check.js';
import { mayWrite, type Finding } from '../reconcile/preflight.js';
import type { PlannedChange } from '../reconcile/plan.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { foreseen, writes, type AnyResource } from '../reconcile/resource.js';
import { Hierarchy, hierarchyRight } from './ancestry.js';
import type { Azure } from './azure.js';

/** A policy with the name of its file. */
export interface NamedPolicy {
  readonly policy: BoundaryPolicy;
  readonly path: string;
}

/** What became of one access: within a boundary, an allowed crossing, or a problem. */
type Judged = { readonly crossing?: Crossing } | { readonly problem: ProblemParts };

/** Where an end lies: the name of a boundary, or what rules call a principal; or why nobody can say. */
type Side = { readonly side: string } | { readonly problem: ProblemParts };

/**
 * Judges every access of a plan by a boundary policy, before the first write. What no valid rule allows, and what cannot be judged, stops the
 * whole run: an end that nobody can place, or that lies in another tenant, counts as a crossing that is not allowed. What is in place already counts
 * where the run writes something for the same identity, since that would add to what comes of the crossing; else it is noted only.
 * @param azures the run's own Azure, then those of its other service connections, which may see what it does not
 */
export function boundaryCheck({ policy, path }: NamedPolicy, azures: readonly [Azure, ...Azure[]]): PreflightCheck {
  return {
    async inspect(plan) {
      const judge = new Judge(policy, path, azures);
      const subjects = plan.filter(({ change }) => foreseen(change).action !== 'delete');
      const judged = await Promise.all(subjects.map(async (entry) => ({ entry, results: await Promise.all(accessesOf(entry).map(async (access) => ({ access, ...(await judge.access(access, entry.resource)) }))) })));
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

/** Judges accesses, with each end placed once. */
class Judge {
  readonly #sides = new Map<string, Promise<Side>>();
  readonly #hierarchies: readonly Hierarchy[];
  readonly #own: Azure;
  readonly #today: string;

  constructor(
    private readonly policy: BoundaryPolicy,
    private readonly path: string,
    [own, ...others]: readonly [Azure, ...Azure[]],
  ) {
    this.#own = own;
    this.#today = own.clock.now().toISOString().slice(0, 10);
    const named = policy.boundaries.flatMap(({ managementGroups }) => managementGroups);
    // Groups of another tenant may have the same names, and mean nothing here.
    const neighbours = others.filter(({ connection }) => connection.tenantId.toLowerCase() === own.connection.tenantId.toLowerCase());
    this.#hierarchies = [own, ...neighbours].map((azure) => new Hierarchy(azure, named));
  }

  async access(access: Access, resource: AnyResource): Promise<Judged> {
    const [from, to] = await Promise.all([this.#side(access.from), this.#side(access.to)]);
    if ('problem' in from) return from;
    if ('problem' in to) return to;
    const outcome = judgeAccess(this.policy, access, from.side, to.side, this.#today);
    const sides = { from: from.side, to: to.side };
    switch (outcome.verdict) {
      case 'within':
        return {};
      case 'allowed': {
        const { name: rule, reason, until } = outcome.rule;
        return { crossing: { access, ...sides, rule, reason, ...(until === undefined ? {} : { until }) } };
      }
      case 'expired': {
        const { name, until = '' } = outcome.rule;
        const because = `rule ${name} of ${this.path} allowed it until ${until}, and today is ${this.#today} (UTC)`;
        return { problem: { code: 'WI3112', what: crossingText(access, sides, resource), because, remedy: 'let the owners of the policy renew the rule, or take out what needed it' } };
      }
      case 'refused': {
        const remedy = `if it is wanted, let the owners of the policy add under allow: ${missingRule(access, from.side, to.side)}`;
        return { problem: { code: 'WI3111', what: crossingText(access, sides, resource), because: `no rule of ${this.path} allows it`, remedy } };
      }
    }
  }

  #side(end: End): Promise<Side> {
    const key = `${end.kind} ${end.tenantId ?? ''} ${end.id.toLowerCase()}`;
    const side = this.#sides.get(key) ?? this.#place(end);
    this.#sides.set(key, side);
    return side;
  }

  async #place(end: End): Promise<Side> {
    if (end.kind === 'principal') return { side: principalSide(end.id) };
    const { tenantId: own } = this.#own.connection;
    if (end.tenantId !== undefined && end.tenantId.toLowerCase() !== own.toLowerCase()) return this.#foreign(end, end.tenantId);
    let unknown = '';
    for (const hierarchy of this.#hierarchies) {
      const found = await hierarchy.ancestry(end.id);
      if ('groups' in found) return { side: boundaryOf(this.policy, found.groups) };
      if ('tenantId' in found) return this.#foreign(end, found.tenantId);
      if (unknown === '') unknown = found.unknown;
    }
    return {
      problem: {
        code: 'WI3113',
        what: `Nobody can say to which boundary ${nameOf(end)} belongs`,
        because: unknown,
        remedy: `give the service connection's principal ${hierarchyRight} on the management groups above it, with the role Management Group Reader at the tenant's root group for example, and run again`,
      },
    };
  }

  #foreign(end: End, tenantId: string): Side {
    const { name, tenantId: own } = this.#own.connection;
    return {
      problem: {
        code: 'WI3114',
        what: `The ${nameOf(end)} belongs to another tenant`,
        because: `it is in tenant ${tenantId}, and the service connection ${name} in tenant ${own}`,
        remedy: 'name an object of the same tenant: no rule of a boundary policy allows what goes from one tenant to another',
      },
    };
  }
}

/** `The grant AcrPush on crprod would let identity id-orders of nonprod reach registry crprod of prod`. */
function crossingText({ from, to }: Access, sides: { readonly from: string; readonly to: string }, { kind, name }: AnyResource): string {
  const whose = from.kind === 'principal' ? '' : ` of ${sides.from}`;
  return `The ${kind} ${name} would let ${nameOf(from)}${whose} reach ${nameOf(to)} of ${sides.to}`;
}

function nameOf({ kind, name }: End): string {
  return `${kind} ${name}`;
}
