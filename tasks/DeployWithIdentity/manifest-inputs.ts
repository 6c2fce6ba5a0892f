import type { InputReader } from '../_shared/agent/inputs.js';
import { manifestFilesAt } from '../_shared/agent/manifest-files.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { readManifests } from '../_shared/kubernetes/manifests.js';
import type { ClusterObject } from '../_shared/kubernetes/objects.js';

/** What is deployed instead of a chart. */
export interface ManifestInputs {
  readonly objects: readonly ClusterObject[];
  /** Whether fields that others own with another value are taken over. */
  readonly overwrite: boolean;
}

/** What only a chart has. */
const ofCharts = ['chart', 'repo', 'version', 'chartDigest', 'valuesFiles', 'values', 'set', 'secretValues', 'helmPath'];

/** Reads which source is deployed; undefined for a chart. */
export function readManifestInputs(inputs: InputReader, namespace: string, { clusters }: SharedInputs): ManifestInputs | undefined {
  const source = inputs.choice('source', ['helm', 'manifests'], 'helm');
  const paths = inputs.lines('manifests');
  const overwrite = inputs.choice('conflicts', ['fail', 'overwrite'], 'fail') === 'overwrite';
  if (source === 'helm') {
    const given = [...(paths.length === 0 ? [] : ['manifests']), ...(overwrite ? ['conflicts'] : [])];
    for (const name of given) inputs.contradiction(name, 'is given', 'input source is helm, which deploys a chart', `set source to manifests, or leave ${name} empty`);
    return undefined;
  }
  for (const name of ofCharts) {
    if ((inputs.verbatim(name) ?? '') !== '') inputs.contradiction(name, 'is given', 'input source is manifests, which have no chart and no values', `leave ${name} empty, or set source to helm`);
  }
  const own = clusters.find(({ overrides }) => overrides.values !== undefined);
  if (own !== undefined) inputs.contradiction('clusters', `sets values for ${own.label}`, 'input source is manifests, which have no values', 'take values out of the list, or set source to helm');
  if (paths.length === 0 && inputs.sound('manifests')) inputs.text('manifests');
  return { objects: readFiles(inputs, paths, namespace), overwrite };
}

function readFiles(inputs: InputReader, paths: readonly string[], namespace: string): readonly ClusterObject[] {
  const found = paths.map((path) => manifestFilesAt(inputs.located(path), path));
  for (const { path, ...flaw } of found.flatMap(({ flaws }) => flaws)) inputs.unusable('manifests', path, flaw);
  const files = found.flatMap(({ files }) => files);
  // What is wrong with the namespace is told once, by its own input.
  const { objects, flaws } = readManifests(files, namespace);
  for (const { path, ...flaw } of inputs.sound('namespace') ? flaws : []) inputs.unusable('manifests', path, flaw);
  if (files.length > 0 && objects.length + flaws.length === 0) inputs.unusable('manifests', paths.join(', '), { because: 'there is no object in it', remedy: 'give files with Kubernetes manifests' });
  return objects;
}
