/** An expression that Azure Pipelines would refuse, or whose evaluation fails. */
export class ExpressionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ExpressionError';
  }
}

/** One token; `index` counts from 0 in the expression. */
export type Token =
  | { readonly kind: 'punctuation'; readonly text: '(' | ')' | '[' | ']' | ',' | '.' | '*'; readonly index: number }
  | { readonly kind: 'string'; readonly text: string; readonly index: number }
  | { readonly kind: 'number'; readonly text: string; readonly value: number; readonly index: number }
  | { readonly kind: 'version'; readonly text: string; readonly index: number }
  | { readonly kind: 'name'; readonly text: string; readonly index: number };

const punctuation = ['(', ')', '[', ']', ',', '.', '*'] as const;
const namePattern = /[A-Za-z_][A-Za-z0-9_-]*/y;
const versionPattern = /\d+(?:\.\d+){2,3}(?![\w.])/y;
const numberPattern = /[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?![\w.])/y;

/** The error of the service for text that is no expression; positions count from 1. */
export function unexpected(what: string, text: string, index: number, expression: string): ExpressionError {
  return new ExpressionError(`${what}: '${text}'. Located at position ${index + 1} within expression: ${expression}.`);
}

function match(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0];
}

function stringToken(expression: string, start: number): { token: Token; end: number } {
  let value = '';
  for (let index = start + 1; index < expression.length; index += 1) {
    const character = expression.charAt(index);
    if (character !== "'") value += character;
    else if (expression.charAt(index + 1) === "'") {
      value += "'";
      index += 1;
    } else return { token: { kind: 'string', text: value, index: start }, end: index + 1 };
  }
  throw unexpected('Unexpected symbol', expression.slice(start), start, expression);
}

/** True when what precedes is a value: a `.` is then a property access, not the start of `.5`. */
function afterValue(tokens: readonly Token[]): boolean {
  const last = tokens.at(-1);
  if (last === undefined) return false;
  return last.kind === 'name' || (last.kind === 'punctuation' && [')', ']', '*'].includes(last.text));
}

function nextToken(expression: string, index: number, tokens: readonly Token[]): { token: Token; end: number } {
  const character = expression.charAt(index);
  if (character === "'") return stringToken(expression, index);
  const name = match(namePattern, expression, index);
  if (name !== undefined) return { token: { kind: 'name', text: name, index }, end: index + name.length };
  if (!afterValue(tokens)) {
    const version = match(versionPattern, expression, index);
    if (version !== undefined) return { token: { kind: 'version', text: version, index }, end: index + version.length };
    const number = match(numberPattern, expression, index);
    if (number !== undefined) return { token: { kind: 'number', text: number, value: Number(number), index }, end: index + number.length };
  }
  const mark = punctuation.find((other) => other === character);
  if (mark !== undefined) return { token: { kind: 'punctuation', text: mark, index }, end: index + 1 };
  throw unexpected('Unexpected symbol', expression.slice(index).split(/[\s,()[\]]/)[0] ?? character, index, expression);
}

/**
 * Cuts an expression into tokens. Azure's language has no operators: everything is a function.
 * @throws {ExpressionError} on a character that starts no token.
 */
export function tokenize(expression: string): readonly Token[] {
  const tokens: Token[] = [];
  let index = 0;
  while (index < expression.length) {
    if (/\s/.test(expression.charAt(index))) {
      index += 1;
      continue;
    }
    const { token, end } = nextToken(expression, index, tokens);
    tokens.push(token);
    index = end;
  }
  return tokens;
}
