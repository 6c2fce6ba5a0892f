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
    const resolved = this.all().map((variable) => this.#resolved(variable, []));
    for (const variable of resolved) this.#variables.set(variable.name.toLowerCase(), variable);
  }

  /** @param path lower-case names of the variables this one is being put into. */
  #resolved(variable: Variable, path: readonly string[]): Variable {
    const inside = [...path, variable.name.toLowerCase()];
    let secret = variable.secret;
    const value = variable.value.replace(macro, (whole: string, name: string) => {
      const other = this.get(name.trim());
      if (other === undefined || inside.includes(other.name.toLowerCase())) return whole;
      const inner = this.#resolved(other, inside);
      secret ||= inner.secret;
      return inner.value;
    });
    return { ...variable, value, secret };
  }
}
