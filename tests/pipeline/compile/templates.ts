import type { Problems } from '../problems.js';
import { list, lookup, map } from '../yaml/nodes.js';
import type { MapEntry, MapNode, YamlNode } from '../yaml/nodes.js';
import { Expander } from './expand.js';
import { directiveOf } from './interpolate.js';
import type { TemplateMemory } from './limits.js';
import { bindParameters, declarationOf, readDeclarations, refuseExpressions } from './parameters.js';
import type { Declarations, ParameterDeclaration } from './parameters.js';
import type { Repositories } from './repositories.js';
import type { Kind, TemplateKind } from './schema.js';
import type { Scope, SourceFile } from './scope.js';

interface Opened {
  readonly file: SourceFile;
  readonly content: MapNode;
  readonly declarations: Declarations;
}

/** What an extended template may hold. Source: azure-pipelines-vscode, service-schema.json (`extendsTemplate`); `pool`: docs, security/templates. */
const extendedKeys = ['parameters', 'stages', 'jobs', 'steps', 'variables', 'trigger', 'resources', 'pool'];
const extendingKeys = ['parameters', 'extends', 'trigger', 'resources'];

function kindOf(declaration: ParameterDeclaration | undefined): Kind {
  return declaration?.type?.kind ?? 'any';
}

/** Template references: `- template:` in lists, and `extends`. */
export class Templates {
  readonly expander: Expander;
  readonly #repositories: Repositories;
  readonly #problems: Problems;

