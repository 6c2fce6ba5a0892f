import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '../simulators/kernel/service.js';

/** The project's folder. */
export const root = join(import.meta.dirname, '..', '..');

/** What is generated, fetched, or belongs to tools of whoever works here. */
const foreign = new Set(['.git', '.idea', '.vscode', 'node_modules', 'build']);

/** Every file of the project, or of one of its folders, relative to the root, with `/`; what is generated or fetched is left out. */
export function projectFiles(below = '.'): readonly string[] {
  const entries = readdirSync(join(root, below), { withFileTypes: true }).filter(({ name }) => !foreign.has(name) && !/\.(vsix|taskkey)$/.test(name));
  return entries.flatMap((entry) => {
    const path = below === '.' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) return projectFiles(path);
    return entry.isFile() ? [path] : [];
  }).sort();
}

/** The text of a file. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** A JSON file that holds an object. */
export function readJson(path: string): Readonly<Record<string, unknown>> {
  return asRecord(JSON.parse(read(path)));
}

/** The value, when it is a mapping. @throws Error otherwise. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new Error(`not a mapping: ${JSON.stringify(value)}`);
  return value;
}

/** The mappings of a list; none for anything else. */
export function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(asRecord) : [];
}

/** The text of a field; empty when there is none. @throws Error when it is something else. */
export function textOf(record: Readonly<Record<string, unknown>>, field: string): string {
  const value = record[field] ?? '';
  if (typeof value !== 'string') throw new Error(`${field} is no text: ${JSON.stringify(value)}`);
  return value;
}

/** The names of the mappings of a list, such as those of a task's inputs. */
export function namesOf(value: unknown): readonly string[] {
  return records(value).map((record) => textOf(record, 'name'));
}

/** The folders of the tasks. */
export const tasks: readonly string[] = projectFiles('tasks').flatMap((path) => /^tasks\/(\w+)\/task\.json$/.exec(path)?.[1] ?? []);

/** The Markdown files. */
export const pages: readonly string[] = projectFiles().filter((path) => path.endsWith('.md'));

/** A piece of code in a page. */
export interface CodeBlock {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page. */
export function codeBlocks(page: string): readonly CodeBlock[] {
  const text = read(page);
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length;
    return { page, line, language: match[1] ?? '', text: match[2] ?? '' };
  });
}
