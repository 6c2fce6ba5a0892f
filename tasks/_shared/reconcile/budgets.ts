import type { PreflightCheck } from './check.js';
import type { Plan } from './plan.js';
import { placeOf, type Finding } from './preflight.js';
import type { Cost } from './resource.js';
import { foreseen, writes } from './resource.js';

interface Draw {
  readonly cost: Cost;
  readonly resource: string;
  readonly cluster: string | undefined;
}

/** Sums what the changes of a plan take from each budget, before the first write: what would not fit is found as a whole. */
export const budgets: PreflightCheck = {
  async inspect(plan) {
    const byBudget = new Map<string, Draw[]>();
    for (const draw of drawsOf(plan)) byBudget.set(draw.cost.budget, [...(byBudget.get(draw.cost.budget) ?? []), draw]);
    const findings: Finding[] = [];
    const fills = new Map<string, Fill[]>();
    for (const draws of byBudget.values()) {
      const [{ cost }] = draws as [Draw, ...Draw[]];
      const taken = draws.reduce((sum, draw) => sum + draw.cost.takes, 0);
      if (taken <= 0) continue;
      const used = await cost.used();
      fills.set(cost.kind, [...(fills.get(cost.kind) ?? []), { cost, after: used === undefined ? undefined : used + taken }]);
      if (used === undefined || used + taken <= cost.limit) continue;
      const because = `there are ${used}, this run would add ${taken}, and ${cost.limit} is the most`;
      const problem = { code: cost.code, what: `There is no room for ${cost.kind} of ${cost.of}`, because, remedy: cost.remedy };
      for (const { resource, cluster } of draws.filter(({ cost: own }) => own.takes > 0)) findings.push({ ...placeOf(cluster), resource, problem, awaits: false });
    }
    return { findings, notes: [...fills].flatMap(([kind, each]) => noteOf(kind, each)) };
  },
};

/** A budget that a run takes from, and how full it will be; undefined when that could not be counted. */
interface Fill {
  readonly cost: Cost;
  readonly after: number | undefined;
}

/** One note for all budgets of a kind: a fleet has one for each of its identities. */
function noteOf(kind: string, fills: readonly Fill[]): string[] {
  const counted = fills.flatMap(({ cost, after }) => (after === undefined ? [] : [{ cost, after }]));
  const fullest = counted.reduce<(typeof counted)[number] | undefined>((most, one) => (most === undefined || one.after > most.after ? one : most), undefined);
  const rest = fills.length - counted.length;
  const unknown = rest === 0 ? [] : [`${kind} of ${rest === 1 && fills.length === 1 ? (fills[0]?.cost.of ?? '') : `${rest} of ${fills.length}`} could not be counted`];
  if (fullest === undefined) return unknown;
  const { cost, after } = fullest;
  const told = counted.length === 1 ? `${kind} of ${cost.of}: ${after} of ${cost.limit} after this run` : `${kind}: at most ${after} of ${cost.limit} at each of ${counted.length} after this run`;
  return [told, ...unknown];
}

function drawsOf(plan: Plan): Draw[] {
  return plan.flatMap(({ resource, change, observed, known }) => {
    const seen = foreseen(change);
    if (!writes(seen) || resource.costs === undefined) return [];
    return resource.costs(seen, observed, known).map((cost) => ({ cost, resource: resource.key, cluster: resource.cluster }));
  });
}
