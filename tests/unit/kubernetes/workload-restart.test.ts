import assert from 'node:assert/strict';
import { WithRunningPods } from '../../../tasks/_shared/kubernetes/running-pods.js';
import { restartable, WorkloadRestart } from '../../../tasks/_shared/kubernetes/workload-restart.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { Evidence, Proof } from '../../../tasks/_shared/reconcile/proof.js';
import { unknown, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { strongReader } from '../../../tasks/_shared/reconcile/plan.js';
import type { KubernetesObject } from '../../simulators/kubernetes/kubernetes-api.js';
import { clientId, inProcessCluster, otherClientId, plantNamespace, plantServiceAccount, tenantId, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';

const use = 'azure.workload.identity/use';
const annotation = 'azure.workload.identity/client-id';
const account = { namespace: 'orders', name: 'api' };
const identity = { clientId, tenantId };

interface Shape {
  readonly labels?: Record<string, string>;
  readonly own?: Record<string, string>;
  readonly env?: readonly { name: string; value: string }[];
  readonly image?: string;
  readonly spec?: Record<string, unknown>;
  readonly serviceAccount?: string;
}

function workload(kind: 'Deployment' | 'StatefulSet' | 'DaemonSet', name: string, { labels = { [use]: 'true' }, own = {}, env = [], image = 'contoso/api:1', spec = {}, serviceAccount = 'api' }: Shape = {}): KubernetesObject {
  const selector = { app: name };
  const replicas = kind === 'DaemonSet' ? {} : { replicas: 2 };
  const template = { metadata: { labels: { ...selector, ...labels } }, spec: { serviceAccountName: serviceAccount, containers: [{ name: 'api', image, env }] } };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace: 'orders', labels: own },
    spec: { ...replicas, ...(kind === 'StatefulSet' ? { serviceName: name } : {}), selector: { matchLabels: selector }, template, ...spec },
  };
}

