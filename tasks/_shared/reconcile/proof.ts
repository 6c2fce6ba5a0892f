import type { ProblemParts } from './problem.js';
import type { Refs } from './ref.js';
import type { Permission, Writer } from './resource.js';

/** How far a grant was proven. */
export type ProofLevel = 'exercised' | 'observed' | 'none';

/** What a proof found. Failure is a thrown Problem, never a value. */
export interface Evidence {
  readonly level: ProofLevel;
  /** One line for the log: what was seen, with figures. */
  readonly summary: string;
  /** Why it was not proven as far as it should be, e.g. a vault that this agent cannot reach: the run then succeeds with issues. */
  readonly shortfall?: ProblemParts;
}

/** What a proof runs with. */
export interface ProofContext {
  readonly signal: AbortSignal;
  /** True when something that is proven was written in this run. */
  readonly fresh: boolean;
  progress(text: string): void;
  /**
   * For the few proofs that cannot do without a write: what they make for a moment, and what they take back when they find that it does not work. Journalled like every
   * other; what a run means to change for good is a resource and never a proof's.
   */
  readonly write: Writer['write'];
}

/**
 * How many successes in a row prove that something works. Entra and the data planes answer from several replicas, which learn of a credential or a
 * role one after another: after a write a first success may be followed by failures (Azure/azure-workload-identity#977). Three requests
 * find a replica that lags in most cases, and take a fraction of a second. Where nothing was written in this run, what is there has been there
 * since another one, so that one success is enough, and the proof of a second run stays cheap.
 */
export function successesInARow({ fresh }: Pick<ProofContext, 'fresh'>): number {
  return fresh ? 3 : 1;
}

/** Evidence to be gathered, after apply, that something granted really works. */
export interface Proof<I extends object> {
  readonly key: string;
  /** What is proven, e.g. `orders/api`. */
  readonly title: string;
  readonly cluster?: string;
  /** Keys of the resources whose effect it proves. */
  readonly proves: readonly string[];
  readonly inputs: Refs<I>;
  /** Rights that the proof itself needs; looked up before the first write, so that nothing is granted that cannot be proven. */
  permissions?(): readonly Permission[];
  /** @throws Problem when the opposite was found, or nothing before the deadline. */
  run(known: I, context: ProofContext): Promise<Evidence>;
}

/** A proof of any kind, as the engine sees it. */
export type AnyProof = Proof<object>;
