import { Instant } from './instant.js';
import type { ExpressionFunction } from './functions.js';
import { ExpressionError } from './lexer.js';
import { kindName, toText, tryNumber, ValueContext } from './values.js';

/** Keeps the counters of pipelines between their runs. */
export interface Counters {
  /** The value for a new run: `seed` when this pipeline has not used the prefix before, otherwise one more than the last. */
  next(pipeline: string, prefix: string, seed: number): number;
}

/** Counters that live as long as this object. */
export class MemoryCounters implements Counters {
  readonly #last = new Map<string, number>();

  next(pipeline: string, prefix: string, seed: number): number {
    const key = JSON.stringify([pipeline.toLowerCase(), prefix.toLowerCase()]);
    const last = this.#last.get(key);
    const value = last === undefined ? seed : last + 1;
    this.#last.set(key, value);
    return value;
  }
}

/** What `$[ ]` sees of the run itself, the same for all of its jobs. Created once per run. */
export class RunExpressions {
  /** The context `pipeline`, with `startTime`. Source: azure-devops-docs, process/expressions ("counter"). */
  readonly pipeline: ValueContext;
  /** The functions of a variable's value on top of the common ones, by name in lower case. */
  readonly variableFunctions: ReadonlyMap<string, ExpressionFunction>;

  /**
   * @param startTime the start of the run, in UTC.
   * @param name the pipeline, which counters belong to.
   */
  constructor(startTime: Date, name: string, counters: Counters) {
    this.pipeline = new ValueContext(new Map([['starttime', new Instant(startTime.getTime())]]));
    this.variableFunctions = new Map([['counter', counterFunction(counters, name)]]);
  }
}

/** The signature of `counter` for checking variables before a run. Both arguments may be left out (azure-pipelines-agent#1547). */
export const variableSignatures: ReadonlyMap<string, { readonly min: number; readonly max: number }> = new Map([['counter', { min: 0, max: 2 }]]);

/** Contexts of `$[ ]` that the service has and this runner does not. */
export const refusedContexts: readonly string[] = ['resources'];

/** `counter(prefix, seed)`: moves once per run and prefix, however many jobs evaluate it. Source: azure-devops-docs, process/expressions ("counter"). */
function counterFunction(counters: Counters, pipeline: string): ExpressionFunction {
  const ofThisRun = new Map<string, number>();
  return {
    min: 0,
    max: 2,
    call: ([prefixArgument, seedArgument]) => {
      const prefix = toText(prefixArgument?.() ?? null);
      const given = seedArgument?.() ?? null;
      const seed = tryNumber(given);
      if (seed === undefined) throw new ExpressionError(`Unable to convert from ${kindName(given)} to Number. Value: ${toText(given)}`);
      const value = ofThisRun.get(prefix.toLowerCase()) ?? counters.next(pipeline, prefix, seed);
      ofThisRun.set(prefix.toLowerCase(), value);
      return value;
    },
  };
}
