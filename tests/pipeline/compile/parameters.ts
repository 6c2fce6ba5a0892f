import type { Position, Problems } from '../problems.js';
import { map, scalar } from '../yaml/nodes.js';
import type { MapNode, YamlNode } from '../yaml/nodes.js';
import { MapReader } from '../yaml/map-reader.js';
import { anything, parameterType } from './parameter-types.js';
import type { ParameterPlace, ParameterType } from './parameter-types.js';
import { asTexts, typedView } from './typed-steps.js';

/** One declared parameter of a pipeline or template. `type` is absent in the old mapping form, which takes anything. */
export interface ParameterDeclaration {
  readonly name: string;
  readonly type?: ParameterType;
  readonly default?: YamlNode;
  readonly values?: readonly YamlNode[];
  readonly at: Position;
}

/** The parameters of one file. */
export interface Declarations {
  readonly place: ParameterPlace;
  /** True for the old mapping of names to defaults: all scalars are text, and other parameters are taken as well. */
  readonly untyped: boolean;
  readonly all: readonly ParameterDeclaration[];
}

function same(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

/** The declaration of a name, without regard to case. */
export function declarationOf(declarations: Declarations, name: string): ParameterDeclaration | undefined {
  return declarations.all.find((one) => same(one.name, name));
}

/** Reports every `${{` of a part of the file that is read as it is. */
export function refuseExpressions(node: YamlNode, problems: Problems): void {
  if (node.kind === 'scalar' && node.text.includes('${{')) problems.add(node.at, 'A template expression is not allowed in this context');
  if (node.kind === 'list') for (const item of node.items) refuseExpressions(item, problems);
  if (node.kind === 'map') {
    for (const { key, value } of node.entries) {
      refuseExpressions(key, problems);
      refuseExpressions(value, problems);
    }
  }
}

/** The declared type; one that does not exist is a problem and takes anything, so that it makes no further problems. */
function typeOf(reader: MapReader, place: ParameterPlace, problems: Problems): ParameterType {
  const name = reader.string('type') ?? 'string';
  const type = parameterType(name);
  const at = reader.node('type')?.at ?? reader.at;
  if (type === undefined) problems.add(at, `Unexpected parameter type '${name}'.`);
  else if (type.only !== undefined && type.only !== place) {
    problems.add(at, `Unexpected parameter type '${name}': it is not available in ${place === 'template' ? 'templates' : 'the file that is run'}.`);
  }
  return type ?? anything;
}

function declaration(node: YamlNode, place: ParameterPlace, problems: Problems): ParameterDeclaration | undefined {
  const reader = MapReader.of(node, 'parameter', problems);
  if (reader === undefined) return undefined;
  const name = reader.string('name');
  const type = typeOf(reader, place, problems);
  reader.ignore('displayName');
  const fallback = reader.node('default');
  const values = reader.list('values');
  reader.done();
  if (name === undefined || name === '') {
    problems.add(node.at, 'A parameter needs a name.');
    return undefined;
  }
  if (values !== undefined && !type.restricts) problems.unsupported(reader.entry('values')?.key.at ?? node.at, `'values' for a parameter of type ${type.name}`);
  return { name, type, at: node.at, ...(fallback === undefined ? {} : { default: fallback }), ...(values === undefined ? {} : { values }) };
}

/** Reads a file's `parameters`: the list form, or the old mapping of names to defaults. Defaults are literals. */
export function readDeclarations(node: YamlNode | undefined, place: ParameterPlace, problems: Problems): Declarations {
  const none = { place, untyped: false, all: [] };
  if (node === undefined) return none;
  refuseExpressions(node, problems);
  if (node.kind === 'map') return { place, untyped: true, all: node.entries.map(({ key, value }) => ({ name: key.text, default: value, at: key.at })) };
  if (node.kind !== 'list') {
    problems.add(node.at, 'Expected a sequence or mapping of parameters.');
    return none;
  }
  const all = node.items.flatMap((item) => declaration(item, place, problems) ?? []);
  for (const [index, one] of all.entries()) {
    if (all.slice(0, index).some((other) => same(other.name, one.name))) problems.add(one.at, `The parameter '${one.name}' is declared twice.`);
  }
  return { place, untyped: false, all };
}

function shown(value: YamlNode): string {
  return value.kind === 'scalar' ? ` value '${value.text}'` : '';
}

/** Each of the values must be among the allowed ones; a list is checked item by item. */
function checkValues(declared: ParameterDeclaration, value: YamlNode, problems: Problems): void {
  const allowed = (declared.values ?? []).flatMap((one) => (one.kind === 'scalar' ? [one.text] : []));
  for (const one of value.kind === 'list' ? value.items : [value]) {
    if (one.kind === 'scalar' && allowed.some((other) => same(other, one.text))) continue;
    problems.add(one.at, `The '${declared.name}' parameter${shown(one)} is not a valid value. Allowed values: ${allowed.join(', ')}.`);
  }
}

/** Without a default the pipeline itself takes the first allowed value. Source: azure-devops-docs, process/runtime-parameters. */
function fallbackOf(declared: ParameterDeclaration, place: ParameterPlace): YamlNode | undefined {
  return declared.default ?? (place === 'pipeline' && declared.type?.name !== 'stringList' ? declared.values?.[0] : undefined);
}

function bind(declared: ParameterDeclaration, given: YamlNode | undefined, place: ParameterPlace, at: Position, problems: Problems): YamlNode {
  const value = given ?? fallbackOf(declared, place);
  if (value === undefined) {
    problems.add(at, `A value for the '${declared.name}' parameter must be provided.`);
    return scalar(null, at);
  }
  const { type } = declared;
  if (type === undefined) return asTexts(value);
  const read = type.read(value);
  if (read === undefined) {
    problems.add(value.at, `The '${declared.name}' parameter${shown(value)} is not a valid ${type.title}.`);
    return value;
  }
  if (declared.values !== undefined) checkValues(declared, read, problems);
  return typedView(read, type.kind);
}

/**
 * Binds given values to declarations, with the service's checks: unexpected, missing, wrong type, not among `values`.
 * @param at where the values are given (a template reference, or the start of the run).
 */
export function bindParameters(declarations: Declarations, given: MapNode, at: Position, problems: Problems): MapNode {
  const others = given.entries.filter(({ key }) => declarationOf(declarations, key.text) === undefined);
  if (!declarations.untyped) for (const { key } of others) problems.add(key.at, `Unexpected parameter '${key.text}'`);
  const entries = declarations.all.map((declared) => {
    const entry = given.entries.find(({ key }) => same(key.text, declared.name));
    return { key: scalar(declared.name, declared.at), value: bind(declared, entry?.value, declarations.place, at, problems) };
  });
  if (!declarations.untyped) return { ...map(entries, at), strict: true };
  return map([...entries, ...others.map(({ key, value }) => ({ key, value: asTexts(value) }))], at);
}
