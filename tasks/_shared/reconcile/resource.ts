import type { Access } from './access.js';
import type { Problem, ProblemParts } from './problem.js';
import type { Known, Refs } from './ref.js';

/** One property that a change alters. Values are display texts and never secret. */
export interface FieldChange {
  readonly field: string;
  /** Absent when there was nothing. */
  readonly before?: string;
  readonly after: string;
}

interface Effect {
  /** Why, in a clause. */
  readonly reason: string;
  readonly fields: readonly FieldChange[];
  /** True when somebody can reach more after this change than before. */
  readonly widens: boolean;
}

/** What shall happen to one resource. */
export type Change =
  | {
      readonly action: 'keep';
      readonly reason: string;
      /** What may have to be done after all once other tasks of the pipeline have done their part; a plan shows it, so that it is approved. */
      readonly later?: WritingChange;
    }
  | WritingChange
  | {
      readonly action: 'blocked';
      readonly problem: ProblemParts;
      /** True when another task of the same pipeline is expected to remove the obstacle; a dry run then goes on. */
      readonly awaits: boolean;
      /** What will have to be done once the awaited obstacle is gone. */
      readonly then?: WritingChange;
    };

/** A change that writes. */
export type WritingChange = { readonly action: 'create' | 'update' | 'delete' } & Effect;

/** A right that a write needs. */
export interface Permission {
  readonly plane: 'azure' | 'kubernetes';
  /** Azure: an action such as `Microsoft.Authorization/roleAssignments/write`. Kubernetes: `create serviceaccounts`. */
  readonly action: string;
  /** ARM id; for Kubernetes the cluster's ARM id, with `/namespaces/x` where it applies. */
  readonly scope: string;
  /** Name of the service connection whose principal needs it; absent: the run's own. */
  readonly via?: string;
}

/** What a write would send to Azure Resource Manager, or what one that deletes would take away: checks judge it before the first write. */
export interface Content {
  /** ARM id of the object; a name that only apply can know may be made up. */
  readonly id: string;
  readonly apiVersion: string;
  /** As it would be sent, without what only apply can know. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What is left out of the body because only apply can know it, as policies call it: `Microsoft.Authorization/roleAssignments/principalId`. */
  readonly pending?: readonly string[];
}

/** What a change takes from a budget: what there can be a limited number of, such as the credentials that an identity can have. */
export interface Cost {
  /** Equal for all that take from the same budget. */
  readonly budget: string;
  /** What is limited: `federated credentials`. */
  readonly kind: string;
  /** What has so many of them at most: `id-orders`. */
  readonly of: string;
  readonly limit: number;
  /** How many there are before the run; undefined when that cannot be read. Asked once for each budget. */
  readonly used: () => Promise<number | undefined>;
  /** How many the change adds; negative when it gives some back. */
  readonly takes: number;
  /** Of the finding when there is no room. */
  readonly code: string;
  /** The ways out. */
  readonly remedy: string;
}

/** Reads shared by all resources of a run. */
export interface Reader {
  /**
   * True after a write: only strong reads of the object itself count then, no lists that may be stale.
   * Source: DESIGN, the way data goes, "observe".
   */
  readonly strong: boolean;
  /** Runs `load` once per run and key, however many resources ask; a strong reader always runs it. */
  once<T>(key: string, load: () => Promise<T>): Promise<T>;
}

/** What a write is about, said before it is sent. */
export interface Intent {
  /** A verb: create, update, delete. */
  readonly action: string;
  /** ARM id or Kubernetes path of the object. */
  readonly object: string;
  readonly before?: string;
  readonly after?: string;
  readonly widens: boolean;
}

