import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { DeployWorld } from './deploy-world.js';
import { workloadManifests } from './workload-manifests.js';

const manifests = (image: string): string => workloadManifests(`      containers:
      - name: api
        image: contoso.azurecr.io/orders/api:${image}
        env:
        - {name: MODE, value: fast}
        - name: REGISTRY_PASSWORD
          valueFrom: {secretKeyRef: {name: registry, key: password}}
        envFrom:
        - secretRef: {name: registry}
        volumeMounts:
        - {name: docker, mountPath: /docker}
        - {name: cache, mountPath: /cache}
      volumes:
      - name: docker
        secret: {secretName: registry}
      - name: cache
        emptyDir: {}
`);

/** What the pods have: variables, sources, mounts, volumes. */
function had({ api }: DeployWorld): string {
  const spec = api.find('Deployment', 'orders', 'api');
  const [container] = itemsAt(spec, 'spec', 'template', 'spec', 'containers');
  const names = (items: readonly unknown[]): string => items.map((one) => textAt(one, 'name') || textAt(one, 'secretRef', 'name')).join(',');
  return [itemsAt(container, 'env'), itemsAt(container, 'envFrom'), itemsAt(container, 'volumeMounts'), itemsAt(spec, 'spec', 'template', 'spec', 'volumes')].map(names).join(' ');
}

function planned({ plan }: RunResult): string[] {
  return plan.flatMap(({ resource, change }) => (resource.kind.startsWith('manifest set') ? [`${change.action}${'reason' in change ? `, ${change.reason}` : ''}`] : []));
}

const everything = 'MODE,REGISTRY_PASSWORD registry docker,cache docker,cache';
const cleaned = 'MODE  cache cache';
const keeping = 'keep, its pods run without the registry credentials already';

describe('leaving registry credentials with manifests', function () {
  this.timeout(20_000);
  let world: DeployWorld;
  let folder: string;
  let inputs: Record<string, string>;
  before(async () => {
    world = await DeployWorld.start();
    folder = mkdtempSync(join(tmpdir(), 'aks-wi-leaving-'));
    inputs = { source: 'manifests', manifests: join(folder, 'api.yaml'), chart: '', values: '', releaseName: 'orders', plainSecrets: 'warn', removeCredentials: 'env:REGISTRY_PASSWORD\nenvFrom:registry\nmount:docker' };
    writeFileSync(join(folder, 'api.yaml'), manifests('1'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('applies a first set with them, proves it, and takes them out', async () => {
    const result = await world.succeeds('', inputs);
    assert.deepEqual(planned(result), ['create, 2 objects, none applied by this set before', 'update, after its proof']);
    assert.equal(had(world), cleaned);
  });

  it('writes nothing the second time, and applies what changes without them', async () => {
    const again = await world.succeeds('', inputs);
    assert.deepEqual(planned(again), [keeping, 'keep, its 2 objects are as they were applied (revision 2)']);
    assert.ok(again.applied.every(({ outcome }) => outcome.result === 'kept'));
    writeFileSync(join(folder, 'api.yaml'), manifests('2'));
    assert.deepEqual(planned(await world.succeeds('', inputs)), [keeping, 'update, 1 of 2 objects: its manifest, or the identity, changed']);
    assert.equal(had(world), cleaned);
  });

  it('brings them back with admin-user, and takes them out again', async () => {
    const staying = { ...inputs, registryAuth: 'admin-user' };
    const { result: dry } = await world.deploy('', staying, { dryRun: true });
    assert.match(planned(dry).join(), /^update, the registry credentials that were taken out come back; 1 of 2 objects/);
    await world.succeeds('', staying);
    assert.equal(had(world), everything);
    assert.deepEqual(planned(await world.succeeds('', inputs)), ['keep, its 2 objects are as they were applied (revision 4)', 'update, after its proof']);
    assert.equal(had(world), cleaned);
  });

  it('goes back to the set that has them where the one without is refused', async () => {
    await world.succeeds('', { ...inputs, registryAuth: 'admin-user' });
    const refusal = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'it is too late', reason: 'Invalid', code: 422 };
    const stop = world.rig.network.faults.plant({ service: 'kubernetes', method: 'PATCH', path: /\/deployments\/api\?(?!.*dryRun)/, times: 1, respond: { status: 422, body: refusal } });
    const problem = await world.fails('', inputs);
    stop();
    assert.match(`${problem.because} ${problem.remedy}`, /it is too late.*; the set is as revision 6 was again/);
    assert.equal(had(world), everything);
    assert.deepEqual(planned((await world.deploy('', inputs, { dryRun: true })).result)[1], 'update, after its proof');
    await world.succeeds('', inputs);
    assert.equal(had(world), cleaned);
  });

  it('goes on where a run ended while it took them out', async () => {
    await world.succeeds('', { ...inputs, registryAuth: 'admin-user' });
    const refusal = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'it is too late', reason: 'Invalid', code: 422 };
    const stop = world.rig.network.faults.plant({ service: 'kubernetes', method: 'PATCH', path: /\/deployments\/api\?(?!.*dryRun)/, times: 1, respond: { status: 422, body: refusal } });
    assert.match((await world.fails('', { ...inputs, atomic: 'false' })).remedy, /what was deployed stays as it is \(atomic is false\)$/);
    stop();
    assert.equal(had(world), everything);
    assert.deepEqual(planned(await world.succeeds('', inputs)), ['keep, an earlier run has begun to take the registry credentials out', 'update, after its proof']);
    assert.equal(had(world), cleaned);
    const again = await world.succeeds('', inputs);
    assert.ok(again.applied.every(({ outcome }) => outcome.result === 'kept'), planned(again).join());
  });
});
