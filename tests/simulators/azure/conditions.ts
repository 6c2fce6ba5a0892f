/** What a role-assignment condition is evaluated against. */
export interface ConditionContext {
  /** The action or data action that is asked for. */
  readonly action: string;
  /** Values by attribute, e.g. `Microsoft.ContainerRegistry/registries/repositories:name`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A parsed condition: true when the assignment acts. */
export type Condition = (context: ConditionContext) => boolean;

type Comparison = (actual: string, wanted: string) => boolean;

const comparisons = new Map<string, Comparison>([
  ['StringEquals', (actual, wanted) => actual === wanted],
  ['StringEqualsIgnoreCase', (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase()],
  ['StringStartsWith', (actual, wanted) => actual.startsWith(wanted)],
  ['StringStartsWithIgnoreCase', (actual, wanted) => actual.toLowerCase().startsWith(wanted.toLowerCase())],
  ['GuidEquals', (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase()],
  ['GuidNotEquals', (actual, wanted) => actual.toLowerCase() !== wanted.toLowerCase()],
]);

/** How a comparison with each value of a set makes up the whole, for an attribute that has one value. Source: azure-docs, condition format, cross product functions. */
const quantifiers = new Map<string, (values: readonly string[], holds: (wanted: string) => boolean) => boolean>([
  ['ForAnyOfAnyValues', (values, holds) => values.some(holds)],
  ['ForAnyOfAllValues', (values, holds) => values.every(holds)],
  ['ForAllOfAnyValues', (values, holds) => values.some(holds)],
  ['ForAllOfAllValues', (values, holds) => values.every(holds)],
]);

const tokens = [
  /(?<space>\s+)/,
  /(?<attribute>@(?:Request|Resource)\[[^\]\s]+\])/,
  /(?<matches>ActionMatches\s*\{\s*'[^']+'\s*\})/,
  /(?<text>'(?:[^'\\]|\\.)*')/,
  /(?<set>\{(?:'(?:[^'\\]|\\.)*'|[^'{}])*\})/,
  /(?<symbol>&&|\|\||[!()])/,
  /(?<word>[A-Za-z]+(?::[A-Za-z]+)?)/,
];
const lexer = new RegExp(tokens.map(({ source }) => source).join('|'), 'y');

/** True when an action matches a pattern with `*`, which stands for any text. Case does not matter. Source: azure-docs, role definitions. */
export function actionMatches(pattern: string, action: string): boolean {
  const expression = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return new RegExp(`^${expression}$`, 'i').test(action);
}

/**
 * Parses the part of the condition language (version 2.0) that repository, secret-name and delegation conditions use: `ActionMatches{'…'}`,
 * `@Request[…]` and `@Resource[…]` with the comparisons for text and GUIDs, also with sets, `AND`, `OR`, `!`/`NOT`, parentheses. AND binds
 * closer than OR.
 * Source: azure-docs, role assignment condition format and delegate-role-assignments-examples; ACR docs, Entra ABAC repository permissions.
 * @returns undefined for every other text.
 */
export function parseCondition(text: string): Condition | undefined {
  const words = lex(text);
  if (words === undefined) return undefined;
  const parser = new Parser(words);
  const condition = parser.either();
  return parser.finished ? condition : undefined;
}

function lex(text: string): string[] | undefined {
  const found: string[] = [];
  for (let position = 0; position < text.length; position = lexer.lastIndex) {
    lexer.lastIndex = position;
    const match = lexer.exec(text);
    if (match === null) return undefined;
    if (match.groups?.space === undefined) found.push(match[0]);
  }
  return found;
}

/** Recursive descent; every method answers undefined where the text does not fit. */
class Parser {
  #next = 0;

  constructor(private readonly words: readonly string[]) {}

  get finished(): boolean {
    return this.#next === this.words.length;
  }

  either(): Condition | undefined {
    let left = this.#both();
    while (left !== undefined && this.#take('OR', '||')) {
      const [first, second] = [left, this.#both()];
      left = second && ((context) => first(context) || second(context));
    }
    return left;
  }

  #both(): Condition | undefined {
    let left = this.#negation();
    while (left !== undefined && this.#take('AND', '&&')) {
      const [first, second] = [left, this.#negation()];
      left = second && ((context) => first(context) && second(context));
    }
    return left;
  }

  #negation(): Condition | undefined {
    if (!this.#take('!', 'NOT')) return this.#primary();
    const inner = this.#negation();
    return inner && ((context) => !inner(context));
  }

  #primary(): Condition | undefined {
    if (this.#take('(')) {
      const inner = this.either();
      return this.#take(')') ? inner : undefined;
    }
    const word = this.words[this.#next++] ?? '';
    const pattern = /^ActionMatches\s*\{\s*'([^']+)'\s*\}$/i.exec(word)?.[1];
    if (pattern !== undefined) return ({ action }) => actionMatches(pattern, action);
    const attribute = /^@(?:Request|Resource)\[(.+)\]$/i.exec(word)?.[1];
    return attribute === undefined ? undefined : this.#comparison(attribute);
  }

  #comparison(attribute: string): Condition | undefined {
    const [operator = '', quantifier] = (this.words[this.#next++] ?? '').split(':').reverse();
    const comparison = comparisons.get(operator);
    const over = quantifier === undefined ? undefined : quantifiers.get(quantifier);
    const word = this.words[this.#next++] ?? '';
    const values = quantifier === undefined ? literals(word) : /^\{(.*)\}$/s.exec(word)?.[1]?.split(',').flatMap((item) => literals(item.trim()) ?? [item.trim()]);
    if (comparison === undefined || values === undefined || (quantifier !== undefined && over === undefined)) return undefined;
    return ({ attributes }) => {
      const actual = valueOf(attributes, attribute);
      const holds = (wanted: string): boolean => actual !== undefined && comparison(actual, wanted);
      return over === undefined ? values.some(holds) : over(values, holds);
    };
  }

  #take(...wanted: string[]): boolean {
    const word = this.words[this.#next];
    if (word === undefined || !wanted.includes(word.toUpperCase())) return false;
    this.#next += 1;
    return true;
  }
}

/** The text of a literal, alone in a list; undefined for another word. */
function literals(word: string): readonly string[] | undefined {
  const literal = /^'(.*)'$/s.exec(word)?.[1]?.replace(/\\(.)/g, '$1');
  return literal === undefined ? undefined : [literal];
}

/** Attribute names are compared without case, their values as the comparison says. */
function valueOf(attributes: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.entries(attributes).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}
