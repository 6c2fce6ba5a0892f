import { Scanner } from './scanner.js';
import { plainText, type BicepFile, type Declaration, type Decorator, type Expression } from './syntax.js';

/** Operators by how close they bind, loosest first. */
const levels = [['??'], ['||'], ['&&'], ['==', '!='], ['<=', '>=', '<', '>']];

/**
 * Parses the part of Bicep that the templates of this project use; everything else is a mistake with its place.
 * Source: azure-docs, Bicep file structure and syntax.
 * @throws Error with line and column.
 */
export function parseBicep(text: string): BicepFile {
  return new Parser(new Scanner(text)).file();
}

class Parser {
  constructor(private readonly scanner: Scanner) {}

  file(): BicepFile {
    const { scanner } = this;
    let targetScope: string | undefined;
    const declarations: Declaration[] = [];
    for (scanner.lines(); !scanner.ended; scanner.lines()) {
      if (scanner.word('targetScope')) {
        if (targetScope !== undefined || declarations.length > 0) throw scanner.mistake('targetScope stands once, at the beginning');
        scanner.expect('=');
        targetScope = this.#plainText();
      } else declarations.push(this.#declaration());
      scanner.endOfLine();
    }
    return { targetScope: targetScope ?? 'resourceGroup', declarations };
  }

  #declaration(): Declaration {
    const { scanner } = this;
    const decorators: Decorator[] = [];
    while (scanner.take('@')) {
      const name = scanner.identifier();
      scanner.expect('(');
      decorators.push({ name, arguments: this.#list(')') });
      scanner.endOfLine();
      scanner.lines();
    }
    const kind = scanner.identifier();
    const name = scanner.identifier();
    switch (kind) {
      case 'param': {
        const type = this.#type();
        return { kind, name, decorators, type, ...(scanner.take('=') ? { value: this.#expression() } : {}) };
      }
      case 'var':
        scanner.expect('=');
        return { kind, name, decorators, value: this.#expression() };
      case 'output': {
        const type = this.#type();
        scanner.expect('=');
        return { kind, name, decorators, type, value: this.#expression() };
      }
      case 'module': {
        const path = this.#plainText();
        scanner.expect('=');
        return { kind, name, decorators, path, value: this.#body() };
      }
      case 'resource': {
        const [type = '', apiVersion = ''] = this.#plainText().split('@');
        const existing = scanner.word('existing');
        scanner.expect('=');
        return { kind, name, decorators, type, apiVersion, existing, value: this.#body() };
      }
      default:
        throw scanner.mistake(`no declaration begins with '${kind}'`);
    }
  }

  #type(): string {
    const type = this.scanner.identifier();
    if (!['string', 'int', 'bool', 'array', 'object'].includes(type)) throw this.scanner.mistake(`no type is called '${type}'`);
    return type;
  }

  #plainText(): string {
    const found = plainText(this.#primary());
    if (found === undefined) throw this.scanner.mistake('a text without expressions is expected');
    return found;
  }

  /** Of a resource or module: an object, perhaps conditional, perhaps in a loop. */
  #body(): Expression {
    const { scanner } = this;
    if (!scanner.word('if')) return this.#primary();
    scanner.expect('(');
    const condition = this.#expression();
    scanner.lines();
    scanner.expect(')');
    return { kind: 'if', condition, body: this.#primary() };
  }

  #expression(): Expression {
    const condition = this.#binary(0);
    if (!this.scanner.take('?')) return condition;
    const yes = this.#expression();
    this.scanner.expect(':');
    return { kind: 'choice', condition, yes, no: this.#expression() };
  }

  #binary(level: number): Expression {
    const operators = levels[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let operator = this.#operator(operators); operator !== undefined; operator = this.#operator(operators)) {
      left = { kind: 'binary', operator, left, right: this.#binary(level + 1) };
    }
    return left;
  }

  #operator(operators: readonly string[]): string | undefined {
    return operators.find((operator) => this.scanner.take(operator));
  }

  #unary(): Expression {
    return this.scanner.take('!') ? { kind: 'not', of: this.#unary() } : this.#postfix(this.#primary());
  }

  #postfix(of: Expression): Expression {
    const { scanner } = this;
    if (scanner.follows('.?')) return this.#postfix({ kind: 'property', of, key: textOf(scanner.identifier()), safe: true });
    if (scanner.follows('.')) return this.#postfix({ kind: 'property', of, key: textOf(scanner.identifier()), safe: false });
    if (scanner.follows('[')) {
      const key = this.#expression();
      scanner.expect(']');
      return this.#postfix({ kind: 'property', of, key, safe: false });
    }
    return of;
  }

  #primary(): Expression {
    const { scanner } = this;
    const parts = scanner.text(() => this.#expression());
    if (parts !== undefined) return { kind: 'text', parts };
    if (scanner.take('(')) {
      scanner.lines();
      const inner = this.#expression();
      scanner.lines();
      scanner.expect(')');
      return inner;
    }
    if (scanner.take('[')) return this.#array();
    if (scanner.take('{')) return this.#object();
    const number = scanner.number();
    if (number !== undefined) return { kind: 'literal', value: number };
    const name = scanner.identifier();
    if (name === 'true' || name === 'false') return { kind: 'literal', value: name === 'true' };
    if (name === 'null') return { kind: 'literal', value: null };
    if (scanner.take('=>')) return { kind: 'lambda', item: name, body: this.#expression() };
    if (scanner.follows('(')) return { kind: 'call', name, arguments: this.#list(')') };
    return { kind: 'name', name };
  }

  #array(): Expression {
    const { scanner } = this;
    if (!scanner.word('for')) return { kind: 'array', items: this.#list(']') };
    const item = scanner.identifier();
    if (!scanner.word('in')) throw scanner.mistake("'in' is expected");
    const over = this.#expression();
    scanner.expect(':');
    const body = this.#bodyOrExpression();
    scanner.lines();
    scanner.expect(']');
    return { kind: 'loop', item, over, body };
  }

  #bodyOrExpression(): Expression {
    return this.scanner.ahead('if') ? this.#body() : this.#expression();
  }

  #object(): Expression {
    const entries: [Expression, Expression][] = [];
    this.#separated('}', () => {
      const parts = this.scanner.text(() => this.#expression());
      const key: Expression = parts === undefined ? textOf(this.scanner.identifier()) : { kind: 'text', parts };
      this.scanner.expect(':');
      entries.push([key, this.#bodyOrExpression()]);
    });
    return { kind: 'object', entries };
  }

  #list(end: string): Expression[] {
    const items: Expression[] = [];
    this.#separated(end, () => items.push(this.#expression()));
    return items;
  }

  /** What stands between brackets, apart by commas or new lines. */
  #separated(end: string, one: () => void): void {
    const { scanner } = this;
    for (scanner.lines(); !scanner.take(end); ) {
      one();
      const comma = scanner.take(',');
      const line = scanner.lines();
      if (!comma && !line && !scanner.ahead(end)) throw scanner.mistake(`',', a new line or '${end}' is expected`);
    }
  }
}

function textOf(text: string): Expression {
  return { kind: 'text', parts: [text] };
}
