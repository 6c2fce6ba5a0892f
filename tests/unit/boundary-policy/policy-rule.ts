import type { Condition, PolicyRule } from '../../../scripts/boundary-policy/rules.js';

/** What Azure Policy sees of a request: type, id and aliases. */
export type Request = Readonly<Record<string, string>>;

/** What a rule is evaluated with. */
export interface Evaluation {
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What `utcNow()` answers. */
  readonly now: string;
}

type Value = string | boolean | readonly unknown[] | undefined;

/**
 * Whether a rule denies a request. Texts are compared without regard to case, `like` knows one asterisk, a field that the request lacks equals nothing.
 * Source: Azure Policy docs, definition structure: policy rule.
 * @throws Error for whatever the language does not have.
 */
export function denies(rule: PolicyRule, request: Request, evaluation: Evaluation): boolean {
  return holds(rule.if, request, evaluation) && valueOf(rule.then.effect, request, evaluation) === 'Deny';
}

function holds(condition: Condition, request: Request, evaluation: Evaluation): boolean {
  const inner = (one: Condition): boolean => holds(one, request, evaluation);
  if ('allOf' in condition) return condition.allOf.every(inner);
  if ('anyOf' in condition) return condition.anyOf.some(inner);
  if ('not' in condition) return !inner(condition.not);
  const actual = 'field' in condition ? field(condition.field, request) : valueOf(condition.value, request, evaluation);
  if ('in' in condition) {
    const list = typeof condition.in === 'string' ? valueOf(condition.in, request, evaluation) : condition.in;
    if (!Array.isArray(list)) throw new Error(`in: not a list: ${JSON.stringify(condition.in)}`);
    return list.some((item) => same(actual, item));
  }
  if ('equals' in condition) return same(actual, condition.equals);
  if ('like' in condition) return like(actual, condition.like);
  if ('notLike' in condition) return !like(actual, condition.notLike);
  if (typeof actual !== 'string' || Number.isNaN(Date.parse(actual)) || Number.isNaN(Date.parse(condition.less))) throw new Error(`less: no dates: ${String(actual)}`);
  return Date.parse(actual) < Date.parse(condition.less);
}

function field(name: string, request: Request): Value {
  if (!/^(id|type|Microsoft\.\w+\/[\w/]+)$/.test(name)) throw new Error(`no field is called ${name}`);
  return Object.entries(request).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

function same(one: unknown, other: unknown): boolean {
  return typeof one === 'string' && typeof other === 'string' ? one.toLowerCase() === other.toLowerCase() : one !== undefined && one === other;
}

function like(actual: Value, pattern: string): boolean {
  const [before = '', after, ...more] = pattern.toLowerCase().split('*');
  if (more.length > 0) throw new Error(`like takes one asterisk: ${pattern}`);
  if (typeof actual !== 'string') return false;
  const text = actual.toLowerCase();
  if (after === undefined) return text === before;
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}

/** A plain text, or an expression in brackets. */
function valueOf(text: string, request: Request, evaluation: Evaluation): Value {
  if (!text.startsWith('[')) return text;
  const reader = new ExpressionReader(text.slice(1, -1), request, evaluation);
  return reader.whole();
}

class ExpressionReader {
  #at = 0;

  constructor(
    private readonly text: string,
    private readonly request: Request,
    private readonly evaluation: Evaluation,
  ) {}

  whole(): Value {
    const value = this.#value();
    if (this.#at !== this.text.length) throw new Error(`not an expression: ${this.text}`);
    return value;
  }

  #value(): Value {
    const quoted = this.#take(/^'([^']*)'/);
    if (quoted !== undefined) return quoted;
    const name = this.#take(/^(\w+)\(/);
    if (name === undefined) throw new Error(`not an expression: ${this.text}`);
    const values: Value[] = [];
    while (this.#take(/^(\))/) === undefined) {
      values.push(this.#value());
      this.#take(/^(, *)/);
    }
    return this.#call(name, values);
  }

  #call(name: string, [first, second]: readonly Value[]): Value {
    if (name === 'utcNow') return this.evaluation.now;
    if (name === 'last' && Array.isArray(first)) return String(first.at(-1));
    if (typeof first !== 'string') throw new Error(`${name} takes text`);
    if (name === 'field') return field(first, this.request) ?? '';
    if (name === 'split' && typeof second === 'string') return first.split(second);
    const given = this.evaluation.parameters[first];
    if (name !== 'parameters' || given === undefined) throw new Error(`no parameter or function: ${name}('${first}')`);
    if (typeof given === 'string' || typeof given === 'boolean' || Array.isArray(given)) return given;
    throw new Error(`the parameter ${first} is of no known type`);
  }

  #take(pattern: RegExp): string | undefined {
    const found = pattern.exec(this.text.slice(this.#at));
    this.#at += found?.[0].length ?? 0;
    return found?.[1];
  }
}
