import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { isRecord } from '../../simulators/kernel/service.js';
import type { YamlNode } from '../yaml/nodes.js';
import type { ParameterValue } from './compile.js';

/** One hand-checked case of a fixture file. */
export interface ExpansionCase {
  readonly name: string;
  /** Text by path; `pipeline.yml` is the root. */
  readonly files: Readonly<Record<string, string>>;
  /** Folders of other repositories: alias to files. */
  readonly repositories: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  /** The expanded tree, every scalar as text. */
  readonly expect?: unknown;
  /** `file:line:column: message`, in order. */
  readonly problems?: readonly string[];
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return isRecord(value) ? Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)])) : {};
}

function parametersOf(value: unknown): Readonly<Record<string, ParameterValue>> {
  return isRecord(value) ? (JSON.parse(JSON.stringify(value)) as Record<string, ParameterValue>) : {};
}

/** Reads the cases of a fixture file: a list of mappings with name, pipeline, files, repositories, parameters, expect or problems. */
export function readCases(path: string): readonly ExpansionCase[] {
  const text = readFileSync(path, 'utf8');
  const raw: unknown = parse(text);
  const texts: unknown = parse(text, { schema: 'failsafe' });
  if (!Array.isArray(raw) || !Array.isArray(texts)) throw new Error(`${path} holds no list of cases.`);
  return raw.map((one: unknown, index): ExpansionCase => {
    const plain: unknown = texts[index];
    if (!isRecord(one) || !isRecord(plain) || typeof one.name !== 'string' || typeof one.pipeline !== 'string') throw new Error(`${path}: case ${index + 1} needs a name and a pipeline.`);
    if (one.expect === undefined && !Array.isArray(one.problems)) throw new Error(`${path}: '${one.name}' expects nothing.`);
    const repositories = isRecord(one.repositories) ? one.repositories : {};
    return {
      name: one.name,
      files: { ...textsOf(one.files), 'pipeline.yml': one.pipeline },
      repositories: Object.fromEntries(Object.entries(repositories).map(([alias, files]) => [alias, textsOf(files)])),
      parameters: parametersOf(one.parameters),
      ...(one.expect === undefined ? {} : { expect: plain.expect }),
      ...(Array.isArray(one.problems) ? { problems: one.problems.map(String) } : {}),
    };
  });
}

/** A tree with every scalar as text, to compare with what a fixture expects. */
export function plainText(node: YamlNode): unknown {
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'list') return node.items.map(plainText);
  return Object.fromEntries(node.entries.map((entry) => [entry.key.text, plainText(entry.value)]));
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Writes a case's files to a temporary folder for as long as `use` runs. */
export function withFiles<T>(one: Pick<ExpansionCase, 'files' | 'repositories'>, use: (root: string, repositories: Readonly<Record<string, string>>) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'expand-'));
  try {
    write(join(folder, 'self'), one.files);
    const repositories = Object.fromEntries(Object.keys(one.repositories).map((alias) => [alias, join(folder, 'other', alias)]));
    for (const [alias, path] of Object.entries(repositories)) write(path, one.repositories[alias] ?? {});
    return use(join(folder, 'self'), repositories);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
