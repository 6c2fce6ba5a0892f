import type { Problems } from '../problems.js';
import { MapReader } from '../yaml/map-reader.js';
import type { MapNode } from '../yaml/nodes.js';
import type { Pipeline, Stage } from './model.js';
import { readLockBehaviour, readJobs, readOnlyJob, readStage, readVariables } from './read-jobs.js';
import { readPool } from './read-pool.js';

function stages(reader: MapReader, problems: Problems): readonly Stage[] {
  const shapes = ['stages', 'jobs', 'steps'].filter((key) => reader.has(key));
  if (shapes.length !== 1) {
    problems.add(reader.at, shapes.length === 0 ? "The pipeline needs 'stages', 'jobs', 'steps' or 'extends'." : `Unexpected value '${shapes[1] ?? ''}': a pipeline has either stages, jobs or steps.`);
    for (const shape of shapes) reader.ignore(shape);
    return [];
  }
  if (!reader.has('stages')) {
    const jobs = reader.has('jobs') ? readJobs(reader.list('jobs') ?? [], problems) : [readOnlyJob(reader, problems)];
    return [{ name: '__default', displayName: '__default', dependsOn: [], variables: [], jobs, at: reader.at }];
  }
  const result: Stage[] = [];
  for (const [index, node] of (reader.list('stages') ?? []).entries()) {
    const stage = readStage(node, index, result.at(-1)?.name, problems);
    if (stage !== undefined) result.push(stage);
  }
  return result;
}

/** Turns the expanded tree into the typed model; every key is read, accepted as without effect here, or refused. */
export function readPipeline(root: MapNode, problems: Problems): Pipeline | undefined {
  const reader = MapReader.of(root, 'pipeline', problems);
  if (reader === undefined) return undefined;
  // Triggers decide when a run starts; a local run has been started by hand. Resources are read before expansion.
  reader.ignore('trigger', 'pr', 'schedules', 'parameters', 'resources', 'appendCommitMessageToRunName');
  reader.refuse('dependsOn', 'condition', 'target', 'notifications');
  readLockBehaviour(reader, problems);
  readPool(reader, problems);
  const name = reader.string('name');
  const pipeline: Pipeline = { ...(name === undefined ? {} : { name }), variables: readVariables(reader, problems), stages: stages(reader, problems), at: reader.at };
  reader.done();
  return pipeline;
}
