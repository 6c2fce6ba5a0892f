import { sources } from './ref.js';
import type { AnyResource } from './resource.js';

/** Keys of the resources that have to be done before one: those that its inputs are read from, and those that it names. */
export function prerequisites(resource: AnyResource): string[] {
  return [...sources(resource.inputs), ...(resource.after ?? [])];
}

/**
 * Resources in an order in which each comes after those it reads from; equal keys are merged, the first wins.
 * @throws Error for a reference to a resource that is not there, or in a circle: both are defects of a task.
 */
export function inOrder(resources: readonly AnyResource[]): AnyResource[] {
  const byKey = new Map<string, AnyResource>();
  for (const resource of resources) if (!byKey.has(resource.key)) byKey.set(resource.key, resource);
  const ordered: AnyResource[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (key: string, from: string): void => {
    const resource = byKey.get(key);
    if (resource === undefined) throw new Error(`${from} refers to ${key}, which is not among the resources`);
    if (state.get(key) === 'done') return;
    if (state.get(key) === 'open') throw new Error(`${from} and ${key} refer to each other`);
    state.set(key, 'open');
    for (const source of prerequisites(resource)) visit(source, key);
    state.set(key, 'done');
    ordered.push(resource);
  };
  for (const key of byKey.keys()) visit(key, 'the run');
  return ordered;
}
