import { basename, dirname, relative, resolve, sep } from 'node:path';
import { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import { lookup, map, mapOf, nowhere } from '../yaml/nodes.js';
import type { MapNode, Primitive, YamlNode } from '../yaml/nodes.js';
import type { Pipeline } from './model.js';
import { bindParameters, readDeclarations } from './parameters.js';
import { readPipeline } from './read-pipeline.js';
import { Repositories } from './repositories.js';
import { Scope } from './scope.js';
import { Templates } from './templates.js';

/** A parameter value as a caller gives it: plain JSON. */
export type ParameterValue = Primitive | readonly ParameterValue[] | { readonly [name: string]: ParameterValue };

export interface CompileOptions {
  /** Path of the pipeline's YAML file. */
  readonly file: string;
  /** The folder that `/`-rooted template paths start from; default: the file's own. */
  readonly root?: string;
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
  /** Local folders for `resources.repositories`, by alias or by the repository's `name`. */
  readonly repositories?: Readonly<Record<string, string>>;
  /** Predefined variables that are "available in templates", for `${{ variables['Build.Reason'] }}` and the like. */
  readonly templateVariables?: Readonly<Record<string, string>>;
}

function toYaml(value: ParameterValue): YamlNode {
  if (value === null || typeof value !== 'object') return mapOf([['value', value]]).entries[0]?.value ?? map([]);
  if (Array.isArray(value)) return { kind: 'list', items: value.map(toYaml), at: nowhere };
  return mapOf(Object.entries(value).map(([key, item]) => [key, toYaml(item)] as const));
}

/** Mounts `resources.repositories`; every other resource is refused by name. */
function mountRepositories(root: MapNode, options: CompileOptions, repositories: Repositories, problems: Problems): void {
  const node = lookup(root, 'resources');
  const resources = node === undefined ? undefined : MapReader.of(node, 'resources', problems);
  if (resources === undefined) return;
  resources.refuse('pipelines', 'builds', 'containers', 'packages', 'webhooks');
  for (const item of resources.list('repositories') ?? []) {
    const reader = MapReader.of(item, 'repository', problems);
    const alias = reader?.string('repository');
    const name = reader?.string('name') ?? '';
    reader?.ignore('type', 'ref', 'endpoint', 'trigger');
    reader?.done();
    if (alias === undefined) {
      problems.add(item.at, "A repository resource needs an alias under 'repository'.");
      continue;
    }
    const folder = options.repositories?.[alias] ?? options.repositories?.[name];
    if (folder === undefined) problems.unsupported(item.at, `the repository resource '${alias}' without a local folder for it`);
    else repositories.mount(alias, folder);
  }
  resources.done();
}

function expandRoot(root: MapNode, scope: Scope, templates: Templates, problems: Problems): MapNode | undefined {
  const own = map(root.entries.filter((entry) => entry.key.text !== 'parameters' && entry.key.text !== 'resources' && entry.key.text !== 'extends'), root.at);
  const reference = lookup(root, 'extends');
  if (reference === undefined) {
    const expanded = templates.expander.expand(own, 'pipeline', scope);
    return expanded.kind === 'map' ? expanded : undefined;
  }
  const inner = scope.child();
  const variables = own.entries.find((entry) => entry.key.text === 'variables');
  const declared = variables === undefined ? undefined : templates.expander.variables(variables.value, inner, 0);
  const rest = templates.expander.expand(map(own.entries.filter((entry) => entry !== variables), own.at), 'any', inner);
  const extended = templates.extend(reference, inner);
  if (extended === undefined || rest.kind !== 'map') return undefined;
  for (const { key } of rest.entries) {
    if (['stages', 'jobs', 'steps'].includes(key.text)) problems.add(key.at, `Unexpected value '${key.text}': a pipeline that extends a template has none of its own.`);
  }
  const theirs = lookup(extended, 'variables');
  const both = [declared, theirs].flatMap((node) => (node?.kind === 'list' ? node.items : []));
  const kept = extended.entries.filter((entry) => entry.key.text !== 'variables');
  const ours = rest.entries.filter(({ key }) => !kept.some((entry) => entry.key.text === key.text));
  const merged = map([...ours, ...kept], root.at);
  return map([...mapOf([['variables', { kind: 'list', items: both, at: root.at }]], root.at).entries, ...merged.entries], root.at);
}

/**
 * Compiles a pipeline file: parameters bound, templates and `${{ }}` expanded, the rest read into the typed model.
 * @throws {PipelineRefused} with every problem found.
 */
export function compilePipeline(options: CompileOptions): Pipeline {
  const problems = new Problems();
  const expanded = expandPipeline(options, problems);
  problems.throwIfAny();
  const pipeline = expanded === undefined ? undefined : readPipeline(expanded, problems);
  problems.throwIfAny();
  if (pipeline === undefined) throw new Error('The pipeline was not read, and no problem says why.');
  return pipeline;
}

/** The expanded tree, as the service shows it under "Download full YAML"; problems are collected, not thrown. */
export function expandPipeline(options: CompileOptions, problems: Problems): MapNode | undefined {
  const outside = options.root === undefined || relative(options.root, options.file).startsWith('..');
  const folder = resolve(outside ? dirname(options.file) : (options.root ?? '.'));
  const path = outside ? basename(options.file) : relative(folder, resolve(options.file)).split(sep).join('/');
  const file = { repository: 'self', path, label: path };
  const repositories = new Repositories(resolve(options.root ?? folder), problems);
  const root = repositories.read(file, { file: path, line: 1, column: 1 });
  if (root === undefined) return undefined;
  if (root.kind !== 'map') {
    problems.add(root.at, 'Expected a mapping at the root of a pipeline.');
    return undefined;
  }
  mountRepositories(root, options, repositories, problems);
  const given = mapOf(Object.entries(options.parameters ?? {}).map(([name, value]) => [name, toYaml(value)] as const), { file: '(parameters)', line: 1, column: 1 });
  const declarations = readDeclarations(lookup(root, 'parameters'), problems);
  const scope = new Scope(file, bindParameters(declarations, given, lookup(root, 'parameters')?.at ?? root.at, problems));
  for (const [name, value] of Object.entries(options.templateVariables ?? {})) scope.define(name, value);
  return expandRoot(root, scope, new Templates(repositories, problems), problems);
}
