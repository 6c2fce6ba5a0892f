/** What ledgers of earlier runs tell of one object. */
export interface ObjectHistory {
  /** Keys of the resources that wrote it. */
  readonly resources: readonly string[];
  /** True when one of the writes made it. */
  readonly made: boolean;
  /** What was there before the first write that the ledgers know; absent when nothing was, or when it was not noted. */
  readonly before?: string;
  /** What writes have left, oldest first. Of a write whose outcome is unknown as well: either may be what is there. */
  readonly afters: readonly string[];
  /** The same writes one by one, for what is written part by part: each line tells of the parts that it wrote. */
  readonly writes: readonly WriteHistory[];
}

/** What one write found, and what it left. */
export interface WriteHistory {
  readonly before?: string;
  readonly after?: string;
  /** False when nobody knows whether it arrived. */
  readonly certain: boolean;
}

/** What earlier runs did, as far as their ledgers were given. */
export interface History {
  /**
   * What was done to an object since it was last deleted: ARM id or Kubernetes path, without regard to case.
   * @param cluster ARM id of the cluster of a Kubernetes path
   */
  of(object: string, cluster?: string): ObjectHistory | undefined;
  /** Every object that the ledgers know of, as it is written there. */
  readonly objects: readonly string[];
}

/** The history of a run without ledgers. */
export const noHistory: History = { of: () => undefined, objects: [] };
