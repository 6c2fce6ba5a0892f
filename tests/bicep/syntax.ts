/** An expression of a Bicep file. */
export type Expression =
  | { readonly kind: 'text'; readonly parts: readonly (string | Expression)[] }
  | { readonly kind: 'literal'; readonly value: number | boolean | null }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'property'; readonly of: Expression; readonly key: Expression; readonly safe: boolean }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly Expression[] }
  | { readonly kind: 'array'; readonly items: readonly Expression[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'loop'; readonly item: string; readonly over: Expression; readonly body: Expression }
  | { readonly kind: 'if'; readonly condition: Expression; readonly body: Expression }
  | { readonly kind: 'choice'; readonly condition: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'lambda'; readonly item: string; readonly body: Expression };

/** What stands before a declaration: `@description('…')`, `@allowed([…])`. */
export interface Decorator {
  readonly name: string;
  readonly arguments: readonly Expression[];
}

/** A declaration of a Bicep file. */
export type Declaration = { readonly name: string; readonly decorators: readonly Decorator[] } & (
  | { readonly kind: 'param'; readonly type: string; readonly value?: Expression }
  | { readonly kind: 'var'; readonly value: Expression }
  | { readonly kind: 'output'; readonly type: string; readonly value: Expression }
  | { readonly kind: 'module'; readonly path: string; readonly value: Expression }
  | { readonly kind: 'resource'; readonly type: string; readonly apiVersion: string; readonly existing: boolean; readonly value: Expression }
);

/** A parsed Bicep file. */
export interface BicepFile {
  readonly targetScope: string;
  readonly declarations: readonly Declaration[];
}

/** The expressions directly inside one. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'text':
      return expression.parts.filter((part) => typeof part !== 'string');
    case 'literal':
    case 'name':
      return [];
    case 'property':
      return [expression.of, expression.key];
    case 'call':
      return expression.arguments;
    case 'array':
      return expression.items;
    case 'object':
      return expression.entries.flat();
    case 'loop':
      return [expression.over, expression.body];
    case 'if':
      return [expression.condition, expression.body];
    case 'choice':
      return [expression.condition, expression.yes, expression.no];
    case 'binary':
      return [expression.left, expression.right];
    case 'not':
      return [expression.of];
    case 'lambda':
      return [expression.body];
  }
}

/** The text of an expression that is a text without others in it. */
export function plainText(expression: Expression | undefined): string | undefined {
  if (expression?.kind !== 'text') return undefined;
  const parts = expression.parts.filter((part) => typeof part === 'string');
  return parts.length === expression.parts.length ? parts.join('') : undefined;
}
