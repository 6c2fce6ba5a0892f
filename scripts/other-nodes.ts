import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Fetches the Nodes that tests run the bundled tasks on, besides the one running now. Each is a project of its own: among our own
 * packages its program would be the `node` of every `npm run`, in the place of the user's. A Node that cannot be had is the trouble of
 * its test, and not of everybody who installs.
 */
const nodes = join(import.meta.dirname, '..', 'tests', 'tools', 'nodes');
const npm = process.env.npm_execpath;
for (const major of readdirSync(nodes)) {
  if (major === process.versions.node.split('.')[0]) continue;
  const ended = npm === undefined ? undefined : spawnSync(process.execPath, [npm, 'ci', '--prefix', join(nodes, major)], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (ended?.status !== 0) console.warn(`Node ${major} could not be installed; its tests will say what to do.`);
}
