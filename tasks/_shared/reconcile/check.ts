import type { Crossing } from './access.js';
import type { Plan } from './plan.js';
import type { Finding } from './preflight.js';
import type { ProblemParts } from './problem.js';

/** What a check found. */
export interface Inspection {
  readonly findings: readonly Finding[];
  /** What the preflight's line of the log says of it: `boundaries ok`, `credentials 3 of 20 after this run`. */
  readonly notes: readonly string[];
  /** Crossings of boundaries that are allowed, by resource key: told in plan, log, summary and ledger. */
  readonly crossings?: ReadonlyMap<string, readonly Crossing[]>;
  /** Why resources must not be written, by key: refused as well when the need turns up in the middle of the run only. */
  readonly forbidden?: ReadonlyMap<string, ProblemParts>;
}

/** Something that is looked at before the first write of a plan; not asked when there is nothing to write. */
export interface PreflightCheck {
  inspect(plan: Plan, options: { readonly dryRun: boolean }): Promise<Inspection>;
}

/** What all checks found together. */
export function together(inspections: readonly Inspection[]): Required<Inspection> {
  return {
    findings: inspections.flatMap(({ findings }) => findings),
    notes: [...new Set(inspections.flatMap(({ notes }) => notes))],
    crossings: new Map(inspections.flatMap(({ crossings }) => [...(crossings ?? [])])),
    forbidden: new Map(inspections.flatMap(({ forbidden }) => [...(forbidden ?? [])])),
  };
}