  constructor(repositories: Repositories, problems: Problems, memory: TemplateMemory) {
    this.#repositories = repositories;
    this.#problems = problems;
    this.expander = new Expander(problems, memory, (kind, reference, scope, depth) => this.#include(kind, reference, scope, depth));
  }

  /** Binds what is given to a file's parameters; templates within typed ones are those of this file. */
  bind(declarations: Declarations, given: MapNode, scope: Scope, at: MapNode['at'], depth = 0): MapNode {
    const inner = scope.inMode('templates');
    const resolved = (node: YamlNode, kind: Kind): YamlNode => this.expander.resolve(node, kind, inner, depth);
    const values = given.entries.map(({ key, value }) => ({ key, value: resolved(value, kindOf(declarationOf(declarations, key.text))) }));
    const used = (one: ParameterDeclaration): boolean => !given.entries.some(({ key }) => declarationOf(declarations, key.text) === one);
    const all = declarations.all.map((one) => (one.default === undefined || !used(one) ? one : { ...one, default: resolved(one.default, kindOf(one)) }));
    return bindParameters({ ...declarations, all }, map(values, given.at), at, this.#problems);
  }

  /** The root of the template that a file extends, expanded; templates may extend each other. */
  extend(written: YamlNode, from: Scope, depth = 1): MapNode | undefined {
    const controlled = written.kind === 'map' && written.entries.some((entry) => directiveOf(entry.key.text) !== undefined);
    const reference = controlled ? this.expander.expand(written, 'any', from) : written;
    const scope = controlled ? from.inMode('templates') : from;
    if (reference.kind !== 'map') {
      this.#problems.add(reference.at, "Expected a mapping for 'extends'.");
      return undefined;
    }
    if (!this.#repositories.checkDepth(depth, reference.at)) return undefined;
    const opened = this.#open(reference, scope, depth);
    if (opened === undefined) return undefined;
    const inner = scope.enter(opened.file, this.#arguments(opened, reference, scope, depth));
    const nested = lookup(opened.content, 'extends');
    const own = this.#extended(opened.content, nested === undefined ? extendedKeys : extendingKeys);
    if (nested !== undefined) return this.extend(nested, inner, depth + 1);
    const expanded = this.expander.expand(own, 'pipeline', inner, depth);
    return expanded.kind === 'map' ? expanded : undefined;
  }

  /** What is expanded of an extended template. Its triggers start no local run. */
  #extended(content: MapNode, known: readonly string[]): MapNode {
    for (const { key, value } of content.entries) {
      if (!known.includes(key.text) && !key.text.includes('${{')) this.#problems.add(key.at, `Unexpected value '${key.text}'`);
      else if (key.text === 'trigger') refuseExpressions(value, this.#problems);
      else if (key.text === 'resources') this.#problems.unsupported(key.at, 'resources in a template that is extended');
    }
    return map(content.entries.filter(({ key }) => !['parameters', 'trigger', 'resources', 'extends'].includes(key.text)), content.at);
  }

  #include(kind: TemplateKind, reference: MapNode, scope: Scope, depth: number): readonly YamlNode[] {
    if (!this.#repositories.checkDepth(depth + 1, reference.at)) return [];
    const opened = this.#open(reference, scope, depth);
    if (opened === undefined) return [];
    const body = this.#body(opened, kind);
    if (body === undefined) return [];
    const inner = scope.enter(opened.file, this.#arguments(opened, reference, scope, depth));
    const expanded = kind === 'variables' ? this.expander.variables(body.value, inner, depth + 1) : this.expander.expand(body.value, kind, inner, depth + 1);
    if (kind === 'variables') scope.adopt(inner);
    if (expanded.kind === 'list') return expanded.items;
    if (expanded.kind === 'scalar' && expanded.text === '') return [];
    this.#problems.add(expanded.at, `Expected a sequence for '${kind}'.`);
    return [];
  }

  #open(reference: MapNode, scope: Scope, depth: number): Opened | undefined {
    for (const { key } of reference.entries) {
      if (key.text !== 'template' && key.text !== 'parameters') this.#problems.add(key.at, `Unexpected value '${key.text}'`);
    }
    const raw = lookup(reference, 'template');
    const name = raw === undefined ? undefined : this.expander.expand(raw, 'any', scope, depth);
    if (name?.kind !== 'scalar' || name.text === '') {
      this.#problems.add(reference.at, "A template reference needs the path of a file under 'template'.");
      return undefined;
    }
    const file = this.#repositories.resolve(name.text, scope.file, name.at);
    const content = file === undefined ? undefined : this.#repositories.read(file, name.at);
    if (file === undefined || content === undefined) return undefined;
    if (content.kind === 'map') return { file, content, declarations: readDeclarations(lookup(content, 'parameters'), 'template', this.#problems) };
    this.#problems.add(content.at, 'Expected a mapping at the root of a template.');
    return undefined;
  }

  /** The list that a template of this kind is for; anything else in it is refused. */
  #body(opened: Opened, kind: TemplateKind): MapEntry | undefined {
    let body: MapEntry | undefined;
    for (const entry of opened.content.entries) {
      if (entry.key.text === kind) body = entry;
      else if (directiveOf(entry.key.text) !== undefined) this.#problems.unsupported(entry.key.at, 'a control expression at the root of a template');
      else if (entry.key.text !== 'parameters') this.#problems.add(entry.key.at, `Unexpected value '${entry.key.text}'`);
    }
    if (body === undefined) this.#problems.add(opened.content.at, `Expected '${kind}' in the template ${opened.file.label}.`);
    return body;
  }

  /** Expands the given values where they are written, typed lists as what they will become, and binds them in the file that gets them. */
  #arguments(opened: Opened, reference: MapNode, scope: Scope, depth: number): MapNode {
    const receiving = scope.enter(opened.file, map([]));
    const given = lookup(reference, 'parameters') ?? map([], reference.at);
    const bound = (values: MapNode): MapNode => this.bind(opened.declarations, values, receiving, reference.at, depth);
    if (given.kind !== 'map') {
      const value = this.expander.expand(given, 'any', scope, depth);
      if (value.kind === 'map') return bound(value);
      if (value.kind === 'list' || value.text !== '') this.#problems.add(given.at, "Expected a mapping for 'parameters'.");
      return bound(map([], given.at));
    }
    const kinds = given.entries.map((entry) => kindOf(declarationOf(opened.declarations, entry.key.text)));
    const plain = this.expander.expand(map(given.entries.filter((_entry, index) => kinds[index] === 'any'), given.at), 'any', scope, depth);
    const typed = given.entries.flatMap(({ key, value }, index) => {
      const kind = kinds[index] ?? 'any';
      return kind === 'any' ? [] : [{ key, value: this.expander.expand(this.#listed(value, kind), kind, scope.mode === 'full' ? scope.inMode('expressions') : scope, depth) }];
    });
    return bound(map([...(plain.kind === 'map' ? plain.entries : []), ...typed], given.at));
  }

  /** A typed list may be given as one expression, which is then an item that is spliced. */
  #listed(value: YamlNode, kind: string): YamlNode {
    return value.kind === 'scalar' && kind.endsWith('s') && value.text.includes('${{') ? list([value], value.at) : value;
  }
}
