import { fromNode, tryNumber } from '../expressions/values.js';
import { list, scalar } from '../yaml/nodes.js';
import type { YamlNode } from '../yaml/nodes.js';
import type { Kind } from './schema.js';
import { asTexts } from './typed-steps.js';

/** Where a parameter is declared: the file that is run, or a template. */
export type ParameterPlace = 'pipeline' | 'template';

/**
 * What a type of parameter is.
 * Source: azure-devops-docs, process/template-parameters ("Parameter data types"), and azure-pipelines-vscode, service-schema.json
 * (`templateParameterType`, `pipelineTemplateParameterType`).
 */
export interface ParameterType {
  /** As the documentation writes it. */
  readonly name: string;
  /** As messages of the service print it. */
  readonly title: string;
  /** The only place where it may be declared; absent where it may be in both. */
  readonly only?: ParameterPlace;
  /** How a given value is expanded before it is handed over: typed lists hold templates of their own. */
  readonly kind: Kind;
  /** True where `values` restricts it. */
  readonly restricts: boolean;
  /** The value as the template sees it; undefined where it is not of this type. */
  readonly read: (value: YamlNode) => YamlNode | undefined;
}

function text(value: YamlNode): YamlNode | undefined {
  return value.kind === 'scalar' ? scalar(value.text, value.at) : undefined;
}

function number(value: YamlNode): YamlNode | undefined {
  if (value.kind !== 'scalar' || typeof value.value === 'boolean' || value.text.trim() === '') return undefined;
  const found = tryNumber(fromNode(value));
  return found === undefined ? undefined : scalar(found, value.at);
}

function boolean(value: YamlNode): YamlNode | undefined {
  const word = value.kind === 'scalar' ? value.text.toLowerCase() : '';
  return word === 'true' || word === 'false' ? scalar(word === 'true', value.at) : undefined;
}

function isEmpty(value: YamlNode): boolean {
  return value.kind === 'scalar' && value.text === '';
}

/** A list of what `item` accepts; nothing at all is an empty one. */
function listOf(item: (value: YamlNode) => YamlNode | undefined): (value: YamlNode) => YamlNode | undefined {
  return (value) => {
    if (isEmpty(value)) return list([], value.at);
    if (value.kind !== 'list') return undefined;
    const items = value.items.map(item);
    return items.every((one) => one !== undefined) ? list(items, value.at) : undefined;
  };
}

/** A mapping with one of these keys, each of which makes it what it is. */
function having(...keys: readonly string[]): (value: YamlNode) => YamlNode | undefined {
  return (value) => (value.kind === 'map' && value.entries.some((entry) => keys.includes(entry.key.text)) ? value : undefined);
}

const step = having('task', 'script', 'bash', 'pwsh', 'powershell', 'checkout', 'download', 'downloadBuild', 'getPackage', 'publish', 'upload', 'reviewApp');
const container = having('container');

function plain(name: string, title: string, read: ParameterType['read'], restricts: boolean, only?: ParameterPlace): ParameterType {
  return { name, title, kind: 'any', restricts, read, ...(only === undefined ? {} : { only }) };
}

/** One part of a pipeline, and the list of such parts. */
function typed(name: string, title: string, kind: Kind, kinds: Kind, read: ParameterType['read']): readonly ParameterType[] {
  return [
    { name, title, kind, restricts: false, read },
    { name: `${name}List`, title: `${title}List`, kind: kinds, restricts: false, read: listOf(read) },
  ];
}

/** The type `object`: any YAML. */
export const anything: ParameterType = plain('object', 'Object', (value) => value, false);

const types: readonly ParameterType[] = [
  plain('string', 'String', text, true),
  plain('number', 'Number', number, true),
  plain('boolean', 'Boolean', boolean, false),
  anything,
  plain('stringList', 'StringList', listOf(text), true, 'pipeline'),
  ...typed('step', 'Step', 'step', 'steps', step),
  ...typed('job', 'Job', 'job', 'jobs', having('job', 'deployment')),
  ...typed('deployment', 'Deployment', 'job', 'jobs', having('deployment')),
  ...typed('stage', 'Stage', 'stage', 'stages', having('stage')),
  ...typed('container', 'Container', 'any', 'any', container),
  plain('environment', 'Environment', text, true, 'pipeline'),
  plain('filePath', 'FilePath', text, true, 'pipeline'),
  plain('secureFile', 'SecureFile', text, true, 'pipeline'),
  plain('serviceConnection', 'ServiceConnection', text, true, 'pipeline'),
  plain('pool', 'Pool', (value) => (value.kind === 'list' ? undefined : value), true, 'pipeline'),
  plain('legacyObject', 'LegacyObject', asTexts, false, 'template'),
];

/** A type by its name, without regard to case. */
export function parameterType(name: string): ParameterType | undefined {
  return types.find((type) => type.name.toLowerCase() === name.toLowerCase());
}
