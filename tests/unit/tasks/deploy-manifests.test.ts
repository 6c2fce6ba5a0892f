import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployWithIdentity } from '../../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { readInputs, type Inputs } from '../../../tasks/DeployWithIdentity/inputs.js';
import { knownClouds } from '../../../tasks/_shared/agent/clouds.js';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import type { SharedInputs } from '../../../tasks/_shared/agent/planned-task.js';
import { connectAzure } from '../../../tasks/_shared/azure/azure.js';
import { parseClusters } from '../../../tasks/_shared/fleet/clusters.js';
import { lazyConnection } from '../../../tasks/_shared/kubernetes/lazy-connection.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { FakeAgent } from '../agent/fake-agent.js';

const subscriptionId = '00000000-0000-4000-8000-000000000001';
const [cloud] = knownClouds;
const shared: SharedInputs = {
  connection: { id: 'c', name: 'contoso', tenantId: 't', subscriptionId, cloud, signIn: { kind: 'managedIdentity' } },
  clusters: parseClusters('rg/aks-1, rg/aks-2', subscriptionId).clusters,
  dryRun: false,
  concurrency: 10,
  failFast: false,
};

describe('DeployWithIdentity with manifests', () => {
  let agent: FakeAgent;
  let sources: string;
  beforeEach(() => {
    sources = mkdtempSync(join(tmpdir(), 'aks-wi-manifests-'));
    agent = new FakeAgent('DeployWithIdentity');
    agent.variables['System.DefaultWorkingDirectory'] = sources;
    // The agent puts the folder of the sources in the place of an empty path.
    Object.assign(agent.inputs, { boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', source: 'manifests', manifests: 'deploy', releaseName: 'orders' });
    for (const folder of ['deploy/more', 'deploy/.git']) mkdirSync(join(sources, folder), { recursive: true });
    for (const name of ['deploy/b.yaml', 'deploy/a.yml', 'deploy/more/c.JSON', 'deploy/.git/d.yaml', 'deploy/.e.yaml', 'deploy/notes.md', 'f.yaml']) {
      writeFileSync(join(sources, name), `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "${name.replace(/^.*\//, '').replace(/\W.*/, '')}"}}`);
    }
  });
  afterEach(() => {
    agent.dispose();
    rmSync(sources, { recursive: true, force: true });
  });

  const read = (): Inputs => {
    const reader = new InputReader(agent);
    const inputs = readInputs(reader, shared, () => undefined);
    reader.finish();
    return inputs;
  };
  const manifests = (): Extract<Inputs['source'], { kind: 'manifests' }> => {
    const { source } = read();
    assert.ok(source.kind === 'manifests');
    return source;
  };
  const names = (): unknown[] => manifests().objects.map(({ metadata }) => metadata.name);

  it('reads folders with what is below them and files, in the order of their names, and nothing hidden', () => {
    assert.deepEqual(names(), ['a', 'b', 'c']);
    agent.inputs.manifests = 'f.yaml\ndeploy/more';
    assert.deepEqual(names(), ['f', 'c']);
    assert.equal(manifests().overwrite, false);
    agent.inputs.conflicts = 'overwrite';
    assert.equal(manifests().overwrite, true);
  });

  it('enters a folder once, however many links lead to it', function () {
    if (process.platform === 'win32') this.skip();
    symlinkSync(join(sources, 'deploy'), join(sources, 'deploy', 'more', 'round'));
    assert.deepEqual(names(), ['a', 'b', 'c']);
  });

  it('wants a set in the place of the release, and no helm', async () => {
    const clock = new VirtualClock();
    const azure = await connectAzure(shared.connection, { clock, signal: agent.signal, correlationId: '0', debug: () => undefined });
    const cluster = ({ label, id }: { label: string; id: string }): ReturnType<typeof lazyConnection> => lazyConnection(label, id, () => Promise.reject(new Error('nothing may be sent')));
    const { resources, proofs } = await deployWithIdentity.desire(read(), shared, { azure, permissions: { missing: () => Promise.resolve([]) }, checks: [], run: 'unit 1', connect: () => Promise.resolve(azure), cluster });
    const kinds = ['cluster', 'identity', 'namespace', 'manifest set orders/orders', 'rollout restart', 'former secret provider classes', 'network policies no longer wanted'];
    assert.deepEqual(resources.map(({ kind, name }) => (kind === 'manifest set' ? `${kind} ${name}` : kind)), [...kinds, ...kinds]);
    assert.deepEqual(proofs.map(({ proves }) => proves.length), [4, 4]);
  });
});
