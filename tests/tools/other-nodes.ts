import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const nodes = join(import.meta.dirname, 'nodes');

/** The major version of Node that runs the tests. */
export const runningMajor = Number(process.versions.node.split('.')[0]);

/** The other major versions of Node that agents run tasks on. */
export const otherMajors: readonly number[] = readdirSync(nodes).map(Number).filter((major) => major !== runningMajor);

/**
 * The program of another Node: what `npm ci` fetched for this platform, or what the variable `TEST_NODE_{major}` names.
 * @throws Error that says how to get it.
 */
export function otherNode(major: number): string {
  const named = process.env[`TEST_NODE_${major}`];
  if (named !== undefined && named !== '') return named;
  const platform = `${process.platform}-${process.arch}`;
  const fetched = join(nodes, String(major), 'node_modules', `node-${platform}`, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(fetched)) return fetched;
  throw new Error(`There is no Node ${major} for these tests. Run "npm ci --prefix tests/tools/nodes/${major}", or, where npm has none for ${platform}, put the path of one into TEST_NODE_${major}.`);
}
