import { eachItem } from '../expressions/evaluate.js';
import { ExpressionError } from '../expressions/lexer.js';
import { toBoolean, toNode } from '../expressions/values.js';
import type { Value } from '../expressions/values.js';
import type { Position, Problems } from '../problems.js';
import { list, map, scalar } from '../yaml/nodes.js';
import type { MapEntry, MapNode, ScalarNode, YamlNode } from '../yaml/nodes.js';
import { directiveOf, interpolate, wholeExpression, wholeText } from './interpolate.js';
import type { Directive } from './interpolate.js';
import type { TemplateMemory } from './limits.js';
import { childKind, isTemplateKind, itemKind } from './schema.js';
import type { Kind, TemplateKind } from './schema.js';
import type { Scope } from './scope.js';

/** Reads a template file and expands what it holds, in place of a reference to it. */
export type Include = (kind: TemplateKind, reference: MapNode, scope: Scope, depth: number) => readonly YamlNode[];

/** Whether an `if` of the current chain was taken; undefined when no chain is open. */
interface Chain {
  taken: boolean | undefined;
}

const ownsVariables: readonly Kind[] = ['pipeline', 'stage', 'job'];

/** Evaluates every `${{ }}` of a tree. The one place that knows how control expressions work. */
export class Expander {
  readonly #problems: Problems;
  readonly #memory: TemplateMemory;
  readonly #include: Include;

  constructor(problems: Problems, memory: TemplateMemory, include: Include) {
    this.#problems = problems;
    this.#memory = memory;
    this.#include = include;
  }

