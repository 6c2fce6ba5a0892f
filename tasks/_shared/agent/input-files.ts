import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageFiles, UnusablePackage } from '../kubernetes/chart-package.js';

/** Largest file that an input may name. Bytes. */
const largest = 16 * 1024 * 1024;

/** Why a path cannot be used where nothing is. */
export const noSuchFile = 'there is no such file';

/** What stands in the way of using a file or folder that an input names. */
export interface PathFlaw {
  readonly because: string;
  readonly remedy: string;
}

/** The text of a file and the bytes that it was read from, or why it cannot be used. */
export type FileText = { readonly text: string; readonly bytes: Buffer } | { readonly flaw: PathFlaw };

/** Reads a file of text, a byte order mark left out. The path is absolute or relative to the working folder. */
export function readTextFile(path: string): FileText {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return refusal(noSuchFile, 'give a path that is absolute or relative to the sources');
  if (!stats.isFile()) return refusal('it is not a file', 'give the path of a file in it');
  if (stats.size > largest) return refusal(`the file has ${stats.size} bytes`, `give a file of at most ${largest} bytes`);
  const content = readFileSync(path);
  if (content.includes(0) || !isUtf8(content)) {
    return refusal('the file is not text in UTF-8', 'save it as UTF-8; Windows PowerShell does with "Out-File -Encoding utf8"');
  }
  return { text: content.toString('utf8').replace(/^\uFEFF/, ''), bytes: content };
}

/** Why a folder is not that of a chart; undefined when it looks like one. */
export function chartFlaw(folder: string): PathFlaw | undefined {
  const remedy = 'give the folder that has the Chart.yaml, absolute or relative to the sources';
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return { because: 'there is no such folder', remedy };
  if (!stats.isDirectory()) return { because: 'it is not a folder', remedy };
  const isChart = statSync(join(folder, 'Chart.yaml'), { throwIfNoEntry: false })?.isFile() === true;
  return isChart ? undefined : { because: 'it has no Chart.yaml, so it is not the folder of a chart', remedy };
}

/** Why a file is not a packed chart, or its digest when it is one. */
export function packedChart(path: string): { readonly flaw: PathFlaw } | { readonly digest: string } {
  const remedy = 'give the file that helm package wrote, absolute or relative to the sources';
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { flaw: { because: noSuchFile, remedy } };
  if (!stats.isFile()) return { flaw: { because: 'it is not a file', remedy } };
  if (stats.size > largest) return { flaw: { because: `the file has ${stats.size} bytes`, remedy: `give a packed chart of at most ${largest} bytes` } };
  const content = readFileSync(path);
  try {
    packageFiles(content);
  } catch (error) {
    if (error instanceof UnusablePackage) return { flaw: { because: error.message, remedy } };
    throw error;
  }
  return { digest: `sha256:${createHash('sha256').update(content).digest('hex')}` };
}

/** Why a program cannot be used; undefined when it may be one. A name without a folder is looked for on the PATH when it is started. */
export function programFlaw(path: string): PathFlaw | undefined {
  if (!/[\\/]/.test(path)) return undefined;
  const stats = statSync(path, { throwIfNoEntry: false });
  const remedy = 'give the path of the executable, or leave it empty for the one on the PATH; the task does not expand ~ and $NAME';
  if (stats === undefined) return { because: noSuchFile, remedy };
  return stats.isFile() ? undefined : { because: 'it is not a file', remedy };
}

function refusal(because: string, remedy: string): FileText {
  return { flaw: { because, remedy } };
}
