import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { chunks, options, sdkChunks, type Chunk } from './chunks.js';
import { numbersOf, readTask, type TaskManifest } from './task-manifest.js';

/** Where a build reads and writes. Both absolute. */
export interface BuildPlace {
  /** Holds `tasks/`, `images/` and `package.json`. */
  readonly root: string;
  /** Gets one folder for each task. Emptied first. */
  readonly out: string;
}

/** One JavaScript file of a built task, for the size table. */
export interface BuiltFile {
  readonly task: string;
  readonly file: string;
  readonly bytes: number;
}

/** Scripts that no handler of a task.json names, since other programs start them. */
const programs = ['post-render'];

interface Task {
  readonly name: string;
  readonly folder: string;
  readonly manifest: TaskManifest;
}

/**
 * Bundles every task folder under `tasks/`: one CommonJS file for each script that task.json names, next to it the SDK chunks that this
 * task's code can ask for, task.json with its version filled in, icon and README.
 * @throws Error when a task is incomplete, an SDK module is imported statically, or esbuild warns of anything.
 */
export async function buildTasks(place: BuildPlace): Promise<BuiltFile[]> {
  const { root, out } = place;
  const [minor, patch] = numbersOf(await readFile(join(root, 'package.json'), 'utf8'));
  const tasks = await findTasks(root);
  await rm(out, { recursive: true, force: true });
  const bundled = await bundleTasks(place, tasks);
  const used = chunks.filter((chunk) => [...bundled.values()].some((wanted) => wanted.has(chunk.file)));
  const store = join(out, '.chunks');
  await Promise.all(used.map((chunk) => buildChunk(root, chunk, store)));
  await Promise.all(
    tasks.map(async ({ name, folder, manifest }) => {
      const target = join(out, name);
      const version = { ...manifest.version, Minor: minor, Patch: patch };
      await writeFile(join(target, 'task.json'), `${JSON.stringify({ ...manifest.content, version }, undefined, 2)}\n`);
      await writeFile(join(target, 'package.json'), '{"type":"commonjs"}\n');
      const icon = [join(folder, 'icon.png'), join(root, 'images', 'task-icon.png')].find((path) => existsSync(path));
      if (icon === undefined) throw new Error(`tasks/${name} has no icon.png, and images/task-icon.png is missing.`);
      await cp(icon, join(target, 'icon.png'));
      await cp(join(folder, 'README.md'), join(target, 'README.md'));
      for (const file of bundled.get(name) ?? []) await cp(join(store, file), join(target, file));
    }),
  );
  await rm(store, { recursive: true, force: true });
  return measure(out, tasks);
}

async function findTasks(root: string): Promise<Task[]> {
  const entries = await readdir(join(root, 'tasks'), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('_')).map(({ name }) => name);
  return Promise.all(
    names.sort().map(async (name) => {
      const folder = join(root, 'tasks', name);
      for (const needed of ['task.json', 'README.md']) {
        if (!existsSync(join(folder, needed))) throw new Error(`tasks/${name} has no ${needed}.`);
      }
      return { name, folder, manifest: readTask(name, await readFile(join(folder, 'task.json'), 'utf8')) };
    }),
  );
}

/** Bundles all tasks at once; the names of the chunks that each of them can ask for. */
async function bundleTasks({ root, out }: BuildPlace, tasks: readonly Task[]): Promise<Map<string, Set<string>>> {
  const entryPoints = tasks.flatMap(({ name, folder, manifest }) =>
    [...manifest.scripts, ...programs.filter((program) => existsSync(join(folder, `${program}.ts`)))].map((script) => ({ in: join(folder, `${script}.ts`), out: join(name, script) })),
  );
  const result = await build({ ...options, absWorkingDir: root, entryPoints, outdir: out, metafile: true, plugins: [sdkChunks(root)] });
  refuseWarnings(result.warnings);
  return new Map(tasks.map(({ name }) => [name, chunksOf(result.metafile, name)]));
}

function chunksOf(metafile: Metafile, task: string): Set<string> {
  const outputs = Object.entries(metafile.outputs).filter(([path]) => basename(join(path, '..')) === task);
  const imports = outputs.flatMap(([, output]) => output.imports).filter(({ external }) => external === true);
  const names = imports.map(({ path }) => path.replace(/^\.\//, ''));
  return new Set(chunks.map(({ file }) => file).filter((file) => names.includes(file)));
}

async function buildChunk(root: string, chunk: Chunk, store: string): Promise<void> {
  await mkdir(store, { recursive: true });
  const outfile = join(store, chunk.file);
  const result = await build({ ...options, absWorkingDir: root, entryPoints: [join(root, chunk.source)], outfile, external: chunk.external });
  refuseWarnings(result.warnings);
}

function refuseWarnings(warnings: readonly { readonly text: string }[]): void {
  if (warnings.length > 0) throw new Error(`esbuild warns:\n${warnings.map(({ text }) => `  ${text}`).join('\n')}`);
}

async function measure(out: string, tasks: readonly Task[]): Promise<BuiltFile[]> {
  const files: BuiltFile[] = [];
  for (const { name } of tasks) {
    const scripts = (await readdir(join(out, name))).filter((file) => file.endsWith('.js')).sort();
    for (const file of scripts) files.push({ task: name, file, bytes: (await stat(join(out, name, file))).size });
  }
  return files;
}

/** The sizes of built files, one line each. */
export function sizeTable(files: readonly BuiltFile[]): string {
  const size = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB`.padStart(10);
  const width = Math.max(0, ...files.map(({ task, file }) => task.length + file.length + 1));
  const lines = files.map(({ task, file, bytes }) => `  ${`${task}/${file}`.padEnd(width)}${size(bytes)}`);
  return [...lines, `  ${'total'.padEnd(width)}${size(files.reduce((sum, { bytes }) => sum + bytes, 0))}`].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(import.meta.dirname, '..');
  const started = performance.now();
  await buildTasks({ root, out: join(root, 'build', 'tasks') }).then(
    (files) => {
      console.log(`${sizeTable(files)}\nbuilt in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    },
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    },
  );
}
