import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { chunks, options, sdkChunks } from './chunks.js';
import { recordOf } from './task-manifest.js';

/**
 * The licences of every package whose code is in a bundle, as their terms ask for.
 * @param root holds `tasks/` and `node_modules/`
 * @throws Error when a bundled package has neither a licence file nor a licence named in its package.json.
 */
export async function thirdPartyNotices(root: string): Promise<string> {
  const folders = await bundledPackages(root);
  const notices = await Promise.all(folders.map((folder) => notice(join(root, folder))));
  const head = 'The tasks of this extension contain code of the following packages, under the licences given.';
  return `${[head, ...notices].join(`\n\n${'='.repeat(80)}\n\n`)}\n`;
}

/** Folders of the packages that a bundle of all tasks and chunks takes files from, sorted. */
async function bundledPackages(root: string): Promise<string[]> {
  const names = (await readdir(join(root, 'tasks'))).filter((name) => existsSync(join(root, 'tasks', name, 'index.ts')));
  const tasks = build({ ...options, absWorkingDir: root, entryPoints: names.map((name) => join(root, 'tasks', name, 'index.ts')), outdir: 'unused', write: false, metafile: true, plugins: [sdkChunks(root)] });
  const sdks = chunks.map(({ source, external }) => build({ ...options, absWorkingDir: root, entryPoints: [join(root, source)], outdir: 'unused', write: false, metafile: true, external }));
  const inputs = (await Promise.all([tasks, ...sdks])).flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const folders = inputs.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  return [...new Set(folders)].sort();
}

async function notice(folder: string): Promise<string> {
  const manifest = recordOf(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
  const title = `${String(manifest.name)} ${String(manifest.version)}`;
  const file = (await readdir(folder)).find((name) => /^(licen[cs]e|copying)/i.test(name));
  if (file !== undefined) return `${title}\n\n${(await readFile(join(folder, file), 'utf8')).trim()}`;
  if (typeof manifest.license === 'string') return `${title}\n\nLicence: ${manifest.license}`;
  throw new Error(`${title} is bundled, but says nothing about its licence.`);
}
