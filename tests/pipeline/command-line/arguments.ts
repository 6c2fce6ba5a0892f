import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import type { ParameterValue } from '../compile/compile.js';
import { buildReasons } from '../run/queued.js';
import type { BuildReason } from '../run/queued.js';

/** A run as the command line asks for it; all paths are absolute. */
export interface RunRequest {
  readonly kind: 'run';
  readonly file: string;
  readonly root: string;
  readonly world: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly repositories: Readonly<Record<string, string>>;
  readonly reason: BuildReason;
  readonly sourceBranch?: string;
  readonly artifactsFolder?: string;
  readonly containersOnHost: boolean;
  /** Compile and check, and stop before the first job. */
  readonly checkOnly: boolean;
}

export type Request = RunRequest | { readonly kind: 'help' } | { readonly kind: 'worlds' };

/** What was asked for, or everything that is wrong with it. */
export type Reading = { readonly request: Request } | { readonly problems: readonly string[] };

const options = {
  param: { type: 'string', multiple: true },
  repository: { type: 'string', multiple: true },
  world: { type: 'string' },
  reason: { type: 'string' },
  branch: { type: 'string' },
  root: { type: 'string' },
  artifacts: { type: 'string' },
  'containers-on-host': { type: 'boolean' },
  check: { type: 'boolean' },
  'list-worlds': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type OptionName = keyof typeof options;

function isOption(name: string): name is OptionName {
  return Object.hasOwn(options, name);
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/** The repository around a file: the nearest folder with `.git`; without one the file's own folder. */
function repositoryOf(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return folder;
    if (folder === dirname(folder)) return dirname(file);
  }
}

/** Reads arguments and keeps every problem on the way. */
class ArgumentReader {
  readonly problems: string[] = [];
  readonly files: string[] = [];
  readonly #given = new Map<OptionName, string[]>();

  constructor(args: readonly string[]) {
    const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
    // What stands behind an option that nobody knows is more likely its value than a file.
    const values: string[] = [];
    for (const [index, token] of tokens.entries()) {
      const before = tokens[index - 1];
      const unknown = before?.kind === 'option' && !isOption(before.name) && before.value === undefined;
      if (token.kind === 'positional') (unknown ? values : this.files).push(token.value);
      if (token.kind === 'option') this.#option(token.rawName, token.name, token.value, token.inlineValue === true);
    }
    if (this.files.length === 0) this.files.push(...values);
  }

  has(name: OptionName): boolean {
    return this.#given.has(name);
  }

  all(name: OptionName): readonly string[] {
    return this.#given.get(name) ?? [];
  }

  /** The one value of an option; giving it twice is a problem. */
  one(name: OptionName): string | undefined {
    const [first, ...more] = this.all(name);
    if (more.length > 0) this.problems.push(`--${name} is given ${more.length + 1} times: ${[first, ...more].join(', ')}. Give it once.`);
    return first;
  }

  /** `name=value` pairs; a name twice is a problem. */
  pairs(name: OptionName, example: string): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const text of this.all(name)) {
      const mark = text.indexOf('=');
      const [key, value] = [text.slice(0, mark), text.slice(mark + 1)];
      if (mark < 1) this.problems.push(`--${name} ${text} is not of the form ${example}.`);
      else if (found.has(key)) this.problems.push(`--${name} gives ${key} twice.`);
      else found.set(key, value);
    }
    return found;
  }

  #option(raw: string, name: string, value: string | undefined, inline: boolean): void {
    if (!isOption(name)) {
      this.problems.push(`${raw} is not an option. --help lists them.`);
      return;
    }
    const wantsValue = options[name].type === 'string';
    if (wantsValue && (value === undefined || (!inline && value.startsWith('--')))) this.problems.push(`${raw} needs a value.`);
    else if (!wantsValue && value !== undefined) this.problems.push(`${raw} takes no value, found ${value}.`);
    else this.#given.set(name, [...this.all(name), value ?? '']);
  }
}

/** Objects and lists are written as YAML or JSON in braces or brackets; everything else is the text that the service would get. */
function parameterValue(name: string, text: string, problems: string[]): ParameterValue {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return parse(text) as ParameterValue;
  } catch (error) {
    problems.push(`--param ${name} begins like an object or a list and is no YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`);
    return text;
  }
}

/**
 * Reads the command line.
 * @param worlds the names that `--world` takes; the first is the default.
 * @param folder what relative paths start from.
 */
export function readArguments(args: readonly string[], worlds: readonly string[], folder: string): Reading {
  const reader = new ArgumentReader(args);
  const { problems } = reader;
  if (reader.has('help')) return { request: { kind: 'help' } };
  if (reader.has('list-worlds') && problems.length === 0) return { request: { kind: 'worlds' } };
  const [given, ...more] = reader.files;
  const file = resolve(folder, given ?? '');
  if (given === undefined) problems.push('Which pipeline? Give the path of its YAML file.');
  else if (!existsSync(file) || isFolder(file)) problems.push(`The pipeline file ${given} does not exist, or is a folder.`);
  if (more.length > 0) problems.push(`One pipeline file at a time: ${[given, ...more].join(', ')}.`);
  const world = reader.one('world') ?? worlds[0] ?? '';
  if (!worlds.includes(world)) problems.push(`There is no world ${world}. There are ${worlds.join(', ')}; --list-worlds says what is in them.`);
  const wanted = reader.one('reason') ?? 'Manual';
  const reason = buildReasons.find((one) => one.toLowerCase() === wanted.toLowerCase());
  if (reason === undefined) problems.push(`--reason ${wanted} is not a reason of Azure Pipelines. Those are ${buildReasons.join(', ')}.`);
  const branch = reader.one('branch');
  if (branch?.startsWith('refs/') === false) problems.push(`--branch ${branch} is no full name. Write refs/heads/${branch}.`);
  const root = reader.one('root');
  if (root !== undefined && !isFolder(resolve(folder, root))) problems.push(`--root ${root} is not a folder.`);
  const repositories = reader.pairs('repository', 'ALIAS=FOLDER');
  for (const [alias, path] of repositories) if (!isFolder(resolve(folder, path))) problems.push(`--repository ${alias}=${path}: ${path} is not a folder.`);
  const parameters = Object.fromEntries([...reader.pairs('param', 'NAME=VALUE')].map(([name, text]) => [name, parameterValue(name, text, problems)]));
  const artifacts = reader.one('artifacts');
  if (problems.length > 0 || reason === undefined) return { problems };
  return {
    request: {
      kind: 'run',
      file,
      root: root === undefined ? repositoryOf(file) : resolve(folder, root),
      world,
      parameters,
      repositories: Object.fromEntries([...repositories].map(([alias, path]) => [alias, resolve(folder, path)])),
      reason,
      ...(branch === undefined ? {} : { sourceBranch: branch }),
      ...(artifacts === undefined ? {} : { artifactsFolder: resolve(folder, artifacts) }),
      containersOnHost: reader.has('containers-on-host'),
      checkOnly: reader.has('check'),
    },
  };
}
