/** Stands for a value that only applying the plan makes known. */
export const unknown: unique symbol = Symbol('known after apply');
export type Unknown = typeof unknown;

/** A value that another resource's state will give. */
export interface Output<T> {
  readonly from: string;
  /** Reads the value from the state; undefined while that state does not have it yet. */
  pick(state: object): T | undefined;
}

/** An input of a resource: known from the start, or an output of another resource. */
export type Ref<T> = { readonly value: T } | { readonly output: Output<T> };

/** The inputs of a resource as references. */
export type Refs<I> = { readonly [K in keyof I]: Ref<I[K]> };

/** The inputs of a resource at planning time. */
export type Known<I> = { readonly [K in keyof I]: I[K] | Unknown };

/** An input whose value is known from the start. */
export function value<T>(known: T): Ref<T> {
  return { value: known };
}

/** Whatever observes a state under a key, i.e. a resource; the type of the state follows from `observe`. */
export interface Producer<S extends object> {
  readonly key: string;
  observe(...given: never[]): Promise<S | undefined>;
}

/** An input that is read from the state of another resource, which thereby comes first. */
export function output<S extends object, T>(producer: Producer<S>, pick: (state: S) => T | undefined): Ref<T> {
  const reader: { pick(state: S): T | undefined } = { pick };
  return { output: { from: producer.key, pick: (state) => reader.pick(state as S) } };
}

/** The keys of the resources that these inputs are read from. */
export function sources(inputs: object): string[] {
  return Object.values(inputs as Record<string, Ref<unknown>>).flatMap((ref) => ('output' in ref ? [ref.output.from] : []));
}

/**
 * The inputs with every reference looked up.
 * @param stateOf the state of a resource by key; `unknown` when it is not settled yet.
 */
export function resolve<I extends object>(inputs: Refs<I>, stateOf: (key: string) => object | Unknown): Known<I> {
  const entries = Object.entries<Ref<unknown>>(inputs as Record<string, Ref<unknown>>).map(([name, ref]) => {
    if ('value' in ref) return [name, ref.value];
    const state = stateOf(ref.output.from);
    return [name, state === unknown ? unknown : (ref.output.pick(state) ?? unknown)];
  });
  return Object.fromEntries(entries) as Known<I>;
}

/** Narrows resolved inputs to fully known ones. */
export function isKnown<I extends object>(inputs: Known<I>): inputs is Known<I> & I {
  return Object.values(inputs).every((entry) => entry !== unknown);
}

/** How a value that may not be known yet prints. */
export function show(entry: unknown): string {
  if (entry === unknown) return '(known after apply)';
  return typeof entry === 'string' ? entry : JSON.stringify(entry);
}
