import { elsewhere } from './functions.js';
import { ExpressionError, tokenize, unexpected } from './lexer.js';
import type { Token } from './lexer.js';
import { Version } from './values.js';

/** A parsed expression. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: null | boolean | number | string | Version }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'index'; readonly target: Expression; readonly index: Expression }
  | { readonly kind: 'wildcard'; readonly target: Expression };

/** What a place in a pipeline may use: unknown names are refused when parsing, before anything runs. */
export interface Grammar {
  /** Named values such as `parameters`; compared without regard to case. */
  readonly names: readonly string[];
  /** Function names in lower case, with the least and greatest number of arguments. */
  readonly functions: ReadonlyMap<string, { readonly min: number; readonly max: number }>;
  /** Contexts that Azure Pipelines has in this place and this runner refuses by name; lower case. */
  readonly refused?: readonly string[];
}

/** Limits of the service. Source: its messages "Exceeded max expression length 21000" and "Exceeded max expression depth 50". */
const maximumLength = 21_000;
const maximumDepth = 50;

/** @throws {ExpressionError} when text is too long for one expression. */
export function checkLength(length: number): void {
  if (length > maximumLength) throw new ExpressionError(`Exceeded max expression length ${maximumLength}`);
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #grammar: Grammar;
  #next = 0;
  #depth = 0;

  constructor(text: string, grammar: Grammar) {
    checkLength(text.length);
    this.#text = text;
    this.#tokens = tokenize(text);
    this.#grammar = grammar;
  }

  whole(): Expression {
    const expression = this.#expression();
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) throw unexpected('Unexpected symbol', rest.text, rest.index, this.#text);
    return expression;
  }

  #is(text: string): boolean {
    const token = this.#tokens[this.#next];
    return token?.kind === 'punctuation' && token.text === text;
  }

  #take(): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw new ExpressionError(`Unexpected end of expression. Located at position ${this.#text.length} within expression: ${this.#text}.`);
    this.#next += 1;
    return token;
  }

  #expect(text: string): void {
    const token = this.#take();
    if (token.kind !== 'punctuation' || token.text !== text) throw unexpected('Unexpected symbol', token.text, token.index, this.#text);
  }

  #expression(): Expression {
    this.#depth += 1;
    if (this.#depth > maximumDepth) throw new ExpressionError(`Exceeded max expression depth ${maximumDepth}`);
    const expression = this.#chain();
    this.#depth -= 1;
    return expression;
  }

  #chain(): Expression {
    let expression = this.#primary();
    for (;;) {
      if (this.#is('.')) {
        this.#next += 1;
        expression = this.#property(expression);
      } else if (this.#is('[')) {
        this.#next += 1;
        expression = this.#bracket(expression);
      } else return expression;
    }
  }

  #property(target: Expression): Expression {
    const token = this.#take();
    if (token.kind === 'punctuation' && token.text === '*') return { kind: 'wildcard', target };
    if (token.kind !== 'name') throw unexpected('Unexpected symbol', token.text, token.index, this.#text);
    return { kind: 'index', target, index: { kind: 'literal', value: token.text } };
  }

  #bracket(target: Expression): Expression {
    if (this.#is('*')) {
      this.#next += 1;
      this.#expect(']');
      return { kind: 'wildcard', target };
    }
    const index = this.#expression();
    this.#expect(']');
    return { kind: 'index', target, index };
  }

  #primary(): Expression {
    const token = this.#take();
    switch (token.kind) {
      case 'string':
        return { kind: 'literal', value: token.text };
      case 'number':
        return { kind: 'literal', value: token.value };
      case 'version':
        return { kind: 'literal', value: new Version(token.text) };
      case 'name':
        return this.#is('(') ? this.#call(token) : this.#named(token);
      case 'punctuation':
        throw unexpected('Unexpected symbol', token.text, token.index, this.#text);
    }
  }

  #named(token: Token): Expression {
    const lower = token.text.toLowerCase();
    if (lower === 'true' || lower === 'false') return { kind: 'literal', value: lower === 'true' };
    if (lower === 'null') return { kind: 'literal', value: null };
    const name = this.#grammar.names.find((other) => other.toLowerCase() === lower);
    if (name === undefined && this.#grammar.refused?.includes(lower) === true) throw new ExpressionError(`not supported by the local runner: the context ${token.text}`);
    if (name === undefined) throw unexpected('Unrecognized value', token.text, token.index, this.#text);
    return { kind: 'named', name };
  }

  #call(token: Token): Expression {
    const name = token.text.toLowerCase();
    const signature = this.#grammar.functions.get(name);
    if (signature === undefined) throw this.#unknownFunction(token, name);
    const args = this.#arguments();
    if (args.length < signature.min) throw unexpected(`Too few arguments for function '${token.text}'; at least ${signature.min}`, token.text, token.index, this.#text);
    if (args.length > signature.max) throw unexpected(`Too many arguments for function '${token.text}'; at most ${signature.max}`, token.text, token.index, this.#text);
    return { kind: 'call', name, args };
  }

  #unknownFunction(token: Token, name: string): ExpressionError {
    const error = unexpected('Unrecognized function', token.text, token.index, this.#text);
    const hint = elsewhere.get(name);
    return hint === undefined ? error : new ExpressionError(`${error.message} The function ${token.text} ${hint}.`);
  }

  #arguments(): readonly Expression[] {
    const args: Expression[] = [];
    this.#expect('(');
    if (!this.#is(')')) {
      args.push(this.#expression());
      while (this.#is(',')) {
        this.#next += 1;
        args.push(this.#expression());
      }
    }
    this.#expect(')');
    return args;
  }
}

/**
 * Parses an expression without evaluating it.
 * @throws {ExpressionError} on bad syntax, unknown names and functions, and wrong numbers of arguments.
 */
export function parseExpression(text: string, grammar: Grammar): Expression {
  return new Parser(text, grammar).whole();
}
