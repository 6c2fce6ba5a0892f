import type { Clock } from '../reconcile/clock.js';
import type { ClusterObject } from './objects.js';
import { recovered, troublesOf, type PodTrouble } from './pod-health.js';

/** What is wrong now, and what of it has been so for too long. */
export interface Troubles {
  readonly now: readonly PodTrouble[];
  /** Waiting does not help against these. */
  readonly lasting: readonly PodTrouble[];
}

/**
 * Remembers from look to look since when pods have been in trouble. A container that crashes runs for a moment in between: only one that gets ready,
 * or goes, starts anew.
 */
export class TroubleWatch {
  #since = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /**
   * Notes one look.
   * @param others what is wrong beside what pods show themselves
   */
  look(pods: readonly ClusterObject[], others: readonly PodTrouble[] = []): Troubles {
    const nowMs = this.clock.monotonic();
    const now = [...pods.flatMap(troublesOf), ...others];
    const kept = this.#unhealed(pods);
    this.#since = new Map([...kept, ...now.map(({ key }): [string, number] => [key, this.#since.get(key) ?? nowMs])]);
    return { now, lasting: now.filter(({ key, graceMs }) => nowMs - (this.#since.get(key) ?? nowMs) >= graceMs) };
  }

  /** What was in trouble before, is still there, and has not got well. */
  #unhealed(pods: readonly ClusterObject[]): [string, number][] {
    const well = new Set(pods.flatMap(recovered));
    const there = pods.map((pod) => String(pod.metadata.uid ?? pod.metadata.name));
    return [...this.#since].filter(([key]) => !well.has(key) && there.some((uid) => key.startsWith(`${uid}/`)));
  }
}
