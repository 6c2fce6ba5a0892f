import type { Problems } from '../problems.js';
import { list, lookup, map } from '../yaml/nodes.js';
import type { MapEntry, MapNode, YamlNode } from '../yaml/nodes.js';
import { Expander } from './expand.js';
import { bindParameters, kindOfParameter, readDeclarations } from './parameters.js';
import type { ParameterDeclaration } from './parameters.js';
import type { Repositories } from './repositories.js';
import type { TemplateKind } from './schema.js';
import type { Scope, SourceFile } from './scope.js';

interface Opened {
  readonly file: SourceFile;
  readonly content: MapNode;
  readonly declarations: readonly ParameterDeclaration[];
}

/** Template references: `- template:` in lists, and `extends`. */
export class Templates {
  readonly expander: Expander;
  readonly #repositories: Repositories;
  readonly #problems: Problems;

  constructor(repositories: Repositories, problems: Problems) {
    this.#repositories = repositories;
    this.#problems = problems;
    this.expander = new Expander(problems, (kind, reference, scope, depth) => this.#include(kind, reference, scope, depth));
  }

  /** The root of the template that the pipeline extends, expanded, with the scope it was expanded in. */
  extend(reference: YamlNode, scope: Scope): MapNode | undefined {
    if (reference.kind !== 'map') {
      this.#problems.add(reference.at, "Expected a mapping for 'extends'.");
      return undefined;
    }
    const opened = this.#open(reference, scope, 1);
    if (opened === undefined) return undefined;
    const content = map(opened.content.entries.filter((entry) => entry.key.text !== 'parameters'), opened.content.at);
    const inner = scope.enter(opened.file, this.#arguments(opened, reference, scope, 1));
    const nested = lookup(content, 'extends');
    if (nested !== undefined) this.#problems.unsupported(nested.at, 'a template that itself extends another');
    const expanded = this.expander.expand(content, 'pipeline', inner, 1);
    return expanded.kind === 'map' ? expanded : undefined;
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
    if (content.kind === 'map') return { file, content, declarations: readDeclarations(lookup(content, 'parameters'), this.#problems) };
    this.#problems.add(content.at, 'Expected a mapping at the root of a template.');
    return undefined;
  }

  /** The list that a template of this kind is for; anything else in it is refused. */
  #body(opened: Opened, kind: TemplateKind): MapEntry | undefined {
    let body: MapEntry | undefined;
    for (const entry of opened.content.entries) {
      if (entry.key.text === kind) body = entry;
      else if (entry.key.text !== 'parameters') this.#problems.add(entry.key.at, `Unexpected value '${entry.key.text}'`);
    }
    if (body === undefined) this.#problems.add(opened.content.at, `Expected '${kind}' in the template ${opened.file.label}.`);
    return body;
  }

  /** Expands the given values where they are written, typed lists as what they will become, and binds them. */
  #arguments(opened: Opened, reference: MapNode, scope: Scope, depth: number): MapNode {
    const given = lookup(reference, 'parameters') ?? map([], reference.at);
    const typed: MapEntry[] = [];
    const kindOf = (name: string): ReturnType<typeof kindOfParameter> =>
      kindOfParameter(opened.declarations.find((one) => one.name.toLowerCase() === name.toLowerCase()));
    if (given.kind !== 'map') {
      const value = this.expander.expand(given, 'any', scope, depth);
      if (value.kind === 'map') return bindParameters(opened.declarations, value, reference.at, this.#problems);
      if (value.kind === 'list' || value.text !== '') this.#problems.add(given.at, "Expected a mapping for 'parameters'.");
      return bindParameters(opened.declarations, map([], given.at), reference.at, this.#problems);
    }
    const plain = given.entries.filter((entry) => kindOf(entry.key.text) === 'any');
    for (const { key, value } of given.entries) {
      const kind = kindOf(key.text);
      if (kind !== 'any') typed.push({ key, value: this.expander.expand(this.#listed(value, kind), kind, scope, depth) });
    }
    const expanded = this.expander.expand(map(plain, given.at), 'any', scope, depth);
    const entries = [...(expanded.kind === 'map' ? expanded.entries : []), ...typed];
    return bindParameters(opened.declarations, map(entries, given.at), reference.at, this.#problems);
  }

  /** A typed list may be given as one expression, which is then an item that is spliced. */
  #listed(value: YamlNode, kind: string): YamlNode {
    return value.kind === 'scalar' && kind.endsWith('s') && value.text.includes('${{') ? list([value], value.at) : value;
  }
}
