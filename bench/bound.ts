/** A token bucket: so many requests at once, refilled at a rate. */
export interface Bucket {
  readonly key: string;
  readonly burst: number;
  readonly perSecond: number;
}

/** One thing that has to happen. */
export interface Step {
  readonly name: string;
  /** Milliseconds. */
  readonly takes: number;
  /** Names of the steps that have to be over before. */
  readonly after: readonly string[];
  /** Buckets that its start takes a token from. */
  readonly buckets?: readonly Bucket[];
}

/**
 * The shortest time in which all steps can be over, whoever goes about it. Milliseconds.
 *
 * It is the larger of two: the longest chain of steps; and for each bucket, over all sets S of its steps that cannot begin before `head` and
 * still need at least `tail` from their own start to the end of everything: `head + (|S| - burst) / rate + tail`.
 * Both are lower bounds: a bucket that is full at `head` lets no more than `burst + rate · t` of S begin within t.
 * @throws Error for a step that comes after one that is not there, or after itself.
 */
export function bound(steps: readonly Step[]): number {
  const heads = longest(steps, (step) => step.after);
  const followers = new Map<string, string[]>(steps.map(({ name }) => [name, []]));
  for (const { name, after } of steps) for (const earlier of after) followers.get(earlier)?.push(name);
  const rests = longest(steps, ({ name }) => followers.get(name) ?? []);
  const chain = Math.max(0, ...steps.map((step) => of(heads, step) + step.takes + of(rests, step)));
  return Math.max(chain, ...[...bucketsOf(steps).values()].map(({ bucket, members }) => byBucket(bucket, members.map((step) => ({ head: of(heads, step), tail: step.takes + of(rests, step) })))));
}

function byBucket({ burst, perSecond }: Bucket, members: readonly { readonly head: number; readonly tail: number }[]): number {
  let most = 0;
  for (const head of new Set(members.map((member) => member.head))) {
    const late = members.filter((member) => member.head >= head);
    for (const tail of new Set(late.map((member) => member.tail))) {
      const count = late.filter((member) => member.tail >= tail).length;
      most = Math.max(most, head + (Math.max(0, count - burst) / perSecond) * 1000 + tail);
    }
  }
  return most;
}

/** For each step, how long the longest chain of those that it leads to by `next` takes, itself left out. */
function longest(steps: readonly Step[], next: (step: Step) => readonly string[]): Map<string, number> {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const found = new Map<string, number>();
  const open = new Set<string>();
  const visit = (step: Step): number => {
    const known = found.get(step.name);
    if (known !== undefined) return known;
    if (open.has(step.name)) throw new Error(`${step.name} comes after itself`);
    open.add(step.name);
    const lengths = next(step).map((name) => {
      const other = byName.get(name);
      if (other === undefined) throw new Error(`${step.name} refers to ${name}, which is no step`);
      return other.takes + visit(other);
    });
    const length = Math.max(0, ...lengths);
    found.set(step.name, length);
    return length;
  };
  for (const step of steps) visit(step);
  return found;
}

function bucketsOf(steps: readonly Step[]): Map<string, { bucket: Bucket; members: Step[] }> {
  const found = new Map<string, { bucket: Bucket; members: Step[] }>();
  for (const step of steps) {
    for (const bucket of step.buckets ?? []) {
      const entry = found.get(bucket.key) ?? { bucket, members: [] };
      entry.members.push(step);
      found.set(bucket.key, entry);
    }
  }
  return found;
}

function of(lengths: ReadonlyMap<string, number>, step: Step): number {
  return lengths.get(step.name) ?? 0;
}
