import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseManifests } from '../../../tasks/_shared/kubernetes/chart.js';
import { metadataOf } from '../../../tasks/_shared/kubernetes/objects.js';
import { isRecord } from '../../simulators/kernel/service.js';
import { helmOf } from '../../tools/kube-tools.js';
import { writeFiles } from '../../tools/write-files.js';
import { chartShapes, type ChartShape } from './chart-shapes.js';
import { clientId, loopbackCluster, plantNamespace, plantServiceAccount, tenantId, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';
import { deployRelease, told, type ReleaseRun } from './release-world.js';

/** The texts of a value by their paths. */
function leaves(content: unknown, path = ''): Map<string, unknown> {
  if (!isRecord(content) && !Array.isArray(content)) return new Map([[path, content]]);
  const entries = Object.entries(content);
  if (entries.length === 0) return new Map();
  return new Map(entries.flatMap(([key, item]) => [...leaves(item, path === '' ? key : `${path}.${key}`)]));
}

/** What the second manifests have otherwise than the first, as the shapes write it; what they lack begins with a minus. */
function difference(before: string, after: string): string[] {
  const [was, is] = [parseManifests(before), parseManifests(after)];
  assert.equal(is.length, was.length, 'no object comes or goes');
  return was.flatMap((one) => {
    const name = `${String(one.kind)} ${metadataOf(one).name}`;
    const other = is.find((two) => two.kind === one.kind && metadataOf(two).name === metadataOf(one).name);
    const [old, now] = [leaves(one), leaves(other)];
    const gone = [...old.keys()].filter((path) => !now.has(path)).map((path) => `- ${name}: ${path}`);
    const put = [...now].filter(([path, text]) => old.get(path) !== text).map(([path, text]) => `${name}: ${path} = ${String(text).replace(clientId, '<client>').replace(tenantId, '<tenant>')}`);
    return [...gone, ...put];
  }).sort();
}

for (const major of [3, 4] as const) {
  describe(`charts of other shapes, with helm ${major}`, function () {
    let world: ClusterWorld;
    let folder: string;
    let helmPath: string;
    before(async () => {
      helmPath = await helmOf(major);
    });
    beforeEach(async () => {
      world = await loopbackCluster();
      folder = await mkdtemp(join(tmpdir(), 'aks-wi-shape-'));
    });
    afterEach(async () => {
      await rm(folder, { recursive: true });
      await world.close();
    });

    /** Deploys a shape; the release, and what the run came to. */
    async function deploy({ files, values = '', federated }: ChartShape): Promise<ReleaseRun> {
      const { api } = world;
      await writeFiles(folder, files);
      if (api.find('Namespace', undefined, 'orders') === undefined) {
        plantNamespace(api);
        if (federated === true) plantServiceAccount(api, { 'azure.workload.identity/client-id': clientId, 'azure.workload.identity/tenant-id': tenantId });
      }
      return deployRelease(world, { helmPath, release: 'orders', chart: { folder, valuesFiles: [], values } });
    }

    /** What Helm stored of the release, hooks included, and what the chart renders by itself. */
    async function manifests({ values = '' }: ChartShape): Promise<{ readonly stored: string; readonly plain: string }> {
      const { connection, abort } = world;
      const run = (line: readonly string[], offline: boolean): Promise<string> => connection.helm(line, { executable: helmPath, signal: abort.signal, offline });
      const at = ['--namespace', 'orders'];
      const parts = await Promise.all(['manifest', 'hooks'].map((part) => run(['get', part, 'orders', ...at], false)));
      const set = values === '' ? [] : ['--set', values.replace(': ', '=')];
      return { stored: parts.join('\n---\n'), plain: await run(['template', 'orders', folder, ...at, ...set], true) };
    }

    for (const shape of chartShapes) {
      if (shape.hooks === true && major === 3) {
        it(`refuse ${shape.title}, since helm 3.17 shows its hooks to nobody`, async () => {
          const { result, release } = await deploy(shape);
          const { action, problem } = verdictOf(result, release.key);
          assert.deepEqual([action, problem?.code], ['blocked', 'WI4212']);
          assert.match(problem?.what ?? '', /^The hook job orders\/migrate would run without identity$/);
          assert.deepEqual(writesOf(world), []);
        });
        continue;
      }
      it(`deploy ${shape.title} with identity, and with no other difference`, async () => {
        const { result } = await deploy(shape);
        assert.equal(result.result, 'succeeded', told(result));
        const { stored, plain } = await manifests(shape);
        assert.deepEqual(difference(plain, stored), [...shape.difference].sort());
        assert.equal(['Deployment', 'StatefulSet', 'DaemonSet'].flatMap((kind) => world.api.list(kind, 'orders')).length, shape.rolls);
        world.network.log.clear();
        const again = await deploy(shape);
        assert.deepEqual([again.result.result, writesOf(world)], ['succeeded', []]);
      });
    }
  });
}
