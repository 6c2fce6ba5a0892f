import type { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';

/** The image or name of `pool`, which makes no difference here; its keys are checked. Jobs without an agent are refused by name. */
export function readPool(reader: MapReader, problems: Problems): string | undefined {
  const node = reader.node('pool');
  if (node === undefined) return undefined;
  if (node.kind === 'scalar') {
    if (node.text === 'server') problems.unsupported(node.at, 'pool: server, a job without an agent');
    return node.text;
  }
  const pool = MapReader.of(node, 'pool', problems);
  pool?.ignore('demands');
  const named = [pool?.string('name'), pool?.string('vmImage')].find((text) => text !== undefined);
  pool?.done();
  return named;
}
