import type { PreflightCheck } from '../reconcile/check.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import type { Evidence, Proof } from '../reconcile/proof.js';
import { output, type Refs } from '../reconcile/ref.js';
import { Removal, type RemovalState } from '../reconcile/removal.js';

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
    const summary = [said, ...left.map(({ what }) => what), ...notes].join('; ');
    return Promise.resolve({ level: 'observed', summary, ...(left.length === 0 ? {} : { shortfall: together(left, this.title) }) });
  }
}

/** Shows what stays behind before the first write as well, so that it is part of what is approved. */
export function leftoverCheck(known: readonly ProblemParts[]): PreflightCheck {
  return {
    inspect: (plan) => {
      const found = plan.flatMap(({ resource, observed }) => (resource instanceof Removal ? ((observed as RemovalState | undefined)?.left ?? []) : []));
      const all = [...new Set([...known, ...found].map(({ what, because }) => `${what}: ${because}`))];
      return Promise.resolve({ findings: [], notes: all.length === 0 ? [] : [`${all.length} left behind: ${all.join(' | ')}`] });
    },
  };
}

function together(left: readonly ProblemParts[], title: string): ProblemParts {
  const [first] = left;
  if (first !== undefined && left.length === 1) return first;
  return {
    code: 'WI2310',
    what: `${left.length} things stay after the ${title}`,
    because: left.map(({ what }) => what).join('; '),
    remedy: 'read what is said of each, and do it by hand where it should go',
    details: left.map((parts) => new Problem(parts)),
  };
}
