import { some } from '../fleet/wording.js';
import type { PreflightCheck } from '../reconcile/check.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import type { Evidence, Proof } from '../reconcile/proof.js';
import { output, type Refs } from '../reconcile/ref.js';
import { Removal, type RemovalState } from '../reconcile/removal.js';

/** So many of what stays are told in preflight; each is told with its command at the end of the run. */
const toldBefore = 5;

/** What stays behind, known before anything is planned. */
export interface Known {
  readonly left: readonly ProblemParts[];
  /** Said of the rest, in clauses: what stays as a matter of course. */
  readonly notes: readonly string[];
}

type States = Readonly<Record<string, RemovalState>>;

/** Says, after a removal, that nothing of this project is left, or what stays and what can be done about it. */
export class LeftoverProof implements Proof<States> {
  readonly cluster?: string;
  readonly proves: readonly string[];
  readonly inputs: Refs<States>;

  /**
   * @param key of the proof
   * @param title what was removed: `withdrawal of id-orders`
   */
  constructor(
    readonly key: string,
    readonly title: string,
    removals: readonly Removal[],
    private readonly known: Known,
    cluster?: string,
  ) {
    if (cluster !== undefined) this.cluster = cluster;
    this.proves = removals.map((removal) => removal.key);
    this.inputs = Object.fromEntries(removals.map((removal) => [removal.key, output(removal, (state: RemovalState) => state)]));
  }

  run(states: States): Promise<Evidence> {
    const left = [...this.known.left, ...Object.values(states).flatMap((state) => state.left ?? [])];
    const stays = Object.values(states).flatMap((state) => (state.present && state.stays !== undefined && state.left === undefined ? [state.stays] : []));
    const notes = [...new Set([...stays, ...this.known.notes])];
    const said = left.length === 0 ? 'read back: nothing that had to go is left' : `read back: ${left.length} left`;
    const summary = [said, ...(left.length === 0 ? [] : [some(left.map(({ what }) => what))]), ...notes].join('; ');
    return Promise.resolve({ level: 'observed', summary, ...(left.length === 0 ? {} : { shortfall: together(left, this.title) }) });
  }
}

/**
 * Shows what stays behind before the first write as well, so that it is part of what is approved: one note each, and how many more. What a
 * plan's removals found comes first, so that checks of one plan begin alike: notes that are the same are told once.
 */
export function leftoverCheck(known: readonly ProblemParts[]): PreflightCheck {
  return {
    inspect: (plan) => {
      const found = plan.flatMap(({ resource, observed }) => (resource instanceof Removal ? ((observed as RemovalState | undefined)?.left ?? []) : []));
      const all = [...new Set([...found, ...known].map(({ what, because }) => `left behind: ${what}: ${because}`))];
      const more = all.length - toldBefore;
      return Promise.resolve({ findings: [], notes: [...all.slice(0, toldBefore), ...(more > 0 ? [`and ${more} more left behind, listed below once the rest is removed`] : [])] });
    },
  };
}

function together(left: readonly ProblemParts[], title: string): ProblemParts {
  const [first] = left;
  if (first !== undefined && left.length === 1) return first;
  return {
    code: 'WI2310',
    what: `${left.length} things stay after the ${title}`,
    because: some(left.map(({ what }) => what)),
    remedy: 'each is listed below, under its own code, with the reason and the command or the run that takes it away: use it where the thing should go',
    details: left.map((parts) => new Problem(parts)),
  };
}
