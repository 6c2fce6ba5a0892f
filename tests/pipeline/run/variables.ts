/** A variable of a running job. */
export interface Variable {
  readonly name: string;
  readonly value: string;
  readonly secret: boolean;
  readonly readOnly: boolean;
}

const macro = /\$\(([^()]+)\)/g;

/** The name of a variable as an environment variable: `.` and blanks become `_`, upper case. Source: agent, VarUtil. */
export function environmentName(name: string): string {
  return name.replace(/[. ]/g, '_').toUpperCase();
}

/** The variables of one job; names are compared without regard to case. */
export class JobVariables {
  readonly #variables = new Map<string, Variable>();

  get(name: string): Variable | undefined {
    return this.#variables.get(name.toLowerCase());
  }

  value(name: string): string | undefined {
    return this.get(name)?.value;
  }

  /** Sets without asking whether the variable is read-only: callers check. */
  set(name: string, value: string, flags: { readonly secret?: boolean; readonly readOnly?: boolean } = {}): void {
    const before = this.get(name);
    this.#variables.set(name.toLowerCase(), {
      name: before?.name ?? name,
      value,
      secret: flags.secret ?? before?.secret ?? false,
      readOnly: flags.readOnly ?? before?.readOnly ?? false,
    });
  }

  all(): readonly Variable[] {
    return [...this.#variables.values()];
  }

  /** Replaces `$(name)`; an unknown name stays as text, and what was put in is not looked at again. Source: agent, VarUtil.ExpandValues. */
  expand(text: string): string {
    return text.replace(macro, (whole: string, name: string) => this.value(name.trim()) ?? whole);
  }

  /**
   * Resolves macros among the variables themselves, once, when the job starts; a circle stays as text.
   * What contains a secret becomes secret.
   */
  resolve(): void {
    const done = new Map<string, Variable>();
    for (const variable of this.all()) this.#resolved(variable, done, []);
    for (const [name, variable] of done) this.#variables.set(name, variable);
  }

  #resolved(variable: Variable, done: Map<string, Variable>, path: readonly string[]): Variable {
    const key = variable.name.toLowerCase();
    const ready = done.get(key);
    if (ready !== undefined || path.includes(key)) return ready ?? variable;
    let secret = variable.secret;
    const value = variable.value.replace(macro, (whole: string, name: string) => {
      const other = this.get(name.trim());
      if (other === undefined || [...path, key].includes(other.name.toLowerCase())) return whole;
      const inner = this.#resolved(other, done, [...path, key]);
      secret ||= inner.secret;
      return inner.value;
    });
    const result = { ...variable, value, secret };
    if (path.length === 0) done.set(key, result);
    return result;
  }
}
