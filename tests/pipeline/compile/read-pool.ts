import type { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';

/** `pool` is accepted and makes no difference here, but its keys are checked. Jobs without an agent are refused by name. */
export function acceptPool(reader: MapReader, problems: Problems): void {
  const node = reader.node('pool');
  if (node === undefined) return;
  if (node.kind === 'scalar') {
    if (node.text === 'server') problems.unsupported(node.at, 'pool: server, a job without an agent');
    return;
  }
  const pool = MapReader.of(node, 'pool', problems);
  pool?.ignore('name', 'vmImage', 'demands');
  pool?.done();
}
