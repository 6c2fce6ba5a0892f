import type { ProblemParts } from './problem.js';
import { value, type Known, type Ref, type Refs } from './ref.js';
import { keep, type Change, type Permission, type Reader, type Resource, type Writer } from './resource.js';

/** What a removal found. */
export interface RemovalState {
  /** False when there is nothing to remove, or no longer. */
  readonly present: boolean;
  /** Why it is not removed although it is there, in a clause. */
  readonly stays?: string;
  /** What stays although somebody may expect it to go: told as an issue at the end of the run. */
  readonly left?: readonly ProblemParts[];
}

/** Where a removal stands among the others. */
export interface RemovalPlace {
  readonly key: string;
  readonly name: string;
  readonly cluster?: string;
  readonly lane?: string;
  /** Keys of the removals that come before. */
  readonly after?: readonly string[];
  /** Something that has to be usable first, such as the cluster. */
  readonly needs?: Ref<string>;
}

/** What every removal waits for. */
export interface RemovalInputs {
  /** Id of what has to be usable; empty for nothing. */
  readonly needs: string;
}

/** Something that shall not be there any more. Not found counts as done; the removal is confirmed by a strong read. */
export abstract class Removal<S extends RemovalState = RemovalState> implements Resource<RemovalInputs, S> {
  readonly key: string;
  readonly name: string;
  readonly cluster?: string;
  readonly lane?: string;
  readonly after: readonly string[];
  readonly inputs: Refs<RemovalInputs>;
  abstract readonly kind: string;

  constructor(place: RemovalPlace) {
    this.key = place.key;
    this.name = place.name;
    if (place.cluster !== undefined) this.cluster = place.cluster;
    if (place.lane !== undefined) this.lane = place.lane;
    this.after = place.after ?? [];
    this.inputs = { needs: place.needs ?? value('') };
  }

  abstract observe(reader: Reader, known: Known<RemovalInputs>): Promise<S | undefined>;

  plan(observed: S | undefined): Change {
    if (observed?.present !== true) return keep('there is none');
    if (observed.stays !== undefined) return keep(`stays: ${observed.stays}`);
    return { action: 'delete', reason: this.reason(observed), fields: [], widens: false };
  }

  /** Why it goes, in a clause. */
  protected abstract reason(observed: S): string;

  abstract permissions(change: Change): readonly Permission[];
  abstract apply(change: Change, known: RemovalInputs, writer: Writer): Promise<void>;
}
