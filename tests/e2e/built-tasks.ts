import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildTasks } from '../../scripts/build.js';

/** Folder of the project. */
export const root = fileURLToPath(new URL('../../', import.meta.url));
/** Folder of the bundled tasks. */
export const tasksFolder = join(root, 'build/tasks');

let ready: Promise<string> | undefined;

/** The folder of the bundled tasks, built once if it is missing or older than what it is made from. */
export function builtTasks(): Promise<string> {
  ready ??= isCurrent() ? Promise.resolve(tasksFolder) : buildTasks({ root, out: tasksFolder }).then(() => tasksFolder);
  return ready;
}

function isCurrent(): boolean {
  const built = timesIn(tasksFolder);
  const sources = ['tasks', 'scripts', 'package.json', 'package-lock.json'].flatMap((name) => timesIn(join(root, name)));
  return built.length > 0 && Math.max(...sources) < Math.min(...built);
}

/** When the files of a folder, or a file, were last changed. */
function timesIn(path: string): number[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (!found.isDirectory()) return [found.mtimeMs];
  return readdirSync(path).flatMap((name) => timesIn(join(path, name)));
}
