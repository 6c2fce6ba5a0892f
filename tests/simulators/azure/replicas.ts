/** How a data plane is spread over replicas that learn of role assignments one after another. May be changed at any time. */
export interface ReplicaKnobs {
  /** How many answer, in turn. */
  replicas: number;
  /** Replica i learns of an assignment i × this later than the role store says. Milliseconds. */
  replicaLagMs: number;
}

/** The replicas of one data plane. */
export class Replicas {
  #asked = 0;

  constructor(private readonly knobs: ReplicaKnobs) {}

  /** How far the replica whose turn it is lies behind. Milliseconds. */
  next(): number {
    const replica = this.#asked % this.knobs.replicas;
    this.#asked += 1;
    return replica * this.knobs.replicaLagMs;
  }
}