/** What `apply` works with. All writes go through {@link Writer.write}. */
export interface Writer {
  readonly signal: AbortSignal;
  /**
   * Journals the intent, sends the write, journals the outcome.
   * @param send resolves when the write is complete, a long-running operation included; such a one calls `accepted` when the
   *   service has taken it and goes on with it by itself, so that a run which ends before can say so.
   * @param finishing true for what takes away something that the run itself made for a moment: sent once the run is cancelled, too.
   * @throws Problem WI9002 without sending anything, once the run is cancelled.
   */
  write<T>(intent: Intent, send: (accepted: () => void) => Promise<T>, finishing?: boolean): Promise<T>;
  /**
   * Asks whether a change may be made that was planned after the run's own plan, e.g. because what was there changed during a wait.
   * @throws Problem WI3003 when it goes beyond the approved plan.
   */
  permit(change: Change): void;
  /** Tells the user what is being waited for; shown at most every few seconds. */
  progress(text: string): void;
}

/**
 * One thing that shall be true, in Azure or in a cluster: one object that one PUT writes.
 * @typeParam I inputs
 * @typeParam S state: what was observed, with the outputs that other resources read
 */
export interface Resource<I extends object, S extends object> {
  /** Logical and known before anything exists; equal keys are the same resource. */
  readonly key: string;
  /** What kind of object it is, in the words of the design: `identity`, `federated credential`, … */
  readonly kind: string;
  /** The object's name as the log shows it. */
  readonly name: string;
  /** Name of the cluster that it stands or falls with; absent for what the fleet shares. */
  readonly cluster?: string;
  /** Writes in one lane go one after another. */
  readonly lane?: string;
  readonly inputs: Refs<I>;
  /** Keys of resources that have to be done before it, beside those that its inputs are read from. */
  readonly after?: readonly string[];
  /** Whom it lets reach what, the service connection that writes it included: what a boundary policy judges before the first write. */
  readonly accesses?: readonly Access[];
  /** What is there now; undefined when there is nothing, or when an input needed to look is unknown. */
  observe(reader: Reader, known: Known<I>): Promise<S | undefined>;
  /** Pure. */
  plan(observed: S | undefined, known: Known<I>): Change;
  /** What the user is told of it as a warning, whether or not it changes: nothing that stands in the way. Pure. */
  notices?(observed: S | undefined, known: Known<I>): readonly ProblemParts[];
  /** The rights that the change's write needs; asked for create, update and delete only. */
  permissions(change: Change, known: Known<I>): readonly Permission[];
  /** What the change's write would send; undefined when that is of no interest to conditions and policies. Asked for create, update and delete only. */
  content?(change: WritingChange, observed: S | undefined, known: Known<I>): Content | undefined;
  /** The rights that looking at it needs, in every run: what a connection that only plans has to have. */
  reads?(known: Known<I>): readonly Permission[];
  /** What a change takes from budgets; summed over the whole plan before the first write. */
  costs?(change: WritingChange, observed: S | undefined, known: Known<I>): readonly Cost[];
  /** Makes the change. The engine observes and plans again afterwards: only "keep" then counts as success. */
  apply(change: Change, known: I, writer: Writer): Promise<void>;
  /**
   * Called where a change was made and then not seen: a resource that can takes it back, and says so with the failure.
   * @throws only when the run is cancelled
   */
  unseen?(failure: Problem, writer: Writer): Promise<Problem>;
}

/** A resource of any kind, as the engine sees it. */
export type AnyResource = Resource<object, object>;

/** A change that keeps what is there. */
export function keep(reason: string, later?: WritingChange): Change {
  return { action: 'keep', reason, ...(later === undefined ? {} : { later }) };
}

/** True for changes that write. */
export function writes(change: Change): change is WritingChange {
  return change.action === 'create' || change.action === 'update' || change.action === 'delete';
}

/** A change that cannot be made. `awaits`: another task of the same pipeline is expected to remove the obstacle. */
export function blocked(problem: ProblemParts, awaits = false, then?: Change): Change {
  return { action: 'blocked', problem, awaits, ...(then !== undefined && writes(then) ? { then } : {}) };
}

/** The change as a plan foresees it: what waits only for another task counts as what it will be then. */
export function foreseen(change: Change): Change {
  return change.action === 'blocked' && change.awaits ? (change.then ?? change) : change;
}
