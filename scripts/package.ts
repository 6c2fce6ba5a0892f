import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify, stripVTControlCharacters } from 'node:util';
import { thirdPartyNotices } from './notices.js';
import { recordOf } from './task-manifest.js';
import { listZip } from './zip.js';

/** What to package, and as whose extension. All paths absolute. */
export interface PackageOrder {
  /** Holds `vss-extension.json`, `overview.md`, `LICENSE`, `CHANGELOG.md`, `images/`, `schemas/` and `package.json`. */
  readonly root: string;
  /** The built tasks. */
  readonly tasks: string;
  /** Where the files of the extension are gathered. Emptied first. */
  readonly staging: string;
  /** Folder that the VSIX is written to. */
  readonly out: string;
  /** Overrides the manifest's publisher. */
  readonly publisher?: string;
  /** Licences of the packages in the bundles. */
  readonly notices: string;
}

/** Everything that may be in the package; a file that matches none of these stops the packaging. */
const allowed = [
  /^\[Content_Types\]\.xml$/,
  /^extension\.(vsixmanifest|vsomanifest)$/,
  /^(overview\.md|LICENSE|CHANGELOG\.md|ThirdPartyNotices\.txt)$/,
  /^images\/[\w-]+\.png$/,
  /^schemas\/[\w-]+\.schema\.json$/,
  /^tasks\/[A-Z]\w+\/([\w-]+\.js|task\.json|package\.json|icon\.png|README\.md)$/,
];
const inEachTask = ['index.js', 'task.json', 'package.json', 'icon.png', 'README.md'];

/**
 * Makes the VSIX with tfx-cli, offline, and checks what came out.
 * @returns the path of the VSIX.
 * @throws Error when manifest and tasks differ, tfx warns of anything, or the package holds something else than it should.
 */
export async function packageExtension(order: PackageOrder): Promise<string> {
  const tasks = (await readdir(order.tasks)).sort();
  const manifest = await stage(order, tasks);
  await mkdir(order.out, { recursive: true });
  const vsix = join(order.out, `${manifest.publisher}.${manifest.id}-${manifest.version}.vsix`);
  await rm(vsix, { force: true });
  await runTfx(order.staging, vsix);
  checkContent(await listZip(vsix), tasks);
  return vsix;
}

async function stage(order: PackageOrder, tasks: readonly string[]): Promise<{ publisher: string; id: string; version: string }> {
  const { root, staging } = order;
  const written = recordOf(JSON.parse(await readFile(join(root, 'vss-extension.json'), 'utf8')));
  const version = textOf(recordOf(JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))), 'version');
  const publisher = order.publisher ?? textOf(written, 'publisher');
  checkContributions(written, tasks);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  for (const path of ['overview.md', 'LICENSE', 'CHANGELOG.md', 'images', 'schemas']) await cp(join(root, path), join(staging, path), { recursive: true });
  await cp(order.tasks, join(staging, 'tasks'), { recursive: true });
  await writeFile(join(staging, 'ThirdPartyNotices.txt'), order.notices);
  await writeFile(join(staging, 'vss-extension.json'), JSON.stringify({ ...written, version, publisher }, undefined, 2));
  return { publisher, id: textOf(written, 'id'), version };
}

function checkContributions(manifest: Readonly<Record<string, unknown>>, tasks: readonly string[]): void {
  const contributions: unknown[] = Array.isArray(manifest.contributions) ? manifest.contributions : [];
  const ofTasks = contributions.map(recordOf).filter(({ type }) => type === 'ms.vss-distributed-task.task');
  const named = ofTasks.map(({ properties }) => textOf(recordOf(properties), 'name')).sort();
  const built = tasks.map((task) => `tasks/${task}`);
  if (named.join() !== built.join()) {
    throw new Error(`vss-extension.json contributes ${named.join(', ') || 'no task'}, but built are ${built.join(', ') || 'none'}.`);
  }
}

async function runTfx(staging: string, vsix: string): Promise<void> {
  const require = createRequire(import.meta.url);
  const tfx = join(dirname(require.resolve('tfx-cli/package.json')), '_build', 'tfx-cli.js');
  const command = [tfx, 'extension', 'create', '--root', staging, '--manifest-globs', 'vss-extension.json', '--output-path', vsix, '--no-prompt'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command);
  const output = stripVTControlCharacters(`${stdout}\n${stderr}`);
  if (/\b(warn(ing)?|error|invalid)\b/i.test(output)) throw new Error(`tfx complains:\n${output.trim()}`);
}

function checkContent(entries: readonly string[], tasks: readonly string[]): void {
  const strange = entries.filter((entry) => !allowed.some((pattern) => pattern.test(entry)));
  if (strange.length > 0) throw new Error(`The package must not hold ${strange.join(', ')}.`);
  const needed = [...tasks.flatMap((task) => inEachTask.map((file) => `tasks/${task}/${file}`)), 'overview.md', 'LICENSE', 'CHANGELOG.md', 'ThirdPartyNotices.txt', 'schemas/boundary-policy.schema.json'];
  const missing = needed.filter((entry) => !entries.includes(entry));
  if (missing.length > 0) throw new Error(`The package lacks ${missing.join(', ')}.`);
}

function textOf(record: Readonly<Record<string, unknown>>, key: string): string {
  const value = record[key];
  if (typeof value !== 'string') throw new Error(`${key} is not a string.`);
  return value;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { publisher: { type: 'string' } } });
  const root = join(import.meta.dirname, '..');
  const build = join(root, 'build');
  const publisher = values.publisher ?? process.env.PUBLISHER;
  const order = { root, tasks: join(build, 'tasks'), staging: join(build, 'extension'), out: build };
  const packaged = thirdPartyNotices(root).then((notices) => packageExtension({ ...order, notices, ...(publisher === undefined ? {} : { publisher }) }));
  await packaged.then(
    (vsix) => {
      console.log(vsix);
    },
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    },
  );
}
