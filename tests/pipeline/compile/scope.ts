import { evaluate } from '../expressions/evaluate.js';
import { templateFunctions } from '../expressions/functions.js';
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
 * How far a tree is expanded. `full`: expressions and templates. `expressions`: templates are left as references, for typed parameters,
 * whose templates belong to the file that receives them. `templates`: expressions have been evaluated already.
 */
export type ScopeMode = 'full' | 'expressions' | 'templates';

interface ScopeParts {
  readonly file: SourceFile;
  readonly parameters: MapNode;
  readonly variables: ReadonlyMap<string, MapEntry>;
  readonly loops: ReadonlyMap<string, Value>;
  readonly mode: ScopeMode;
}

/**
 * What `${{ }}` sees: parameters of the file, variables that YAML has declared so far, loop variables.
 * Values of variable groups are not there: they expand to nothing, as in the service (azure-devops-docs#9459).
 */
export class Scope {
  readonly #parts: ScopeParts;
  readonly #variables: Map<string, MapEntry>;

  private constructor(parts: ScopeParts) {
    this.#parts = parts;
    this.#variables = new Map(parts.variables);
  }

  /** The scope of the root file. */
  static root(file: SourceFile, parameters: MapNode): Scope {
    return new Scope({ file, parameters, variables: new Map(), loops: new Map(), mode: 'full' });
  }

  get file(): SourceFile {
    return this.#parts.file;
  }

  get mode(): ScopeMode {
    return this.#parts.mode;
  }

  #with(parts: Partial<ScopeParts>): Scope {
    return new Scope({ ...this.#parts, variables: this.#variables, ...parts });
  }

  /** A scope whose new variables are not seen outside. */
  child(): Scope {
    return this.#with({});
  }

  /** The scope of an included file: the variables so far, its own parameters, no loop variables. */
  enter(file: SourceFile, parameters: MapNode): Scope {
    return this.#with({ file, parameters, loops: new Map(), mode: 'full' });
  }

  /** The same scope for a tree that is expanded in part. */
  inMode(mode: ScopeMode): Scope {
    return this.#with({ mode });
  }

  withLoop(name: string, value: Value): Scope {
    return this.#with({ loops: new Map([...this.#parts.loops, [name, value]]) });
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
      ['parameters', this.#parts.parameters],
      ['variables', map([...this.#variables.values()])],
      ...this.#parts.loops,
    ]);
    return evaluate(expression, { values, functions: templateFunctions });
  }
}
