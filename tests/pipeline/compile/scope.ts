import { evaluate } from '../expressions/evaluate.js';
import type { Value } from '../expressions/values.js';
import { map, scalar } from '../yaml/nodes.js';
import type { MapEntry, MapNode } from '../yaml/nodes.js';

/** A YAML file with the repository it belongs to; template paths are resolved against both. */
export interface SourceFile {
  /** Alias of the repository resource; `self` for the pipeline's own. */
  readonly repository: string;
  /** Path from the repository's root, with forward slashes and no leading one. */
  readonly path: string;
  /** How problems name the file. */
  readonly label: string;
}

/**
 * What `${{ }}` sees: parameters of the file, variables that YAML has declared so far, loop variables.
 * Values of variable groups are not there: they expand to nothing, as in the service (azure-devops-docs#9459).
 */
export class Scope {
  readonly file: SourceFile;
  readonly #parameters: MapNode;
  readonly #variables: Map<string, MapEntry>;
  readonly #loops: ReadonlyMap<string, Value>;

  constructor(file: SourceFile, parameters: MapNode, variables: ReadonlyMap<string, MapEntry> = new Map(), loops: ReadonlyMap<string, Value> = new Map()) {
    this.file = file;
    this.#parameters = parameters;
    this.#variables = new Map(variables);
    this.#loops = loops;
  }

  /** A scope whose new variables are not seen outside. */
  child(): Scope {
    return new Scope(this.file, this.#parameters, this.#variables, this.#loops);
  }

  /** The scope of an included file: the variables so far, its own parameters, no loop variables. */
  enter(file: SourceFile, parameters: MapNode): Scope {
    return new Scope(file, parameters, this.#variables);
  }

  withLoop(name: string, value: Value): Scope {
    return new Scope(this.file, this.#parameters, this.#variables, new Map([...this.#loops, [name, value]]));
  }

  define(name: string, value: string): void {
    this.#variables.set(name.toLowerCase(), { key: scalar(name), value: scalar(value) });
  }

  /** Takes over what another scope has defined. */
  adopt(other: Scope): void {
    for (const [name, entry] of other.#variables) this.#variables.set(name, entry);
  }

  evaluate(expression: string): Value {
    const values = new Map<string, Value>([
      ['parameters', this.#parameters],
      ['variables', map([...this.#variables.values()])],
      ...this.#loops,
    ]);
    return evaluate(expression, { values });
  }
}
