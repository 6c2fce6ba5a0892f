import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ManifestFile } from '../kubernetes/manifests.js';
import { noSuchFile, readTextFile, type PathFlaw } from './input-files.js';

/** The manifests that an input names, and what is wrong with them by path. */
export interface ManifestFiles {
  readonly files: readonly ManifestFile[];
  readonly flaws: readonly (PathFlaw & { readonly path: string })[];
}

const extension = /\.(ya?ml|json)$/i;
/** Read although it may have no extension, so that it is refused and not passed over. Source: kustomize docs, kustomization. */
const kustomization = /^kustomization$/i;

/**
 * The manifests at a path: a file, or all files of a folder and the folders in it whose names end in .yaml, .yml or .json, in the order of their names. What
 * begins with a full stop is passed over.
 * @param shown the path as the user gave it
 */
export function manifestFilesAt(path: string, shown: string): ManifestFiles {
  const remedy = 'give folders or files, absolute or relative to the sources, separated by commas or lines; patterns such as *.yaml are not expanded';
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return flawed(shown, { because: noSuchFile, remedy });
  if (!stats.isDirectory()) return extension.test(path) ? read(path, shown) : flawed(shown, { because: 'its name does not end in .yaml, .yml or .json', remedy });
  if (statSync(join(path, 'Chart.yaml'), { throwIfNoEntry: false }) !== undefined) {
    return flawed(shown, { because: 'it is the folder of a chart', remedy: 'set source to helm and give it as chart; or render it first (helm template) and give what comes of it' });
  }
  const found = namesIn(path).map((name) => read(join(path, name), `${shown.replace(/[\\/]$/, '')}/${name}`));
  if (found.length === 0) return flawed(shown, { because: 'it has no file whose name ends in .yaml, .yml or .json', remedy });
  return { files: found.flatMap(({ files }) => files), flaws: found.flatMap(({ flaws }) => flaws) };
}

function read(path: string, shown: string): ManifestFiles {
  const content = readTextFile(path);
  return 'flaw' in content ? flawed(shown, content.flaw) : { files: [{ path: shown, text: content.text }], flaws: [] };
}

function flawed(path: string, flaw: PathFlaw): ManifestFiles {
  return { files: [], flaws: [{ path, ...flaw }] };
}

/** Links are followed, and each folder is entered once. */
function namesIn(folder: string, below = '', entered = new Set<string>()): string[] {
  const real = realpathSync(join(folder, below));
  if (entered.has(real)) return [];
  entered.add(real);
  return readdirSync(real).sort().flatMap((entry) => {
    if (entry.startsWith('.')) return [];
    const name = below === '' ? entry : `${below}/${entry}`;
    if (statSync(join(real, entry), { throwIfNoEntry: false })?.isDirectory() === true) return namesIn(folder, name, entered);
    return extension.test(entry) || kustomization.test(entry) ? [name] : [];
  });
}