  /** A tree without expressions, and without templates where the scope's mode asks for it. @throws {TemplateLimitExceeded} with a problem. */
  expand(node: YamlNode, kind: Kind, scope: Scope, depth = 0): YamlNode {
    if (scope.mode === 'templates') return node;
    this.#memory.take(node);
    if (node.kind === 'scalar') return this.#inserted(this.#scalar(node, scope), kind, scope, depth);
    if (node.kind === 'list') return list(this.#items(node.items, kind, scope, depth), node.at);
    const inner = ownsVariables.includes(kind) ? scope.child() : scope;
    return map(this.#map(node, kind, inner, depth), node.at);
  }

  /** Expands `variables` into a list and lets `scope` see them, each as soon as it is declared. */
  variables(node: YamlNode, scope: Scope, depth: number): YamlNode {
    if (node.kind === 'list') return list(this.#items(node.items, 'variables', scope, depth), node.at);
    if (node.kind === 'map') return namedValues(map(this.#entries(node.entries, 'variables', scope, depth, { taken: undefined }), node.at));
    return this.#inserted(this.#scalar(node, scope), 'variables', scope, depth);
  }

  /**
   * Replaces the template references of a tree whose expressions have been evaluated already: a list that was inserted, or a typed
   * parameter in the file that receives it. Paths are relative to that file (microsoft/vscode-java-pack#1711).
   */
  resolve(node: YamlNode, kind: Kind, scope: Scope, depth: number): YamlNode {
    if (node.kind === 'scalar' || kind === 'any') return node;
    if (node.kind === 'list') return isTemplateKind(kind) ? list(node.items.flatMap((item) => this.#resolvedItem(item, kind, scope, depth)), node.at) : node;
    if (kind === 'variables') return this.resolve(namedValues(node), kind, scope, depth);
    const inner = ownsVariables.includes(kind) ? scope.child() : scope;
    const resolved = new Map<MapEntry, YamlNode>();
    for (const first of [true, false]) {
      for (const entry of node.entries) {
        const child = childKind(kind, entry.key.text);
        if ((child === 'variables') === first) resolved.set(entry, this.resolve(entry.value, child, inner, depth));
      }
    }
    return map(node.entries.map((entry) => ({ key: entry.key, value: resolved.get(entry) ?? entry.value })), node.at);
  }

  #resolvedItem(item: YamlNode, kind: TemplateKind, scope: Scope, depth: number): readonly YamlNode[] {
    if (item.kind === 'map' && isReference(item)) return this.#include(kind, item, scope, depth);
    if (kind === 'variables') return this.#finish(item, kind, scope, depth);
    return [this.resolve(item, itemKind(kind), scope, depth)];
  }

  /** What an expression has put in place of itself: counted, and its templates included. */
  #inserted(value: YamlNode, kind: Kind, scope: Scope, depth: number): YamlNode {
    if (value.kind === 'scalar') return value;
    this.#memory.takeAll(value);
    return scope.mode === 'full' ? this.#adopting(scope, (inner) => this.resolve(value, kind, inner, depth)) : value;
  }

  /** Acts in the mode for evaluated trees and keeps the variables that came into sight. */
  #adopting<T>(scope: Scope, act: (inner: Scope) => T): T {
    const inner = scope.inMode('templates');
    const result = act(inner);
    scope.adopt(inner);
    return result;
  }

  #map(node: MapNode, kind: Kind, scope: Scope, depth: number): readonly MapEntry[] {
    const hoisted = ownsVariables.includes(kind) ? node.entries.find((entry) => entry.key.text === 'variables') : undefined;
    if (hoisted === undefined) return this.#entries(node.entries, kind, scope, depth, { taken: undefined });
    const variables = { key: hoisted.key, value: this.variables(hoisted.value, scope, depth) };
    const others = node.entries.filter((entry) => entry !== hoisted);
    return [variables, ...this.#entries(others, kind, scope, depth, { taken: undefined })];
  }

  #scalar(node: ScalarNode, scope: Scope): YamlNode {
    if (typeof node.value !== 'string' || !node.value.includes('${{')) return node;
    const text = node.value;
    const result = this.#attempt(node.at, () => {
      const whole = wholeExpression(text);
      if (whole === undefined) return scalar(interpolate(text, (expression) => scope.evaluate(expression)), node.at);
      if (directiveOf(text) !== undefined) throw new ExpressionError(`The directive '${whole.split(/\s/)[0] ?? ''}' is not allowed in this context. It must be a mapping key.`);
      return toNode(scope.evaluate(whole), node.at);
    });
    return result ?? scalar(null, node.at);
  }

  #attempt<T>(at: Position, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      this.#problems.add(at, error.message);
      return undefined;
    }
  }

  #evaluate(expression: string, at: Position, scope: Scope): Value | undefined {
    return this.#attempt(at, () => scope.evaluate(expression));
  }

  #entries(entries: readonly MapEntry[], kind: Kind, scope: Scope, depth: number, chain: Chain): readonly MapEntry[] {
    const result: MapEntry[] = [];
    for (const entry of entries) {
      const directive = directiveOf(entry.key.text);
      const found = directive === undefined ? [this.#entry(entry, kind, scope, depth)] : this.#controlled(directive, entry, kind, scope, depth, chain);
      if (directive === undefined || directive.kind === 'each' || directive.kind === 'insert') chain.taken = undefined;
      for (const one of found) {
        if (result.some((other) => other.key.text === one.key.text)) this.#problems.add(one.key.at, `'${one.key.text}' is already defined`);
        else result.push(one);
      }
    }
    return result;
  }

  #entry(entry: MapEntry, kind: Kind, scope: Scope, depth: number): MapEntry {
    const expanded = this.#scalar(entry.key, scope);
    this.#memory.take(expanded);
    const key = expanded.kind === 'scalar' ? scalar(expanded.text, entry.key.at) : scalar('', entry.key.at);
    if (expanded.kind !== 'scalar') this.#problems.add(entry.key.at, 'An expression in a mapping key must evaluate to a scalar.');
    if (key.text === 'variables' && ownsVariables.includes(kind)) return { key, value: this.variables(entry.value, scope, depth) };
    const value = this.expand(entry.value, childKind(kind, key.text), scope, depth);
    if (kind === 'variables' && value.kind === 'scalar') scope.define(key.text, value.text);
    return { key, value };
  }

  /** The entries that a control expression stands for in a mapping. */
  #controlled(directive: Directive, entry: MapEntry, kind: Kind, scope: Scope, depth: number, chain: Chain): readonly MapEntry[] {
    return this.#bodies(directive, entry.key, scope, chain).flatMap((inner) => {
      const found = entry.value.kind === 'map' ? this.#entries(entry.value.entries, kind, inner, depth, { taken: undefined }) : this.#insertedEntries(entry.value, kind, inner, depth);
      scope.adopt(inner);
      return found;
    });
  }

  /** The entries of a mapping that an expression stands for: `${{ insert }}: ${{ parameters.env }}`. */
  #insertedEntries(value: YamlNode, kind: Kind, scope: Scope, depth: number): readonly MapEntry[] {
    const body = kind === 'variables' ? this.#declared(this.expand(value, 'any', scope, depth), scope) : this.expand(value, kind, scope, depth);
    if (body.kind === 'map') return body.entries;
    this.#problems.add(value.at, 'Expected a mapping');
    return [];
  }

  /** Lets the scope see variables that are inserted as a mapping. */
  #declared(body: YamlNode, scope: Scope): YamlNode {
    if (body.kind === 'map') for (const { key, value } of body.entries) if (value.kind === 'scalar') scope.define(key.text, value.text);
    return body;
  }

  /** The scopes in which the body of a control expression is expanded: none, one, or one per item. */
  #bodies(directive: Directive, key: ScalarNode, scope: Scope, chain: Chain): readonly Scope[] {
    switch (directive.kind) {
      case 'insert':
        return [scope];
      case 'invalid':
        this.#problems.add(key.at, directive.message);
        return [];
      case 'each': {
        const collection = this.#evaluate(directive.collection, key.at, scope);
        const items = collection === undefined || collection === null || collection === '' ? [] : eachItem(collection);
        if (items === undefined) this.#problems.add(key.at, `Expected a sequence or mapping to iterate over: ${directive.collection}`);
        return (items ?? []).map((item) => scope.withLoop(directive.variable, item));
      }
      case 'if':
        chain.taken = toBoolean(this.#evaluate(directive.condition, key.at, scope) ?? false);
        return chain.taken ? [scope] : [];
      case 'elseif':
      case 'else': {
        if (chain.taken === undefined) {
          this.#problems.add(key.at, `The directive '${directive.kind}' must follow an 'if' or 'elseif'.`);
          return [];
        }
        if (chain.taken) return [];
        chain.taken = directive.kind === 'else' || toBoolean(this.#evaluate(directive.condition, key.at, scope) ?? false);
        return chain.taken ? [scope] : [];
      }
    }
  }

  #items(items: readonly YamlNode[], kind: Kind, scope: Scope, depth: number): readonly YamlNode[] {
    const chain: Chain = { taken: undefined };
    return items.flatMap((item) => {
      if (item.kind === 'map' && item.entries.length > 0 && item.entries.every((entry) => directiveOf(entry.key.text) !== undefined)) {
        return this.#controlledItems(item, kind, scope, depth, chain);
      }
      chain.taken = undefined;
      return this.#item(item, kind, scope, depth);
    });
  }

  /** An item that consists of control expressions only: sequences are spliced, mappings become one item. */
  #controlledItems(item: MapNode, kind: Kind, scope: Scope, depth: number, chain: Chain): readonly YamlNode[] {
    if (item.entries.some((entry) => entry.value.kind === 'map')) {
      const entries = this.#entries(item.entries, itemKind(kind), scope, depth, chain);
      return entries.length === 0 ? [] : this.#finish(map(entries, item.at), kind, scope, depth);
    }
    return item.entries.flatMap((entry) => {
      const directive = directiveOf(entry.key.text);
      if (directive === undefined) return [];
      const bodies = this.#bodies(directive, entry.key, scope, chain);
      if (directive.kind === 'each' || directive.kind === 'insert') chain.taken = undefined;
      return bodies.flatMap((inner) => {
        const found = entry.value.kind === 'list' ? this.#items(entry.value.items, kind, inner, depth) : this.#item(entry.value, kind, inner, depth);
        scope.adopt(inner);
        return found;
      });
    });
  }

  #item(item: YamlNode, kind: Kind, scope: Scope, depth: number): readonly YamlNode[] {
    if (item.kind === 'scalar' && typeof item.value === 'string' && wholeText(item.value) !== undefined) {
      const value = this.#scalar(item, scope);
      if (value.kind === 'scalar') return value.value === null ? [] : [value];
      const inserted = this.#inserted(value.kind === 'list' ? value : list([value], item.at), kind, scope, depth);
      return inserted.kind === 'list' ? inserted.items : [inserted];
    }
    if (item.kind === 'map' && isTemplateKind(kind) && isReference(item)) return this.#referenced(item, kind, scope, depth);
    return this.#finish(this.expand(item, itemKind(kind), scope, depth), kind, scope, depth);
  }

  /** A reference whose keys depend on control expressions is expanded first. */
  #referenced(reference: MapNode, kind: TemplateKind, scope: Scope, depth: number): readonly YamlNode[] {
    const known = reference.entries.every((entry) => directiveOf(entry.key.text) === undefined);
    if (known && scope.mode === 'full') return this.#include(kind, reference, scope, depth);
    return this.#finish(this.expand(reference, 'any', scope, depth), kind, scope, depth);
  }

  /** A template reference that a control expression has put together is included, a variable that is declared comes into sight. */
  #finish(item: YamlNode, kind: Kind, scope: Scope, depth: number): readonly YamlNode[] {
    if (item.kind !== 'map' || !isTemplateKind(kind)) return [item];
    if (isReference(item)) return scope.mode === 'expressions' ? [item] : this.#adopting(scope, (inner) => this.#include(kind, item, inner, depth));
    if (kind !== 'variables') return [item];
    const text = (name: string): string | undefined => {
      const found = item.entries.find((entry) => entry.key.text === name)?.value;
      return found?.kind === 'scalar' ? found.text : undefined;
    };
    const name = text('name');
    if (name !== undefined) scope.define(name, text('value') ?? '');
    return [item];
  }
}

/** A reference to a template stands where an item of the list could stand. */
function isReference(item: MapNode): boolean {
  return item.entries.some((entry) => entry.key.text === 'template');
}

/** The mapping form of `variables` as the list form. */
function namedValues(node: MapNode): YamlNode {
  return list(node.entries.map(({ key, value }) => map([{ key: scalar('name', key.at), value: key }, { key: scalar('value', key.at), value }], key.at)), node.at);
}
