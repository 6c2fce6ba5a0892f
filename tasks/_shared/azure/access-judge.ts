import { boundaryOf, judgeAccess, principalSide } from '../fleet/boundary-judge.js';
import type { AllowRule, BoundaryPolicy } from '../fleet/boundary-policy.js';
import type { Access, End } from '../reconcile/access.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { Hierarchy, hierarchyRight } from './ancestry.js';
import type { Azure } from './azure.js';

/** Where an end lies: the name of a boundary, or what rules call a principal; or why nobody can say. */
export type Side = { readonly side: string } | { readonly problem: ProblemParts };

/** An access between two sides, as a policy sees it today. */
interface Placed {
  readonly access: Access;
  readonly from: string;
  readonly to: string;
}

/** What a boundary policy says of an access; unknown where an end cannot be placed, or lies in another tenant. */
export type JudgedAccess =
  | (Placed & { readonly verdict: 'within' })
  | (Placed & { readonly verdict: 'refused' })
  | (Placed & { readonly verdict: 'allowed' | 'expired'; readonly rule: AllowRule })
  | { readonly verdict: 'unknown'; readonly problem: ProblemParts };

/** Judges accesses by a boundary policy, with each end placed once. */
export class AccessJudge {
  readonly #sides = new Map<string, Promise<Side>>();
  readonly #hierarchies: readonly Hierarchy[];
  readonly #own: Azure;
  /** The day in UTC that rules are held against: `2027-01-31`. */
  readonly today: string;

  /** @param azures the run's own Azure, then those of its other service connections, which may see what it does not */
  constructor(
    private readonly policy: BoundaryPolicy,
    [own, ...others]: readonly [Azure, ...Azure[]],
  ) {
    this.#own = own;
    this.today = own.clock.now().toISOString().slice(0, 10);
    const named = policy.boundaries.flatMap(({ managementGroups }) => managementGroups);
    // Groups of another tenant may have the same names, and mean nothing here.
    const neighbours = others.filter(({ connection }) => connection.tenantId.toLowerCase() === own.connection.tenantId.toLowerCase());
    this.#hierarchies = [own, ...neighbours].map((azure) => new Hierarchy(azure, named));
  }

  /** Never throws for what Azure answers. */
  async judge(access: Access): Promise<JudgedAccess> {
    const [from, to] = await Promise.all([this.side(access.from), this.side(access.to)]);
    if ('problem' in from) return { verdict: 'unknown', problem: from.problem };
    if ('problem' in to) return { verdict: 'unknown', problem: to.problem };
    return { access, from: from.side, to: to.side, ...judgeAccess(this.policy, access, from.side, to.side, this.today) };
  }

  /** Where an end lies. */
  side(end: End): Promise<Side> {
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

/** `identity id-orders` */
export function nameOf({ kind, name }: End): string {
  return `${kind} ${name}`;
}
