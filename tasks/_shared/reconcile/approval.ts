import type { Plan } from './plan.js';
import type { ProblemParts } from './problem.js';
import { show, unknown } from './ref.js';
import { foreseen, writes, type AnyResource, type Change, type FieldChange } from './resource.js';

/** What somebody saw planned for one resource, and thereby approved. */
export interface ApprovedChange {
  readonly key: string;
  /** True when anything but keeping the resource was shown. */
  readonly writes: boolean;
  readonly deletes: boolean;
  readonly widens: boolean;
  readonly fields: readonly FieldChange[];
}

/** A change that nobody approved. */
export interface Objection {
  readonly resource: AnyResource;
  readonly problem: ProblemParts;
}

/**
 * An approved plan as a measure for a later one. What was approved may be made; what has become true meanwhile need not be; everything
 * else is objected to. So the rerun of a run that was killed half-way still fits the plan that it began with.
 */
export class Approval {
  readonly #approved: ReadonlyMap<string, ApprovedChange>;

  /** @param redact what was done to the texts of the approved plan when it was kept: done to those that are compared with them as well. */
  constructor(
    approved: readonly ApprovedChange[],
    private readonly redact: (text: string) => string = (text) => text,
  ) {
    this.#approved = new Map(approved.map((change) => [change.key, change]));
  }

  /** What a plan would do beyond the approved one. */
  objections(plan: Plan): Objection[] {
    return plan.flatMap(({ resource, change }) => {
      const problem = this.objection(resource, change);
      return problem === undefined ? [] : [{ resource, problem }];
    });
  }

  /** Why a change must not be made; undefined when it was approved, or writes nothing. */
  objection(resource: AnyResource, change: Change): ProblemParts | undefined {
    if (!writes(change)) return undefined;
    const because = this.#difference(this.#approved.get(this.redact(resource.key)), change);
    if (because === undefined) return undefined;
    return {
      code: 'WI3003',
      what: `To ${change.action} ${resource.kind} ${resource.name} was not approved`,
      because,
      remedy: 'run the plan again and have it approved, or set onDrift to apply where a plan that changed may be applied',
    };
  }

  #redacted({ field, before, after }: FieldChange): FieldChange {
    return { field, ...(before === undefined ? {} : { before: this.redact(before) }), after: this.redact(after) };
  }

  #difference(approved: ApprovedChange | undefined, change: Change): string | undefined {
    if (!writes(change)) return undefined;
    if (approved === undefined) return 'the approved plan does not know it';
    if (!approved.writes) return `the approved plan leaves it as it is, and now: ${change.reason}`;
    if (approved.deletes !== (change.action === 'delete')) return `the approved plan would ${approved.deletes ? 'delete' : 'create or update'} it`;
    if (change.widens && !approved.widens) return 'it lets somebody reach more, and the approved plan did not say so';
    return change.fields.map((field) => this.#redacted(field)).map((field) => fieldDifference(approved.fields.find((other) => other.field === field.field), field)).find((difference) => difference !== undefined);
  }
}

/** What a plan file keeps of a plan: what each resource may become, those that only other tasks make possible included. */
export function approvedChange(resource: AnyResource, change: Change): ApprovedChange {
  const seen = foreseen(change);
  const writing = writes(seen) ? seen : seen.action === 'keep' ? seen.later : undefined;
  return {
    key: resource.key,
    writes: writing !== undefined,
    deletes: writing?.action === 'delete',
    widens: writing?.widens ?? false,
    fields: writing?.fields ?? [],
  };
}

/** A value that was not known when the plan was approved may become any; one that was known may not become another. */
function fieldDifference(approved: FieldChange | undefined, { field, before, after }: FieldChange): string | undefined {
  if (approved === undefined) return `the approved plan does not change ${field}, and now: ${before ?? '(none)'} → ${after}`;
  if (approved.after !== show(unknown) && approved.after !== after) return `${field} would become ${after}, approved was ${approved.after}`;
  if (before !== undefined && approved.before !== before && before !== approved.after) return `${field} is ${before} by now, and was ${approved.before ?? '(none)'} when the plan was approved`;
  return undefined;
}
