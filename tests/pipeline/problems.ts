/** A place in a YAML file; line and column count from 1, as Azure Pipelines prints them. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that keeps a pipeline from running. */
export interface Problem {
  readonly at: Position;
  readonly message: string;
}

/** `file:line:column: message`. */
export function describeProblem(problem: Problem): string {
  return `${problem.at.file}:${problem.at.line}:${problem.at.column}: ${problem.message}`;
}

/** The pipeline is refused before its first job: every problem that was found, in order. */
export class PipelineRefused extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join('\n'));
    this.name = 'PipelineRefused';
    this.problems = problems;
  }
}

/** Collects problems, so that one run reports them all. */
export class Problems {
  readonly #found: Problem[] = [];

  add(at: Position, message: string): void {
    const same = this.#found.some((other) => other.message === message && describeProblem(other) === describeProblem({ at, message }));
    if (!same) this.#found.push({ at, message });
  }

  /** What Azure Pipelines knows and this runner does not: never ignored, always by name. */
  unsupported(at: Position, what: string): void {
    this.add(at, `not supported by the local runner: ${what}`);
  }

  /** What was found so far, in order. */
  get all(): readonly Problem[] {
    return this.#found;
  }

  get empty(): boolean {
    return this.#found.length === 0;
  }

  /** @throws {PipelineRefused} when anything was found. */
  throwIfAny(): void {
    if (!this.empty) throw new PipelineRefused([...this.#found]);
  }
}
