/** What a condition is evaluated against. Attribute names are compared without case. */
export interface ConditionFacts {
  readonly action: string;
  /** Values by attribute, e.g. `Microsoft.Authorization/roleAssignments:RoleDefinitionId`, of what is written. */
  readonly request: Readonly<Record<string, string>>;
  /** The same of what is there. */
  readonly resource: Readonly<Record<string, string>>;
  /** Attributes whose values cannot be known yet. */
  readonly pending: readonly string[];
}

/** Undefined when it cannot be told. */
export type Verdict = boolean | undefined;

type Test = (facts: ConditionFacts) => Verdict;

const words = [
  /\s+/,
  /@(?:Request|Resource)\[[^\]]+\]/,
  /(?:Sub)?(?:Action|Operation)Matches\s*\{[^{}]*\}/,
  /'(?:[^'\\]|\\.)*'/,
  /\{(?:'(?:[^'\\]|\\.)*'|[^'{}])*\}/,
  /&&|\|\||[!()]/,
  /[A-Za-z]+(?::[A-Za-z]+)?/,
];
const lexer = new RegExp(words.map(({ source }) => `(?:${source})`).join('|'), 'y');

const equal = (actual: string, wanted: string): boolean => actual === wanted;
const alike = (actual: string, wanted: string): boolean => actual.toLowerCase() === wanted.toLowerCase();
const comparisons = new Map<string, (actual: string, wanted: string) => boolean>([
  ['GuidEquals', alike],
  ['GuidNotEquals', (actual, wanted) => !alike(actual, wanted)],
  ['StringEquals', equal],
  ['StringNotEquals', (actual, wanted) => !equal(actual, wanted)],
  ['StringEqualsIgnoreCase', alike],
  ['StringNotEqualsIgnoreCase', (actual, wanted) => !alike(actual, wanted)],
]);
/** For attributes with one value, as those of role assignments have. */
const anyValue = (actual: string, wanted: readonly string[], holds: (one: string, other: string) => boolean): boolean => wanted.some((one) => holds(actual, one));
const allValues: typeof anyValue = (actual, wanted, holds) => wanted.every((one) => holds(actual, one));
const quantifiers = new Map([['ForAnyOfAnyValues', anyValue], ['ForAllOfAnyValues', anyValue], ['ForAnyOfAllValues', allValues], ['ForAllOfAllValues', allValues]]);

/**
 * Evaluates the condition of a role assignment as far as conditions of delegates need it: `ActionMatches`, `@Request` and `@Resource`
 * attributes compared with texts, GUIDs and sets of them, AND, OR, NOT and parentheses; AND binds closer than OR.
 * Source: azure-docs, conditions-format; delegate-role-assignments-examples.
 * @returns undefined for another form, or when the answer depends on what is not known yet.
 */
export function evaluateCondition(text: string, facts: ConditionFacts): Verdict {
  const found = split(text);
  if (found === undefined) return undefined;
  const parser = new Parser(found);
  const test = parser.either();
  return parser.finished ? test?.(facts) : undefined;
}

function split(text: string): string[] | undefined {
  const found: string[] = [];
  for (let position = 0; position < text.length; position = lexer.lastIndex) {
    lexer.lastIndex = position;
    const word = lexer.exec(text)?.[0];
    if (word === undefined) return undefined;
    if (word.trim() !== '') found.push(word);
  }
  return found;
}

/** Recursive descent; every method answers undefined where the text does not fit. */
class Parser {
  #next = 0;

  constructor(private readonly found: readonly string[]) {}

  get finished(): boolean {
    return this.#next === this.found.length;
  }

  either(): Test | undefined {
    return this.#chain(['OR', '||'], true, () => this.#chain(['AND', '&&'], false, () => this.#negation()));
  }

  /** Parts joined by one operator. `decisive` is the part's answer that settles the whole. */
  #chain(operators: readonly string[], decisive: boolean, part: () => Test | undefined): Test | undefined {
    const tests = [part()];
    while (this.#take(...operators)) tests.push(part());
    if (!tests.every((test) => test !== undefined)) return undefined;
    return (facts) => {
      const answers = tests.map((test) => test(facts));
      if (answers.includes(decisive)) return decisive;
      return answers.includes(undefined) ? undefined : !decisive;
    };
  }

  #negation(): Test | undefined {
    if (!this.#take('!', 'NOT')) return this.#primary();
    const inner = this.#negation();
    return inner && ((facts) => not(inner(facts)));
  }

  #primary(): Test | undefined {
    if (this.#take('(')) {
      const inner = this.either();
      return this.#take(')') ? inner : undefined;
    }
    const word = this.found[this.#next++] ?? '';
    const pattern = /^ActionMatches\s*\{\s*'([^']+)'\s*\}$/i.exec(word)?.[1];
    if (pattern !== undefined) return ({ action }) => actionMatches(pattern, action);
    const [, source, attribute] = /^@(Request|Resource)\[(.+)\]$/i.exec(word) ?? [];
    return source === undefined || attribute === undefined ? undefined : this.#comparison(source.toLowerCase() === 'request' ? 'request' : 'resource', attribute);
  }

  #comparison(source: 'request' | 'resource', attribute: string): Test | undefined {
    const [operator = '', quantifier] = (this.found[this.#next++] ?? '').split(':').reverse();
    const compare = comparisons.get(operator);
    const over = quantifier === undefined ? anyValue : quantifiers.get(quantifier);
    const wanted = valuesOf(this.found[this.#next++] ?? '', quantifier !== undefined);
    if (compare === undefined || over === undefined || wanted === undefined) return undefined;
    return (facts) => {
      if (facts.pending.some((name) => alike(name, attribute))) return undefined;
      const actual = Object.entries(facts[source]).find(([name]) => alike(name, attribute))?.[1];
      return actual !== undefined && over(actual, wanted, compare);
    };
  }

  #take(...wanted: string[]): boolean {
    if (!wanted.includes((this.found[this.#next] ?? '').toUpperCase())) return false;
    this.#next += 1;
    return true;
  }
}

function valuesOf(word: string, set: boolean): string[] | undefined {
  const inside = set ? /^\{(.*)\}$/s.exec(word)?.[1] : /^'.*'$/s.exec(word)?.[0];
  return inside?.match(/'(?:[^'\\]|\\.)*'|[^\s,']+/g)?.map((item) => item.replace(/^'(.*)'$/s, '$1').replace(/\\(.)/g, '$1'));
}

function not(verdict: Verdict): Verdict {
  return verdict === undefined ? undefined : !verdict;
}

/** True when an action matches a pattern with `*`, which stands for any text. Case does not matter. Source: azure-docs, role definitions. */
export function actionMatches(pattern: string, action: string): boolean {
  const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return new RegExp(`^${source}$`, 'i').test(action);
}
