import { ExpressionError } from '../expressions/lexer.js';
import { checkLength } from '../expressions/parser.js';
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

/** Like {@link wholeExpression}; text with an expression that is not closed has none either. */
export function wholeText(text: string): string | undefined {
  try {
    return text.includes('${{') ? wholeExpression(text) : undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

/** The service compiles text with expressions into one `format('…{0}…', …)`, whose length is limited (microsoft/azure-pipelines-yaml#86). */
function compiledLength(parts: readonly Segment[]): number {
  const lengths = parts.map((part, index) => (part.kind === 'text' ? part.text.replace(/['{}]/g, '$&$&').length : part.text.length + String(index).length + ', {}'.length));
  return lengths.reduce((sum, length) => sum + length, "format('')".length);
}

/** Replaces every expression by its text. @throws {ExpressionError} for arrays and objects among text, and for text that is too long. */
export function interpolate(text: string, evaluate: (expression: string) => Value): string {
  const parts = segments(text);
  checkLength(compiledLength(parts));
  return parts.map((segment) => (segment.kind === 'text' ? segment.text : toText(evaluate(segment.text)))).join('');
}

/** A control expression in the place of a mapping key. */
export type Directive =
  | { readonly kind: 'if'; readonly condition: string }
  | { readonly kind: 'elseif'; readonly condition: string }
  | { readonly kind: 'else' }
  | { readonly kind: 'insert' }
  | { readonly kind: 'each'; readonly variable: string; readonly collection: string }
  | { readonly kind: 'invalid'; readonly message: string };

/** What follows the word of a control expression, for the message about one that is not complete. */
const forms: Readonly<Record<string, string>> = { if: 'if <condition>', elseif: 'elseif <condition>', else: 'else', insert: 'insert', each: 'each <name> in <list or mapping>' };

/** Recognises `if`, `elseif`, `else`, `each x in y` and `insert` in a key; undefined for every other key. */
export function directiveOf(key: string): Directive | undefined {
  const expression = wholeText(key);
  const word = expression === undefined ? undefined : /^[a-z]+(?=\s|$)/.exec(expression)?.[0];
  const form = word === undefined ? undefined : forms[word];
  if (expression === undefined || word === undefined || form === undefined) return undefined;
  const rest = expression.slice(word.length).trim();
  if ((word === 'else' || word === 'insert') && rest === '') return { kind: word };
  if ((word === 'if' || word === 'elseif') && rest !== '') return { kind: word, condition: rest };
  const each = word === 'each' ? /^([A-Za-z_][A-Za-z0-9_-]*)\s+in\s+(.+)$/s.exec(rest) : null;
  if (each !== null) return { kind: 'each', variable: each[1] ?? '', collection: each[2] ?? '' };
  const hint = word === 'else' && /^if\b/.test(rest) ? " For a further condition write 'elseif <condition>'." : '';
  return { kind: 'invalid', message: `The directive '${word}' is not complete or has too much: expected '\${{ ${form} }}', found '\${{ ${expression} }}'.${hint}` };
}