describe('pods that were started before their service account had the identity', () => {
  let world: ClusterWorld;
  beforeEach(async () => {
    world = await inProcessCluster();
    plantNamespace(world.api);
  });
  afterEach(() => world.close());

  /** Lets the controllers of the cluster act, which happens whenever somebody looks. */
  const settle = async (steps = 20): Promise<void> => {
    for (let step = 0; step < steps; step += 1) {
      await world.clock.sleep(500, world.abort.signal);
      world.api.list('Pod', 'orders');
    }
  };
  /** Starts workloads while the service account has another identity, or none, and then gives it this one. */
  const started = async (before: Record<string, string>, ...objects: KubernetesObject[]): Promise<void> => {
    plantServiceAccount(world.api, before);
    world.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'worker' } });
    for (const object of objects) world.api.put(object);
    await settle();
    world.api.edit('ServiceAccount', 'orders', 'api', ({ metadata }) => { metadata.annotations = { [annotation]: clientId }; });
  };
  const restarts = async (): Promise<WorkloadRestart[]> =>
    (await restartable(world.connection, account)).map((one) => new WorkloadRestart(world.connection, world.clock, one, account, { clientId: value(clientId), tenantId: value(tenantId) }, []));
  const pods = (): [string, string | undefined][] => world.api.list('Pod', 'orders').filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata, spec }) => {
    const [container] = (spec as { containers: { env?: { name: string; value?: string }[] }[] }).containers;
    return [metadata.name, container?.env?.find(({ name }) => name === 'AZURE_CLIENT_ID')?.value];
  });

  describe('are replaced by a restart', () => {
    for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'] as const) {
      it(`of a ${kind}, which is waited for, and needs no second one`, async () => {
        await started({ [annotation]: otherClientId }, workload(kind, 'api'));
        const [one] = await restarts();
        assert.ok(one !== undefined);
        const result = await world.run([one]);
        const change = result.plan[0]?.change;
        assert.ok(change?.action === 'update' && result.result === 'succeeded', JSON.stringify(result.applied[0]?.outcome));
        assert.match(change.reason, /^2 pods were started before service account orders\/api had this identity: api-/);
        assert.deepEqual(change.fields, [{ field: 'AZURE_CLIENT_ID of its pods', before: otherClientId, after: clientId }]);
        assert.deepEqual(pods().map(([, id]) => id), [clientId, clientId]);
        assert.deepEqual(writesOf(world), [`PATCH /apis/apps/v1/namespaces/orders/${kind.toLowerCase()}s/api`]);
        assert.deepEqual(result.preflight.permissions.filter(({ action }) => action.startsWith('patch')).map(({ action }) => action), [`patch ${kind.toLowerCase()}s.apps`]);
        world.network.log.clear();
        const second = await world.run(await restarts());
        assert.deepEqual([second.plan[0]?.change.action, writesOf(world)], ['keep', []]);
      });
    }

    it('where they have no identity at all, and changes nothing else', async () => {
      await started({}, workload('Deployment', 'api', { own: { theirs: 'x' } }));
      const before = world.api.find('Deployment', 'orders', 'api');
      const result = await world.run(await restarts());
      assert.equal(result.result, 'succeeded');
      const after = world.api.find('Deployment', 'orders', 'api');
      const template = (of: typeof after): { metadata: Record<string, unknown>; spec: unknown } => (of?.spec as { template: { metadata: Record<string, unknown>; spec: unknown } }).template;
      assert.deepEqual([template(after).spec, after?.metadata.labels], [template(before).spec, { theirs: 'x' }]);
      assert.deepEqual(Object.keys(template(after).metadata.annotations as object), ['kubectl.kubernetes.io/restartedAt']);
    });

    it('only where a restart helps: with the label, rolling, as this account', async () => {
      await started(
        {},
        workload('Deployment', 'bare', { labels: {} }),
        workload('Deployment', 'paused', { spec: { paused: true } }),
        workload('StatefulSet', 'on-delete', { spec: { updateStrategy: { type: 'OnDelete' } } }),
        workload('StatefulSet', 'held', { spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } } }),
        workload('Deployment', 'worker', { serviceAccount: 'worker' }),
        workload('DaemonSet', 'agent'),
      );
      assert.ok(pods().some(([name]) => name.startsWith('worker-')), 'it has pods');
      assert.deepEqual((await restarts()).map(({ name }) => name), ['daemon set orders/agent']);
    });

    it('never where the template itself sets the variable, since it would be restarted each time', async () => {
      await started({}, workload('Deployment', 'api', { env: [{ name: 'AZURE_CLIENT_ID', value: otherClientId }] }));
      const result = await world.run(await restarts());
      assert.deepEqual([result.plan[0]?.change.action, writesOf(world)], ['keep', []]);
    });

    it('that is under way already, without another one', async () => {
      await started({}, workload('Deployment', 'api', { spec: { replicas: 4 } }));
      const [one] = await restarts();
      world.api.edit('Deployment', 'orders', 'api', ({ spec }) => {
        (spec as { template: { metadata: { annotations?: object } } }).template.metadata.annotations = { changed: 'yes' };
      });
      await settle(1);
      assert.ok(one !== undefined && pods().some(([, id]) => id === undefined) && pods().some(([, id]) => id === clientId), 'half-way');
      const result = await world.run([one]);
      assert.deepEqual([result.result, result.plan[0]?.change.action, writesOf(world)], ['succeeded', 'update', []]);
    });

    it('also where some pods were made anew since, and are not ready yet: that is no rollout', async () => {
      await started({}, workload('Deployment', 'api'));
      world.api.remove('Pod', 'orders', pods()[0]?.[0] ?? '');
      world.api.list('Pod', 'orders');
      assert.deepEqual(pods().map(([, id]) => id).sort(), [clientId, undefined]);
      const result = await world.run(await restarts());
      assert.deepEqual([result.result, writesOf(world).length, pods().map(([, id]) => id)], ['succeeded', 1, [clientId, clientId]]);
    });

    it('is planned while the identity is yet to be made', async () => {
      await started({ [annotation]: otherClientId }, workload('Deployment', 'api'));
      const [one] = await restarts();
      assert.ok(one !== undefined);
      const known = { clientId: unknown, tenantId: unknown } as const;
      const change = one.plan(await one.observe(strongReader, known), known);
      assert.ok(change.action === 'update');
      assert.equal(change.fields[0]?.after, '(known after apply)');
    });

    it('and names the webhook when the new pods have no identity either', async () => {
      await started({}, workload('Deployment', 'api'));
      world.knobs.webhook.enabled = false;
      await settle();
      const resources = await restarts();
      const { problem } = verdictOf(await world.run(resources), resources[0]?.key ?? '');
      assert.equal(problem?.code, 'WI4303');
      assert.match(problem.what, /2 of 2 running pods of deployment orders\/api/);
    });

    it('and says what keeps the new pods from starting, after ten minutes at the latest', async () => {
      await started({}, workload('Deployment', 'api'));
      world.api.failImage(/contoso/, 'ErrImagePull', '401 Unauthorized');
      const resources = await restarts();
      const { problem } = verdictOf(await world.run(resources), resources[0]?.key ?? '');
      assert.equal(problem?.code, 'WI4113');
      assert.match(problem.because, /0 ready.*ImagePullBackOff/);
    });

    it('and is given ten minutes', async () => {
      await started({}, workload('Deployment', 'api'));
      const resources = await restarts();
      world.network.faults.plant({ service: 'kubernetes', method: 'GET', path: /deployments\/api/, then: (_request, response) => {
        const body = response.body as { status: { observedGeneration: number } };
        body.status.observedGeneration = 0;
      } });
      const before = world.clock.monotonic();
      const { problem } = verdictOf(await world.run(resources), resources[0]?.key ?? '');
      assert.deepEqual([problem?.code, problem?.because], ['WI4113', 'its controller has not seen the change yet']);
      const waited = world.clock.monotonic() - before;
      assert.ok(waited > 580_000 && waited <= 610_000, String(waited));
    });
  });

  describe('are told', () => {
    const inner = (evidence: Partial<Evidence> = {}): Proof<{ identity: typeof identity }> => ({
      key: 'federation of orders/api', title: 'orders/api', proves: [], inputs: { identity: value(identity) },
      run: () => Promise.resolve({ level: 'exercised', summary: 'token after 0.0 s', ...evidence }),
    });
    const prove = async (evidence?: Partial<Evidence>): Promise<{ result: RunResult; summary: string; shortfall?: ProblemParts }> => {
      const result = await world.run([], [new WithRunningPods(inner(evidence), world.connection, account)]);
      const outcome = result.proofs[0]?.outcome;
      assert.ok(outcome !== undefined && 'summary' in outcome, JSON.stringify(outcome));
      return { result, summary: outcome.summary, ...(outcome.shortfall === undefined ? {} : { shortfall: outcome.shortfall }) };
    };

    it('with their names, what they have instead, and the command', async () => {
      await started({ [annotation]: otherClientId }, workload('Deployment', 'api'), workload('StatefulSet', 'db'));
      const { result, summary, shortfall } = await prove();
      assert.equal(result.result, 'succeededWithIssues');
      assert.match(summary, /^token after 0\.0 s; 4 pods run of service account orders\/api on aks-dev-weu-1 without this identity: /);
      assert.equal(shortfall?.code, 'WI4111');
      assert.match(shortfall.because, new RegExp(`these have AZURE_CLIENT_ID ${otherClientId} instead of ${clientId}`));
      assert.match(shortfall.remedy, /restartWorkloads.*kubectl rollout restart deployment api --namespace orders; kubectl rollout restart statefulset db --namespace orders/);
      assert.deepEqual(writesOf(world), []);
    });

    it('also those of a job, which no restart replaces, but not those that have ended', async () => {
      plantServiceAccount(world.api);
      const pod = (name: string, restartPolicy: string): void => {
        world.api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'orders', name, labels: { [use]: 'true' } }, spec: { restartPolicy, serviceAccountName: 'api', containers: [{ name: 'c', image: 'contoso/job:1' }] } });
      };
      pod('import', 'Always');
      pod('export', 'Never');
      await settle();
      const { shortfall } = await prove();
      assert.match(shortfall?.what ?? '', /1 pod runs .*: import$/);
      assert.match(shortfall?.remedy ?? '', /kubectl delete pod import --namespace orders/);
    });

    it('not where all have it, run as another account, or there are none', async () => {
      assert.deepEqual((await prove()).summary, 'token after 0.0 s');
      await started({ [annotation]: clientId }, workload('Deployment', 'api'), workload('Deployment', 'worker', { serviceAccount: 'worker' }));
      assert.deepEqual(pods().map(([name, id]) => [name.split('-')[0], id]).sort(), [['api', clientId], ['api', clientId], ['worker', undefined], ['worker', undefined]]);
      const { result, summary } = await prove();
      assert.deepEqual([result.result, summary], ['succeeded', 'token after 0.0 s']);
    });

    it('with the label that is on the wrong object', async () => {
      await started({}, workload('Deployment', 'api', { labels: {}, own: { [use]: 'true' } }));
      const { shortfall } = await prove();
      assert.deepEqual([shortfall?.code, shortfall?.because], ['WI4112', `they lack the label ${use}: "true"; deployment orders/api carries it, where nothing looks at it`]);
      world.api.edit('ServiceAccount', 'orders', 'api', ({ metadata }) => { metadata.labels = { [use]: 'true' }; });
      assert.match((await prove()).shortfall?.because ?? '', /service account orders\/api carries it/);
    });

    it('not where nobody asked for the identity: pods without the label', async () => {
      await started({}, workload('Deployment', 'api', { labels: {} }));
      assert.equal((await prove()).shortfall, undefined);
    });

    it('beside what the proof itself fell short of', async () => {
      await started({}, workload('Deployment', 'api'));
      const short = { code: 'WI9999', what: 'the vault', because: 'no way', remedy: 'none' };
      const { shortfall } = await prove({ shortfall: short });
      assert.deepEqual([shortfall?.code, shortfall?.details?.map(({ parts }) => parts)], ['WI4111', [short]]);
    });

    it('as not looked at where pods may not be listed, and any other failure fails', async () => {
      await started({}, workload('Deployment', 'api'));
      world.knobs.allows = ({ resource }) => resource !== 'pods';
      const { result, summary } = await prove();
      assert.deepEqual([result.result, summary], ['succeeded', 'token after 0.0 s; pods that run already were not looked at: the connection may not list pods in orders']);
      world.knobs.token = 'another';
      const [failed] = (await world.run([], [new WithRunningPods(inner(), world.connection, account)])).proofs;
      assert.ok(failed !== undefined && 'problem' in failed.outcome);
      assert.equal(failed.outcome.problem.code, 'WI4002');
    });
  });
});
