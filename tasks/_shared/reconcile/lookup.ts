import { value, type Refs } from './ref.js';
import type { Change, Permission, Reader, Resource } from './resource.js';

/** A resource that a task reads and never writes: its plan is either "keep" or "blocked". */
export abstract class Lookup<S extends object> implements Resource<{ id: string }, S> {
  abstract readonly kind: string;
  readonly inputs: Refs<{ id: string }>;
  readonly cluster?: string;

  /**
   * @param id of the object that is read
   * @param cluster the cluster that it stands or falls with, if any
   */
  constructor(
    readonly key: string,
    readonly name: string,
    protected readonly id: string,
    cluster?: string,
  ) {
    this.inputs = { id: value(id) };
    if (cluster !== undefined) this.cluster = cluster;
  }

  abstract observe(reader: Reader): Promise<S | undefined>;
  abstract plan(observed: S | undefined): Change;

  permissions(): Permission[] {
    return [];
  }

  /** The rights that looking needs. */
  reads(): Permission[] {
    return [];
  }

  /** Never called by the engine: there is nothing to apply. */
  apply(): Promise<void> {
    return Promise.reject(new Error(`${this.key} is only read`));
  }
}
