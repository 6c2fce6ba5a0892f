import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandQueue } from '../../../tasks/_shared/kubernetes/command-queue.js';
import type { InnerCall, InnerResult } from '../../../tasks/_shared/kubernetes/command-script.js';
import { ownKeys, type HelmArgument, type HelmInjection } from '../../../tasks/_shared/kubernetes/connection.js';
import { ReleaseCommands } from '../../../tasks/_shared/kubernetes/release-commands.js';
import { untilLabel } from '../../../tasks/_shared/kubernetes/release-revisions.js';
import { Problem, type ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { clientId, inProcessCluster, plantNamespace, problemOf, tenantId, type ClusterWorld } from './cluster-world.js';

const rendered = `---
# Source: orders/crds/widgets.yaml
kind: CustomResourceDefinition
---
# Source: orders/templates/job.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    helm.sh/hook: pre-install
spec:
  template:
    spec:
      serviceAccountName: api
      containers: [{name: a, image: b}]
`;
const inject: HelmInjection = { identity: { namespace: 'orders', serviceAccount: 'api', clientId, tenantId }, helmMajor: 4 };

/** A shell script stands in for the helm of the agent, and a queue that remembers for the pods. */
(process.platform === 'win32' ? describe.skip : describe)('helm by run command', () => {
  let world: ClusterWorld;
  let folder: string;
  let calls: InnerCall[];
  /** What the helm in the pod does. */
  let inPod: () => Promise<InnerResult>;
  let podVersion: string;
  const ok: InnerResult = { exitCode: 0, output: '', errors: '' };

  beforeEach(async () => {
    world = await inProcessCluster();
    plantNamespace(world.api);
    folder = await mkdtemp(join(tmpdir(), 'release-commands-'));
    await writeFile(join(folder, 'Chart.yaml'), 'name: orders\nversion: 1.0.0\n');
    await writeFile(join(folder, 'helm'), `#!/bin/sh\nif [ "$1" = show ]; then cat '${folder}/Chart.yaml'; exit; fi\necho "$@" > '${folder}/asked'\ncat '${folder}/rendered'\n`, { mode: 0o700 });
    await writeFile(join(folder, 'rendered'), rendered);
    calls = [];
    podVersion = 'v3.18.0';
    inPod = () => Promise.resolve(ok);
  });
  afterEach(async () => {
    await world.close();
    await rm(folder, { recursive: true });
  });

  function release(): ReleaseCommands {
    const queue: Pick<CommandQueue, 'ask' | 'runAlone'> = {
      ask: ({ line }) => Promise.resolve({ ...ok, output: line[0] === 'helm' ? podVersion : line[1] === 'api-versions' ? 'apps/v1\nv1\n' : 'deployments  deploy  apps/v1  true  Deployment\n' }),
      runAlone: (call) => {
        calls.push(call);
        return inPod();
      },
    };
    const { clock } = world;
    const tools = { label: 'aks-1', clusterId: '', rights: [], clock, signal: world.abort.signal, progress: () => undefined, run: () => Promise.reject(new Error('no')), environment: { PATH: '/usr/bin:/bin' }, tempDirectory: folder };
    return new ReleaseCommands(world.connection, queue as CommandQueue, tools);
  }
  const until = (): string => untilLabel(1, world.clock.now().getTime() + 120_000);
  const upgrade = (label = until()): Promise<string> => {
    const line: HelmArgument[] = ['upgrade', 'orders', { folder }, '--install', '--namespace', 'orders', '--wait', '--timeout', '60s', '--labels', `${ownKeys.until}=${label}`];
    return release().run(line, { executable: join(folder, 'helm'), offline: false, signal: world.abort.signal, inject });
  };
  const record = (status: string, label = until(), number = 1): unknown =>
    world.api.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'orders', name: `sh.helm.release.v1.orders.v${number}`, labels: { owner: 'helm', name: 'orders', version: String(number), status, [ownKeys.until]: label } } });
  const lost = new Problem({ code: 'WI4508', what: 'lost', because: 'nobody knows', remedy: 'wait' });

  it('renders on the agent for what the cluster offers, and packs hooks with their identity and definitions apart', async () => {
    inPod = () => {
      record('deployed');
      return Promise.resolve(ok);
    };
    await upgrade();
    const asked = await readFile(join(folder, 'asked'), 'utf8');
    assert.match(asked, /^template orders \S+ --namespace orders --include-crds --kube-version v1\.33\.2 --api-versions apps\/v1 --api-versions v1 --api-versions apps\/v1\/Deployment$/m);
    const [call] = calls;
    assert.deepEqual(call?.line.slice(0, 8), ['helm', 'upgrade', 'orders', { place: 'chart' }, '--install', '--namespace', 'orders', '--timeout']);
    assert.ok(!call.line.includes('--wait'), 'nothing waits inside');
    assert.ok(call.quiet === true && (call.limitSeconds ?? 0) > 60 && (call.limitSeconds ?? 0) <= 105);
    const files = new Map(call.files?.map(({ path, content }) => [path, content]));
    assert.match(files.get('chart/objects.yaml') ?? '', /helm\.sh\/hook: pre-install[^]*azure\.workload\.identity\/use: "true"/);
    assert.match(files.get('chart/crds/definitions.yaml') ?? '', /CustomResourceDefinition/);
  });

  it('follows a release whose command was lost by the label of its revision, until its true end', async () => {
    const label = until();
    inPod = () => {
      record('pending-install', label);
      void world.clock.sleep(20_000).then(() => world.api.edit('Secret', 'orders', 'sh.helm.release.v1.orders.v1', ({ metadata }) => Object.assign(metadata.labels ?? {}, { status: 'deployed' })));
      return Promise.reject(lost);
    };
    await upgrade(label);
    assert.ok(world.clock.monotonic() >= 20_000);
  });

  for (const [what, found] of [
    ['nothing of it is there', () => undefined],
    ['its revision failed', () => record('failed')],
    ['another one’s revision is deployed', () => record('deployed', '1.99')],
  ] as const) {
    it(`tells the failure of a command when ${what}`, async () => {
      inPod = () => {
        found();
        return Promise.resolve({ ...ok, exitCode: 1, errors: 'Error: UPGRADE FAILED: no such thing' });
      };
      const problem = await problemOf(upgrade());
      assert.deepEqual([problem.code, problem.because], ['WI4202', 'UPGRADE FAILED: no such thing']);
    });
  }

  it('waits for the rollout from outside, and tells what did not get ready', async () => {
    world.api.failImage(/never/);
    const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'a', image: 'never' }] } };
    inPod = () => {
      record('deployed');
      const metadata = { namespace: 'orders', name: 'a', labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations: { 'meta.helm.sh/release-name': 'orders', 'meta.helm.sh/release-namespace': 'orders' } };
      world.api.put({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 1, selector: { matchLabels: { app: 'a' } }, template } });
      return Promise.resolve(ok);
    };
    const { code, because, ended }: ProblemParts = await problemOf(upgrade());
    assert.deepEqual([code, ended], ['WI4202', true]);
    assert.match(because, /^the rollout did not end within 60 s: deployment orders\/a: /);
  });

  it('runs nothing with a helm that is too old, and nothing with values of secrets', async () => {
    podVersion = 'v3.8.1';
    const { code, because } = await problemOf(upgrade());
    assert.deepEqual([code, because], ['WI4514', 'its helm is "v3.8.1", and at least 3.13 is needed']);
    podVersion = 'v4.1.0';
    await writeFile(join(folder, 'rendered'), 'kind: Secret\nmetadata: {name: s}\ndata: {a: Y2FuYXJ5}\n');
    assert.equal((await problemOf(upgrade())).code, 'WI4510');
    assert.deepEqual(calls, []);
  });

  it('takes back and takes away without waiting inside', async () => {
    record('deployed');
    const options = { executable: 'helm', offline: false, signal: world.abort.signal };
    await release().run(['rollback', 'orders', '1', '--namespace', 'orders', '--wait', '--timeout', '60s'], options);
    await release().run(['uninstall', 'orders', '--namespace', 'orders', '--wait', '--timeout', '60s'], options);
    assert.deepEqual(calls.map(({ line }) => line.filter((word) => typeof word === 'string').join(' ')), ['helm rollback orders 1 --namespace orders --timeout 60s', 'helm uninstall orders --namespace orders --timeout 60s']);
  });
});
