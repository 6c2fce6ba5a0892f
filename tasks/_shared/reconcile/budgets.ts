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

/** Sums what the changes of a plan take from each limited stock, before the first write: what would not fit is found as a whole. */
export const budgets: PreflightCheck = {
  async inspect(plan) {
    const stocks = new Map<string, Draw[]>();
    for (const draw of drawsOf(plan)) stocks.set(draw.cost.stock, [...(stocks.get(draw.cost.stock) ?? []), draw]);
    const findings: Finding[] = [];
    const notes: string[] = [];
    for (const draws of stocks.values()) {
      const [{ cost }] = draws as [Draw, ...Draw[]];
      const used = await cost.used();
      const wanted = draws.reduce((sum, draw) => sum + draw.cost.takes, 0);
      if (used === undefined) {
        if (wanted > 0) notes.push(`${cost.title} could not be counted`);
        continue;
      }
      if (wanted > 0) notes.push(`${cost.title}: ${used + wanted} of ${cost.limit} after this run`);
      if (wanted <= 0 || used + wanted <= cost.limit) continue;
      const because = `there are ${used}, this run would add ${wanted}, and ${cost.limit} is the most`;
      const problem = { code: cost.code, what: `There is no room for ${cost.title}`, because, remedy: cost.remedy };
      for (const { resource, cluster } of draws.filter(({ cost: own }) => own.takes > 0)) findings.push({ ...placeOf(cluster), resource, problem, awaits: false });
    }
    return { findings, notes };
  },
};

function drawsOf(plan: Plan): Draw[] {
  return plan.flatMap(({ resource, change, observed, known }) => {
    const seen = foreseen(change);
    if (!writes(seen) || resource.costs === undefined) return [];
    return resource.costs(seen, observed, known).map((cost) => ({ cost, resource: resource.key, cluster: resource.cluster }));
  });
}
