/** Something with a name that waits for others. */
export interface Scheduled {
  readonly name: string;
  readonly dependsOn: readonly string[];
}

/** Everything that a node depends on, directly or not; lower-case names. The graph has no circles (validated). */
export function ancestorsOf(node: Scheduled, all: readonly Scheduled[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (one: Scheduled): void => {
    for (const name of one.dependsOn.map((wanted) => wanted.toLowerCase())) {
      if (found.has(name)) continue;
      found.add(name);
      const next = all.find((other) => other.name.toLowerCase() === name);
      if (next !== undefined) visit(next);
    }
  };
  visit(node);
  return found;
}

/**
 * Runs nodes as soon as what they depend on has ended, however it ended; at most `limit` at once, in the order given.
 * @returns the results in the order given.
 */
export async function runGraph<N extends Scheduled, R>(nodes: readonly N[], limit: number, run: (node: N, done: ReadonlyMap<string, R>) => Promise<R>): Promise<readonly R[]> {
  const done = new Map<string, R>();
  const running = new Map<string, Promise<void>>();
  let waiting = [...nodes];
  const key = (name: string): string => name.toLowerCase();
  const start = (node: N): void => {
    const job = run(node, new Map(done)).then((result) => {
      done.set(key(node.name), result);
      running.delete(key(node.name));
    });
    running.set(key(node.name), job);
  };
  while (waiting.length > 0 || running.size > 0) {
    const ready = waiting.filter((node) => node.dependsOn.every((name) => done.has(key(name)))).slice(0, Math.max(0, limit - running.size));
    waiting = waiting.filter((node) => !ready.includes(node));
    for (const node of ready) start(node);
    if (running.size === 0) throw new Error(`Nothing can run: ${waiting.map((node) => node.name).join(', ')}.`);
    await Promise.race(running.values());
  }
  return nodes.flatMap((node) => done.get(key(node.name)) ?? []);
}
