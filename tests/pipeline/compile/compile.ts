import { basename, dirname, relative, resolve, sep } from 'node:path';
import { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import { lookup, map, mapOf, nowhere } from '../yaml/nodes.js';
import type { MapEntry, MapNode, Primitive, YamlNode } from '../yaml/nodes.js';
import { TemplateLimitExceeded, TemplateMemory } from './limits.js';
import type { Pipeline } from './model.js';
import { readDeclarations, refuseExpressions } from './parameters.js';
import { readPipeline } from './read-pipeline.js';
import { Repositories } from './repositories.js';
import { Scope } from './scope.js';
import type { SourceFile } from './scope.js';
import { isTemplateVariable } from './template-variables.js';
import { Templates } from './templates.js';
import { runnableView } from './typed-steps.js';

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
  /** Predefined variables; `${{ variables['Build.Reason'] }}` and the like see those that are documented as available in templates. */
  readonly templateVariables?: Readonly<Record<string, string>>;
}

function toYaml(value: ParameterValue): YamlNode {
  if (value === null || typeof value !== 'object') return mapOf([['value', value]]).entries[0]?.value ?? map([]);
  if (Array.isArray(value)) return { kind: 'list', items: value.map(toYaml), at: nowhere };
  return mapOf(Object.entries(value).map(([key, item]) => [key, toYaml(item)] as const));
}

/** What the service reads before it expands anything. Source: azure-devops-docs, process/template-expressions. */
const unexpanded = ['trigger', 'pr', 'schedules'];

/** Where parameters given from outside of every file stand, in messages. */
const outside = { ...nowhere, file: '(parameters)' };

/** Mounts one repository. @returns its `ref`, the one part that may hold an expression (release notes of sprint 212). */
function mountRepository(item: YamlNode, options: CompileOptions, repositories: Repositories, problems: Problems): YamlNode | undefined {
  const reader = MapReader.of(item, 'repository', problems);
  if (reader === undefined) return undefined;
  const [alias, name, ref] = [reader.string('repository'), reader.string('name') ?? '', reader.node('ref')];
  reader.ignore('type', 'endpoint', 'trigger');
  if (item.kind === 'map') for (const { value } of item.entries) if (value !== ref) refuseExpressions(value, problems);
  reader.done();
  if (alias === undefined) {
    problems.add(item.at, "A repository resource needs an alias under 'repository'.");
    return ref;
  }
  const folder = options.repositories?.[alias] ?? options.repositories?.[name];
  if (folder === undefined) problems.unsupported(item.at, `the repository resource '${alias}' without a local folder for it`);
  else repositories.mount(alias, folder);
  return ref;
}

/** Mounts `resources.repositories`; every other resource is refused by name. @returns the refs of the repositories. */
function mountRepositories(node: YamlNode, options: CompileOptions, repositories: Repositories, problems: Problems): readonly YamlNode[] {
  const resources = MapReader.of(node, 'resources', problems);
  if (resources === undefined) return [];
  resources.refuse('pipelines', 'builds', 'containers', 'packages', 'webhooks');
  const refs = (resources.list('repositories') ?? []).flatMap((item) => mountRepository(item, options, repositories, problems) ?? []);
  resources.done();
  return refs;
}

/** What a file that extends a template may have. Source: azure-pipelines-vscode, service-schema.json. */
const withExtends = ['pool', 'name', 'appendCommitMessageToRunName', 'variables', 'lockBehavior', 'trigger', 'pr', 'schedules'];

/** The entries of the file itself around those of the template that it extends. */
function expandExtending(own: MapNode, reference: YamlNode, inner: Scope, templates: Templates, problems: Problems): MapNode | undefined {
  for (const { key } of own.entries) {
    if (!withExtends.includes(key.text)) problems.add(key.at, `Unexpected value '${key.text}': a pipeline that extends a template has none of its own.`);
  }
  const variables = own.entries.find((entry) => entry.key.text === 'variables');
  const declared = variables === undefined ? undefined : templates.expander.variables(variables.value, inner, 0);
  const rest = templates.expander.expand(map(own.entries.filter((entry) => entry !== variables), own.at), 'any', inner);
  const extended = templates.extend(reference, inner);
  if (extended === undefined || rest.kind !== 'map') return undefined;
  const theirs = lookup(extended, 'variables');
  const both = [declared, theirs].flatMap((node) => (node?.kind === 'list' ? node.items : []));
  const kept = extended.entries.filter((entry) => entry.key.text !== 'variables');
  const ours = rest.entries.filter(({ key }) => !kept.some((entry) => entry.key.text === key.text));
  return map([...mapOf([['variables', { kind: 'list', items: both, at: own.at }]], own.at).entries, ...ours, ...kept], own.at);
}

function expandRoot(root: MapNode, scope: Scope, templates: Templates, problems: Problems): MapNode | undefined {
  const fixed = root.entries.filter((entry) => unexpanded.includes(entry.key.text));
  for (const { value } of fixed) refuseExpressions(value, problems);
  const expandable = (entry: MapEntry): boolean => !fixed.includes(entry) && !['parameters', 'resources', 'extends'].includes(entry.key.text);
  const own = map(root.entries.filter(expandable), root.at);
  const reference = lookup(root, 'extends');
  const expanded = reference === undefined ? templates.expander.expand(own, 'pipeline', scope) : expandExtending(own, reference, scope.child(), templates, problems);
  if (expanded?.kind !== 'map') return undefined;
  for (const { key } of expanded.entries) if (key.text === 'extends') problems.unsupported(key.at, "'extends' under a control expression");
  return map([...expanded.entries, ...fixed], root.at);
}

/**
 * Compiles a pipeline file: parameters bound, templates and `${{ }}` expanded, the rest read into the typed model.
 * @throws {PipelineRefused} with every problem found.
 */
export function compilePipeline(options: CompileOptions): Pipeline {
  const problems = new Problems();
  const expanded = expandPipeline(options, problems);
  problems.throwIfAny();
  const pipeline = expanded === undefined ? undefined : readPipeline(runnableView(expanded), problems);
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
  try {
    return expandFile(options, file, resolve(options.root ?? folder), problems);
  } catch (error) {
    if (error instanceof TemplateLimitExceeded) return undefined;
    throw error;
  }
}

function expandFile(options: CompileOptions, file: SourceFile, folder: string, problems: Problems): MapNode | undefined {
  const memory = new TemplateMemory(problems);
  const repositories = new Repositories(folder, problems, memory);
  const root = repositories.read(file, { file: file.path, line: 1, column: 1 });
  if (root === undefined) return undefined;
  if (root.kind !== 'map') {
    problems.add(root.at, 'Expected a mapping at the root of a pipeline.');
    return undefined;
  }
  const resources = lookup(root, 'resources');
  const refs = resources === undefined ? [] : mountRepositories(resources, options, repositories, problems);
  const templates = new Templates(repositories, problems, memory);
  const given = mapOf(Object.entries(options.parameters ?? {}).map(([name, value]) => [name, toYaml(value)] as const), outside);
  const declared = lookup(root, 'parameters');
  const start = Scope.root(file, map([]));
  for (const [name, value] of Object.entries(options.templateVariables ?? {})) if (isTemplateVariable(name)) start.define(name, value);
  const parameters = templates.bind(readDeclarations(declared, 'pipeline', problems), given, start, declared?.at ?? root.at);
  const scope = start.enter(file, parameters);
  // A local folder has one state, whatever its ref says; an expression in it has to be one nevertheless.
  for (const ref of refs) templates.expander.expand(ref, 'any', scope);
  return expandRoot(root, scope, templates, problems);
}
