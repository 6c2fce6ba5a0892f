import { fromNode, toText, tryNumber } from '../expressions/values.js';
import type { Position, Problems } from '../problems.js';
import { list, map, scalar } from '../yaml/nodes.js';
import type { MapNode, YamlNode } from '../yaml/nodes.js';
import { MapReader } from '../yaml/map-reader.js';
import type { Kind } from './schema.js';

const supportedTypes = ['string', 'number', 'boolean', 'object', 'step', 'stepList', 'job', 'jobList', 'deployment', 'deploymentList', 'stage', 'stageList'] as const;
type ParameterType = (typeof supportedTypes)[number];

/** Types of Azure Pipelines that this runner refuses by name. */
const refusedTypes = ['stringList', 'environment', 'filePath', 'pool', 'secureFile', 'serviceConnection', 'container', 'containerList', 'legacyObject'];

/** One declared parameter of a pipeline or template. `type` is absent in the old mapping form, which takes anything. */
export interface ParameterDeclaration {
  readonly name: string;
  readonly type?: ParameterType;
  readonly default?: YamlNode;
  readonly values?: readonly YamlNode[];
  readonly at: Position;
}

/** How the value given for a parameter is expanded before it is handed over: typed lists hold templates of their own. */
export function kindOfParameter(declaration: ParameterDeclaration | undefined): Kind {
  switch (declaration?.type) {
    case 'step':
      return 'step';
    case 'stepList':
      return 'steps';
    case 'job':
    case 'deployment':
      return 'job';
    case 'jobList':
    case 'deploymentList':
      return 'jobs';
    case 'stage':
      return 'stage';
    case 'stageList':
      return 'stages';
    case 'string':
    case 'number':
    case 'boolean':
    case 'object':
    case undefined:
      return 'any';
  }
}

function refuseExpressions(node: YamlNode, problems: Problems): void {
  if (node.kind === 'scalar' && node.text.includes('${{')) problems.add(node.at, 'A template expression is not allowed in this context');
  if (node.kind === 'list') for (const item of node.items) refuseExpressions(item, problems);
  if (node.kind === 'map') {
    for (const { key, value } of node.entries) {
      refuseExpressions(key, problems);
      refuseExpressions(value, problems);
    }
  }
}

function declaration(node: YamlNode, problems: Problems): ParameterDeclaration | undefined {
  const reader = MapReader.of(node, 'parameter', problems);
  if (reader === undefined) return undefined;
  const name = reader.string('name');
  const typeName = reader.string('type') ?? 'string';
  reader.ignore('displayName');
  const fallback = reader.node('default');
  const values = reader.list('values');
  reader.done();
  if (name === undefined) {
    problems.add(node.at, 'A parameter needs a name.');
    return undefined;
  }
  const type = supportedTypes.find((other) => other.toLowerCase() === typeName.toLowerCase());
  if (type === undefined) {
    if (refusedTypes.includes(typeName)) problems.unsupported(node.at, `the parameter type ${typeName}`);
    else problems.add(node.at, `Unexpected parameter type '${typeName}'.`);
    return undefined;
  }
  return { name, type, at: node.at, ...(fallback === undefined ? {} : { default: fallback }), ...(values === undefined ? {} : { values }) };
}

/** Reads a file's `parameters`: the list form, or the old mapping of names to defaults. */
export function readDeclarations(node: YamlNode | undefined, problems: Problems): readonly ParameterDeclaration[] {
  if (node === undefined) return [];
  refuseExpressions(node, problems);
  if (node.kind === 'map') return node.entries.map(({ key, value }) => ({ name: key.text, default: value, at: key.at }));
  if (node.kind !== 'list') {
    problems.add(node.at, 'Expected a sequence or mapping of parameters.');
    return [];
  }
  const declarations = node.items.flatMap((item) => declaration(item, problems) ?? []);
  for (const [index, one] of declarations.entries()) {
    const twice = declarations.slice(0, index).some((other) => other.name.toLowerCase() === one.name.toLowerCase());
    if (twice) problems.add(one.at, `The parameter '${one.name}' is declared twice.`);
  }
  return declarations;
}

function isOneOf(value: YamlNode, allowed: readonly YamlNode[]): boolean {
  return value.kind === 'scalar' && allowed.some((other) => other.kind === 'scalar' && other.text.toLowerCase() === value.text.toLowerCase());
}

function typed(declared: ParameterDeclaration, value: YamlNode, problems: Problems): YamlNode {
  const invalid = (kind: string): YamlNode => {
    const shown = value.kind === 'scalar' ? ` value '${value.text}'` : '';
    problems.add(value.at, `The '${declared.name}' parameter${shown} is not a valid ${kind}.`);
    return value;
  };
  const { type } = declared;
  if (type === undefined || type === 'object') return value;
  switch (type) {
    case 'string':
      return value.kind === 'scalar' ? scalar(value.text, value.at) : invalid('String');
    case 'number': {
      const number = value.kind === 'scalar' && value.text.trim() !== '' ? tryNumber(fromNode(value)) : undefined;
      return number === undefined || value.kind !== 'scalar' || typeof value.value === 'boolean' ? invalid('Number') : scalar(number, value.at);
    }
    case 'boolean': {
      const word = value.kind === 'scalar' ? toText(fromNode(value)).toLowerCase() : '';
      return word === 'true' || word === 'false' ? scalar(word === 'true', value.at) : invalid('Boolean');
    }
    case 'step':
    case 'job':
    case 'deployment':
    case 'stage':
      return value.kind === 'map' ? value : invalid(type);
    case 'stepList':
    case 'jobList':
    case 'deploymentList':
    case 'stageList':
      if (value.kind === 'scalar' && value.text === '') return list([], value.at);
      return value.kind === 'list' ? value : invalid(type);
  }
}

function bind(declared: ParameterDeclaration, given: YamlNode | undefined, at: Position, problems: Problems): YamlNode {
  const value = given ?? declared.default;
  if (value === undefined) {
    problems.add(at, `A value for the '${declared.name}' parameter must be provided.`);
    return scalar(null, at);
  }
  const result = typed(declared, value, problems);
  if (declared.values !== undefined && !isOneOf(result, declared.values)) {
    const allowed = declared.values.map((one) => (one.kind === 'scalar' ? one.text : '…')).join(', ');
    problems.add(value.at, `The '${declared.name}' parameter value '${result.kind === 'scalar' ? result.text : '…'}' is not a valid value. Allowed values: ${allowed}.`);
  }
  return result;
}

/**
 * Binds given values to declarations, with the service's checks: unexpected, missing, wrong type, not among `values`.
 * @param at where the values are given (a template reference, or the start of the run).
 */
export function bindParameters(declarations: readonly ParameterDeclaration[], given: MapNode, at: Position, problems: Problems): MapNode {
  for (const { key } of given.entries) {
    if (!declarations.some((one) => one.name.toLowerCase() === key.text.toLowerCase())) problems.add(key.at, `Unexpected parameter '${key.text}'`);
  }
  const entries = declarations.map((declared) => {
    const entry = given.entries.find(({ key }) => key.text.toLowerCase() === declared.name.toLowerCase());
    return { key: scalar(declared.name, declared.at), value: bind(declared, entry?.value, at, problems) };
  });
  return map(entries, at);
}
