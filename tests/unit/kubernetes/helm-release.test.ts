import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HelmRelease } from '../../../tasks/_shared/kubernetes/helm-release.js';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import { ReleaseBlueprint } from '../../../tasks/_shared/kubernetes/release-blueprint.js';
import type { ServiceAccountAdoption } from '../../../tasks/_shared/kubernetes/service-account-adoption.js';
import { ServiceAccount } from '../../../tasks/_shared/kubernetes/service-account.js';
import { output, value } from '../../../tasks/_shared/reconcile/ref.js';
import { foreseen, type Change, type Resource } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { helmOf } from '../../tools/kube-tools.js';
import { clientId, loopbackCluster, otherClientId, plantNamespace, plantServiceAccount, tenantId, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';
import { strictPolicy } from './send-policies.js';
import { deployRelease, told, type ReleaseWish } from './release-world.js';

const sampleChart = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));
const use = 'azure.workload.identity/use';
const made = 'serviceAccount: {create: true}';

interface Wish extends Partial<Omit<ReleaseWish, 'chart'>> {
  readonly values?: string;
  readonly valuesFiles?: readonly string[];
  readonly chart?: string;
}

for (const major of [3, 4] as const) {
  describe(`helm release with helm ${major}`, function () {
    let world: ClusterWorld;
    let helmPath: string;
    before(async () => {
      helmPath = await helmOf(major);
    });
    beforeEach(async () => {
      world = await loopbackCluster();
    });
    afterEach(async () => {
      // What helm found out about the API serves the whole run, and goes with the run's folder.
      assert.deepEqual((await readdir(world.temp)).filter((name) => name !== 'kube-cache'), [], 'helm leaves nothing behind');
      await world.close();
    });

    let release: HelmRelease;
    let adoption: ServiceAccountAdoption;
    const deploy = async (wish: Wish = {}): Promise<RunResult> => {
      const { chart: folder = sampleChart, values = made, valuesFiles = [], ...rest } = wish;
      const run = await deployRelease(world, { helmPath, release: 'orders-api', atomic: false, chart: { folder, valuesFiles, values }, ...rest });
      ({ release, adoption } = run);
      return run.result;
    };
    /** What FederateServiceAccount does in the cluster. */
    const federate = async (id = clientId): Promise<void> => {
      const namespace = new Namespace(world.connection, 'orders');
      const refs = { namespace: output(namespace, (state) => state.name), clientId: value(id), tenantId: value(tenantId) };
      const { result } = await world.run([namespace, new ServiceAccount(world.connection, { namespace: 'orders', name: 'api' }, refs)]);
      assert.equal(result, 'succeeded');
    };
    const done = async (wish?: Wish): Promise<Change> => {
      const result = await deploy(wish);
      assert.equal(result.result, 'succeeded', told(result));
      const planned = result.plan.find(({ resource }) => resource.key === release.key);
      assert.ok(planned !== undefined);
      return planned.change;
    };
    const revisions = (): (string | undefined)[] =>
      world.api.list('Secret', 'orders').map(({ metadata: { labels } }) => `${labels?.version ?? ''} ${labels?.status ?? ''}`);

    it('installs, proves the pods, and does nothing the second time', async () => {
      assert.equal((await done()).action, 'create');
      const secret = world.api.list('Secret', 'orders')[0];
      assert.match(secret?.metadata.labels?.['aks-workload-identity/digest'] ?? '', /^[0-9a-f]{40}$/);
      assert.equal(world.api.find('ServiceAccount', 'orders', 'api')?.metadata.annotations?.['azure.workload.identity/client-id'], clientId);
      world.network.log.clear();
      assert.equal((await done()).action, 'keep');
      assert.deepEqual(writesOf(world), []);
    });

    it('upgrades for other values, and rolls the pods for another identity', async () => {
      await done();
      const changed = await done({ values: `{serviceAccount: {create: true}, replicaCount: 3}` });
      assert.ok(changed.action === 'update');
      assert.equal(changed.reason, 'chart, values or identity changed');
      const rolled = await done({ clientId: otherClientId });
      assert.ok(rolled.action === 'update');
      assert.ok(rolled.fields.some(({ field, before, after }) => field === 'clientId' && before === clientId && after === otherClientId));
    });

    it('lets the values of a file lose to inline values, and puts the identity beside what both say', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'aks-wi-test-'));
      const file = join(folder, 'values.yaml');
      await writeFile(file, 'replicaCount: 5\nserviceAccount: {create: true, annotations: {team: orders, azure.workload.identity/client-id: wrong}}\npodLabels: {tier: web}\n');
      await done({ valuesFiles: [file], values: 'replicaCount: 1' });
      const live = world.api.find('Deployment', 'orders', 'orders-api') as { spec?: { replicas: number; template: { metadata: { labels: Record<string, string> } } } } | undefined;
      assert.equal(live?.spec?.replicas, 1);
      assert.equal(live.spec.template.metadata.labels.tier, 'web');
      const annotations = world.api.find('ServiceAccount', 'orders', 'api')?.metadata.annotations;
      assert.deepEqual([annotations?.team, annotations?.['azure.workload.identity/client-id']], ['orders', clientId]);
      await rm(folder, { recursive: true });
    });

    it('adopts the service account that this project made, and then lets it be', async () => {
      await federate();
      assert.equal((await done({ values: '' })).action, 'create');
      const result = await deploy();
      assert.equal(result.result, 'succeeded');
      assert.equal(verdictOf(result, adoption.key).action, 'update');
      world.network.log.clear();
      await federate();
      assert.equal((await done()).action, 'keep');
      assert.deepEqual(writesOf(world), []);
      const { labels } = world.api.find('ServiceAccount', 'orders', 'api')?.metadata ?? {};
      assert.equal(labels?.['aks-workload-identity/managed'], 'true');
      assert.equal(labels['app.kubernetes.io/managed-by'], 'Helm');
    });

    it('mends what somebody changed in the cluster', async () => {
      await done();
      world.api.edit('Deployment', 'orders', 'orders-api', (object) => {
        const { template } = object.spec as { template: { metadata: { labels: Record<string, string> } } };
        template.metadata.labels = Object.fromEntries(Object.entries(template.metadata.labels).filter(([label]) => label !== use));
      });
      const mended = await done();
      assert.ok(mended.action === 'update');
      assert.equal(mended.reason, `the pod template of deployment orders/orders-api lost the label ${use}`);
      world.api.remove('Deployment', 'orders', 'orders-api');
      const remade = await done();
      assert.ok(remade.action === 'update');
      assert.equal(remade.reason, 'deployment orders/orders-api is gone');
    });

    it('says which pod kept Helm from finishing, and goes on from the failed release', async () => {
      const undo = world.api.failImage(/orders/);
      const { problem } = verdictOf(await deploy({ timeoutMs: 3_000 }), release.key);
      assert.equal(problem?.code, 'WI4209');
      assert.match(problem.because, /pod orders-api-\S+ container api: ImagePullBackOff .*; helm says: /);
      assert.deepEqual(revisions(), ['1 failed']);
      undo();
      const again = await done();
      assert.ok(again.action === 'update');
      assert.equal(again.reason, 'revision 1 is failed');
    });

    it('ends helm when the pipeline cancels, and starts no further write', async () => {
      let pending: Record<string, string> | undefined;
      world.network.faults.plant({ method: 'POST', path: /secrets/, times: 1, then: () => {
        pending = world.api.list('Secret', 'orders')[0]?.metadata.labels;
        world.abort.abort(new Error('cancelled'));
      } });
      const { problem } = verdictOf(await deploy(), release.key);
      assert.equal(problem?.code, 'WI9002');
      assert.equal(pending?.status, 'pending-install');
      const seconds = Number(/^1\.(\d+)$/.exec(pending['aks-workload-identity/until'] ?? '')?.[1]) - Date.now() / 1000;
      assert.ok(seconds > 0 && seconds <= 121, 'the pending revision says until when its helm may work');
    });

    // What follows asks nothing of helm that one major could do otherwise.
    if (major === 3) return;

    it('follows the service account to another identity, whoever owns its annotation', async () => {
      await federate();
      await done();
      await federate(otherClientId);
      await done({ clientId: otherClientId });
      assert.equal(world.api.find('ServiceAccount', 'orders', 'api')?.metadata.annotations?.['azure.workload.identity/client-id'], otherClientId);
    });

    it('does not adopt a service account that it did not make', async () => {
      plantNamespace(world.api);
      plantServiceAccount(world.api);
      const { action, problem } = verdictOf(await deploy(), adoption.key);
      assert.equal(action, 'blocked');
      assert.equal(problem?.code, 'WI4207');
      assert.match(problem.because, /app\.kubernetes\.io\/managed-by is missing/);
      assert.deepEqual(writesOf(world), []);
    });

    it('waits for whoever makes the service account, and says so', async () => {
      plantNamespace(world.api);
      const dry = await deploy({ values: '', dryRun: true });
      assert.equal(dry.result, 'succeeded');
      assert.equal(dry.preflight.findings[0]?.awaits, true);
      const planned = dry.plan.find(({ resource }) => resource.key === release.key)?.change;
      assert.ok(planned !== undefined && foreseen(planned).action === 'create', 'the plan shows the release that will be made');
      const { problem } = verdictOf(await deploy({ values: '' }), release.key);
      assert.equal(problem?.code, 'WI4210');
      assert.match(problem.because, /does not make service account orders\/api, and it does not exist/);
      plantServiceAccount(world.api, { 'azure.workload.identity/client-id': otherClientId });
      assert.match(verdictOf(await deploy({ values: '' }), release.key).problem?.because ?? '', new RegExp(`carries client id ${otherClientId}`));
      assert.deepEqual(writesOf(world), []);
    });

    it('looks at the chart in a dry run although the identity is not made yet', async () => {
      const { connection, clock, abort } = world;
      const lookup: Resource<object, { clientId: string; tenantId: string }> = {
        key: 'identity',
        kind: 'identity',
        name: 'id-orders',
        inputs: {},
        observe: () => Promise.resolve(undefined),
        plan: () => ({ action: 'blocked', awaits: true, problem: { code: 'WI2000', what: 'no identity', because: 'none', remedy: 'none' } }),
        permissions: () => [],
        apply: () => Promise.resolve(),
      };
      const chart = { folder: sampleChart, valuesFiles: [], values: made };
      const place = { release: 'orders-api', namespace: 'orders', serviceAccount: 'api', timeoutMs: 60_000 };
      const blueprint = new ReleaseBlueprint({ connection, clock, signal: abort.signal, helmPath, chart, identityMode: 'inject', policy: strictPolicy, atomic: true, ...place });
      const refs = { namespace: value('orders'), clientId: output(lookup, (state) => state.clientId), tenantId: output(lookup, (state) => state.tenantId) };
      const later = new HelmRelease(blueprint, { ...refs, serviceAccount: value('api') }, []);
      const result = await world.run([lookup, later], [], true);
      assert.equal(result.result, 'succeeded');
      const change = result.plan[1]?.change;
      assert.ok(change?.action === 'create');
      assert.deepEqual(change.fields.map(({ field, after }) => [field, after.replace(/^[0-9a-f]{40}$/, 'known')]), [['content', 'known'], ['digest', '(known after apply)'], ['clientId', '(known after apply)']]);
    });

    it('never runs an upgrade in a dry run', async () => {
      const result = await deploy({ dryRun: true });
      assert.equal(verdictOf(result, release.key).action, 'create');
      assert.deepEqual(writesOf(world), []);
    });

    it('waits for another helm operation, and takes over one that died', async () => {
      plantNamespace(world.api);
      const pending = (ageSeconds: number): void => {
        const modifiedAt = String(Math.floor(Date.now() / 1000) - ageSeconds);
        const labels = { owner: 'helm', name: 'orders-api', status: 'pending-install', version: '1', modifiedAt };
        world.api.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'orders', name: 'sh.helm.release.v1.orders-api.v1', labels }, type: 'helm.sh/release.v1' });
      };
      pending(30);
      const { problem } = verdictOf(await deploy(), release.key);
      assert.equal(problem?.code, 'WI4208');
      assert.match(problem.because, /revision 1 has been pending-install for 3\d s/);
      assert.deepEqual(writesOf(world), []);
      world.api.remove('Secret', 'orders', 'sh.helm.release.v1.orders-api.v1');
      pending(121);
      const taken = await done();
      assert.ok(taken.action === 'update');
      assert.equal(taken.reason, 'revision 1 is pending-install');
      assert.equal(writesOf(world)[0], 'DELETE /api/v1/namespaces/orders/secrets/sh.helm.release.v1.orders-api.v1');
      assert.deepEqual(revisions(), ['1 deployed']);
    });

    it('refuses a chart that is to see to the identity itself and does not, before anything is sent', async () => {
      const chart = await mkdtemp(join(tmpdir(), 'aks-wi-chart-'));
      await cp(sampleChart, chart, { recursive: true });
      const file = join(chart, 'templates/deployment.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).replace('.Values.podLabels', '.Values.otherLabels'));
      const { action, problem } = verdictOf(await deploy({ chart, identityMode: 'verify' }), release.key);
      assert.equal(action, 'blocked');
      assert.equal(problem?.code, 'WI4205');
      assert.match(problem.what, /deployment orders\/orders-api/);
      await rm(join(chart, 'Chart.yaml'));
      const broken = verdictOf(await deploy({ chart }), release.key).problem;
      assert.equal(broken?.code, 'WI9003');
      assert.equal(verdictOf(await deploy({ chart }), adoption.key).problem?.code, 'WI4203');
      assert.deepEqual(writesOf(world), []);
      await rm(chart, { recursive: true });
    });

    it('waits for what another run of this task works on, and takes over what that left pending', async () => {
      plantNamespace(world.api);
      const until = `1.${Math.floor(Date.now() / 1000) + 40}`;
      const labels = { owner: 'helm', name: 'orders-api', status: 'pending-install', version: '1', createdAt: String(Math.floor(Date.now() / 1000)), 'aks-workload-identity/until': until };
      world.api.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'orders', name: 'sh.helm.release.v1.orders-api.v1', labels }, type: 'helm.sh/release.v1' });
      const planned = verdictOf(await deploy({ dryRun: true }), release.key);
      assert.equal(planned.action, 'update');
      const taken = await done();
      assert.ok(taken.action === 'update');
      assert.match(taken.reason, /^revision 1 is pending-install by another run of this task, which is waited for and taken over from in [34]\d s$/);
      assert.deepEqual(revisions(), ['1 deployed']);
    });

    it('finds a right that Helm would miss half-way', async () => {
      world.knobs.allows = ({ verb, resource }) => verb !== 'create' || resource !== 'deployments';
      const result = await deploy();
      const finding = result.preflight.findings.find(({ resource }) => resource === release.key);
      assert.match(finding?.problem.because ?? '', /lacks create deployments\.apps at /);
      assert.deepEqual(writesOf(world), []);
    });
  });
}
