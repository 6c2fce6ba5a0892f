import { ExpressionError } from '../expressions/lexer.js';
import { toText } from '../expressions/values.js';
import type { Value } from '../expressions/values.js';

/** A piece of text between expressions, or the inside of one `${{ }}`. */
export type Segment = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'expression'; readonly text: string };

/** The index just after the `}}` that closes an expression, skipping strings; undefined when it is never closed. */
function closing(text: string, from: number): number | undefined {
  let quoted = false;
  for (let index = from; index < text.length; index += 1) {
    if (text.charAt(index) === "'") quoted = !quoted;
    else if (!quoted && text.startsWith('}}', index)) return index;
  }
  return undefined;
}

/** Cuts text at its `${{ }}`. @throws {ExpressionError} when one is not closed. */
export function segments(text: string): readonly Segment[] {
  const found: Segment[] = [];
  let rest = 0;
  for (;;) {
    const start = text.indexOf('${{', rest);
    if (start === -1) break;
    const end = closing(text, start + 3);
    if (end === undefined) throw new ExpressionError('The expression is not closed. An unescaped ${{ sequence was found, but the closing }} sequence was not found.');
    if (start > rest) found.push({ kind: 'text', text: text.slice(rest, start) });
    found.push({ kind: 'expression', text: text.slice(start + 3, end).trim() });
    rest = end + 2;
  }
  if (rest < text.length || found.length === 0) found.push({ kind: 'text', text: text.slice(rest) });
  return found;
}

/** The expression that makes up the whole text (blanks around allowed); undefined when there is more to it. */
export function wholeExpression(text: string): string | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith('${{') || !trimmed.endsWith('}}')) return undefined;
  const [only, more] = segments(trimmed);
  return only?.kind === 'expression' && more === undefined ? only.text : undefined;
}

/** Replaces every expression by its text. @throws {ExpressionError} for arrays and objects among text. */
export function interpolate(text: string, evaluate: (expression: string) => Value): string {
  return segments(text).map((segment) => (segment.kind === 'text' ? segment.text : toText(evaluate(segment.text)))).join('');
}

/** A control expression in the place of a mapping key. */
export type Directive =
  | { readonly kind: 'if'; readonly condition: string }
  | { readonly kind: 'elseif'; readonly condition: string }
  | { readonly kind: 'else' }
  | { readonly kind: 'insert' }
  | { readonly kind: 'each'; readonly variable: string; readonly collection: string };

/** Recognises `if`, `elseif`, `else`, `each x in y` and `insert` in a key; undefined for every other key. */
export function directiveOf(key: string): Directive | undefined {
  const expression = key.includes('${{') ? wholeExpression(key) : undefined;
  if (expression === undefined) return undefined;
  if (expression === 'else' || expression === 'insert') return { kind: expression };
  const conditional = /^(if|elseif)\s+(.+)$/s.exec(expression);
  if (conditional !== null) return { kind: conditional[1] === 'if' ? 'if' : 'elseif', condition: conditional[2] ?? '' };
  const each = /^each\s+([A-Za-z_][A-Za-z0-9_]*)\s+in\s+(.+)$/s.exec(expression);
  if (each !== null) return { kind: 'each', variable: each[1] ?? '', collection: each[2] ?? '' };
  return undefined;
}
