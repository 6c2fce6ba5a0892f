import assert from 'node:assert/strict';
import { DeployWorld } from './deploy-world.js';

const kubernetes = 'kubernetes';
const annotation = 'azure.workload.identity/client-id';
const otherIdentity = '22222222-2222-4222-8222-222222222222';
const minute = 60_000;

interface Way {
  readonly name: string;
  /** Before anything is deployed, in a world of its own. */
  readonly prepare?: (world: DeployWorld) => void;
  /** Breaks the world, with version `good` deployed. Gives what mends it, where that is necessary. */
  readonly arrange: (world: DeployWorld) => (() => void) | undefined;
  /** Whether it has a world of its own, which it leaves broken. Default: where it is prepared. */
  readonly alone?: boolean;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly code: string;
  readonly because: RegExp;
  /** How the remedy ends. Default: it went back to the first revision. */
  readonly rollback?: RegExp;
  /** What is deployed afterwards. Default: good. */
  readonly left?: string;
  /** How long the failure may take at most, the rollback included. Default: the ten minutes that helm alone would wait. Minutes. */
  readonly within?: number;
}

const back = /; the release has what revision (\d+) had, as revision \d+$/;
/** Once helm has recorded that it begins. */
const whenHelmBegins = (world: DeployWorld, then: () => void): (() => void) => world.rig.network.faults.plant({ service: kubernetes, method: 'POST', path: /\/secrets/, times: 1, then });
/** Once helm has recorded that it is done. */
const whenHelmEnds = (world: DeployWorld, then: () => void): (() => void) => world.rig.network.faults.plant({ service: kubernetes, method: 'PUT', path: /\/secrets\/sh\.helm\.release\.v1\.orders-api\.v2/, times: 1, then });
/** What an operator of another cluster may do by mistake, and what the pods are made of then. */
const give = ({ api }: DeployWorld, id: string): void => {
  api.edit('ServiceAccount', 'orders', 'api', ({ metadata }) => { metadata.annotations = { ...metadata.annotations, [annotation]: id }; });
  for (const { metadata } of api.list('Pod', 'orders')) api.remove('Pod', 'orders', metadata.name);
};
const webhook = ({ rig }: DeployWorld, enabled: boolean): void => void rig.world.webhooks.set('aks-1', { enabled });
const status = (code: number, reason: string, message: string): object => ({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code });

const ways: readonly Way[] = [
  {
    name: 'the label is missing where the chart itself has to carry it',
    arrange: () => undefined,
    inputs: { identityMode: 'verify', values: '{serviceAccount: {create: true}, image: {tag: next}}' },
    code: 'WI4205',
    because: /azure\.workload\.identity\/use/,
    rollback: /./,
  },
  {
    name: 'the service account carries the identity of another cluster',
    prepare: (world) => {
      const annotations = { [annotation]: world.identity.clientId };
      world.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
      world.api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api', annotations } });
      world.values = '';
    },
    arrange: (world) => whenHelmEnds(world, () => give(world, otherIdentity)),
    code: 'WI3002',
    because: new RegExp(`the one in the cluster carries client id ${otherIdentity}`),
  },
  {
    name: 'the webhook does not act',
    arrange: (world) => {
      webhook(world, false);
      return () => webhook(world, true);
    },
    code: 'WI4303',
    because: /mutating webhook mutation\.azure-workload-identity\.io did not act on pod/,
  },
  { name: 'the image is missing', arrange: ({ api }) => api.failImage(/:next$/, 'ErrImagePull', 'not found'), code: 'WI4310', because: /ImagePullBackOff \(Back-off pulling image ".*:next"\); helm was stopped before its time-out/ },
  { name: 'the program crashes', arrange: ({ api }) => api.crashImage(/:next$/), code: 'WI4310', because: /CrashLoopBackOff .*exit code 1.*; the log of container api may not be read/ },
  { name: 'a quota is used up', arrange: ({ api }) => api.refusePods(/^orders-api/, 'pods "x" is forbidden: exceeded quota: small, requested: pods=1'), code: 'WI4310', because: /deployment orders\/orders-api: FailedCreate \(pods "x" is forbidden: exceeded quota: small/ },
  { name: 'admission denies the pods', arrange: ({ api }) => api.refusePods(/^orders-api/, 'admission webhook "validation.gatekeeper.sh" denied the request: no'), code: 'WI4310', because: /FailedCreate \(admission webhook "validation\.gatekeeper\.sh" denied the request: no\)/ },
  {
    name: 'admission denies the deployment itself',
    arrange: ({ rig }) => rig.network.faults.plant({ service: kubernetes, method: 'PATCH', path: /\/deployments\//, times: 1, respond: { status: 403, body: status(403, 'Forbidden', 'admission webhook "validation.gatekeeper.sh" denied the request: no') } }),
    code: 'WI4209',
    because: /denied the request: no/,
  },
  { name: 'no node takes the pods', arrange: ({ api }) => api.holdPods(/:next$/, '0/2 nodes are available: 2 Insufficient cpu.'), code: 'WI4310', because: /pod orders-api-\S+: Unschedulable \(0\/2 nodes are available: 2 Insufficient cpu\.\)/ },
  {
    name: 'the API server is gone past the deadline',
    alone: true,
    arrange: (world) => whenHelmEnds(world, () => {
      // Read once more, so that the release is seen to be there; from then on nothing answers.
      void world.rig.network.faults.plant({ service: kubernetes, path: /\/pods\?|\/replicasets/, drop: 'before' });
      void world.rig.network.faults.plant({ service: kubernetes, method: 'POST', drop: 'before' });
    }),
    code: 'WI4213',
    because: /\(WI4001\); then the rollback failed: /,
    rollback: /helm history orders-api --namespace orders.*neither the old nor the new one for certain$/,
    left: 'next',
    within: 12,
  },
  {
    name: 'the right to look at pods is taken away in the middle',
    alone: true,
    arrange: (world) => whenHelmBegins(world, () => void world.rig.network.faults.plant({ service: kubernetes, method: 'GET', path: /\/pods\?/, respond: { status: 403, body: status(403, 'Forbidden', 'pods is forbidden: User "deployer" cannot list resource "pods"') } })),
    code: 'WI4213',
    because: /cannot list resource "pods" \(WI4003\); then the rollback failed: the release has what revision 1 had, as revision 3, but pods is forbidden/,
    rollback: /helm history orders-api/,
  },
  {
    name: 'Entra knows no credential of the service account',
    arrange: ({ identity, rig }) => {
      void identity.credentials.delete('wi-aks-1');
      return () => {
        identity.credentials.set('wi-aks-1', rig.issuer(), 'system:serviceaccount:orders:api');
      };
    },
    code: 'WI2301',
    because: /no federated credential at all/,
  },
];

describe('a deployment that fails', () => {
  let shared: DeployWorld;
  before(async () => {
    shared = await DeployWorld.start();
    await shared.succeeds('good');
  });

  for (const { name, prepare, arrange, alone = prepare !== undefined, inputs = {}, code, because, rollback = back, left = 'good', within = 10 } of ways) {
    it(`because ${name}, names it and says what was taken back`, async () => {
      const world = alone ? await DeployWorld.start() : shared;
      prepare?.(world);
      if (alone) await world.succeeds('good');
      const mend = arrange(world);
      const before = world.rig.clock.monotonic();
      const problem = await world.fails('next', inputs).finally(() => mend?.());
      assert.equal(problem.code, code, JSON.stringify(problem));
      assert.match(problem.because, because);
      assert.match(problem.remedy, rollback);
      assert.equal(world.tag(), left);
      const waited = world.rig.clock.monotonic() - before;
      assert.ok(waited < within * minute, `${waited / minute} minutes`);
    });
  }
});

describe('after a deployment that fails', () => {
  let world: DeployWorld;
  beforeEach(async () => {
    world = await DeployWorld.start();
  });

  it('the next run tries it again', async () => {
    await world.succeeds('good');
    const undo = world.api.failImage(/:next$/);
    await world.fails('next');
    undo();
    await world.succeeds('next');
    assert.deepEqual([world.tag(), world.revisions()], ['next', ['1 superseded', '2 failed', '3 superseded', '4 deployed']]);
    world.rig.network.log.clear();
    const { proofs } = await world.succeeds('next');
    assert.deepEqual(world.rig.writes(kubernetes), []);
    const outcome = proofs[0]?.outcome;
    assert.ok(outcome !== undefined && 'summary' in outcome);
    assert.match(outcome.summary, /^2 of 2 running pods of orders\/orders-api have client id \S+ and a token file; token after \d/);
    assert.equal(outcome.level, 'exercised');
  });

  it('only what this run deployed is taken back, as a write in the journal, and nothing where atomic is false', async () => {
    await world.succeeds('good');
    void world.identity.credentials.delete('wi-aks-1');
    world.rig.network.log.clear();
    const found = await world.fails('good');
    assert.equal(found.code, 'WI2301');
    assert.match(found.remedy, /nothing was taken back, since this run deployed nothing$/);
    assert.deepEqual([world.rig.writes(kubernetes), world.revisions()], [[], ['1 deployed']]);
    world.rig.journal.splice(0);
    await world.fails('next');
    const told = world.rig.journal.map(({ action, object, before = '', after = '', outcome, cluster }) => `${cluster ?? ''} ${action} ${object}: ${before} → ${after.replace(/^[0-9a-f]{40}$/, 'digest')} ${outcome}`);
    assert.deepEqual(told, ['aks-1 update helm release orders/orders-api:  → digest done', 'aks-1 update helm release orders/orders-api: revision 2, deployed → what revision 1 had done']);
    const { remedy } = await world.fails('next', { atomic: 'false' });
    assert.match(remedy, /what was deployed stays as it is \(atomic is false\)$/);
    assert.deepEqual([world.tag(), world.revisions()], ['next', ['1 superseded', '2 superseded', '3 superseded', '4 deployed']]);
  });

  it('a first release is taken away altogether, and no revision of it is told', async () => {
    void world.identity.credentials.delete('wi-aks-1');
    const { result, outputs } = await world.deploy('next');
    const problem = result.proofs.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem] : []))[0];
    assert.deepEqual([problem?.code, world.tag(), world.revisions()], ['WI2301', '', []]);
    assert.match(problem?.remedy ?? '', /it was the first revision, and nothing of the release is left$/);
    assert.deepEqual(outputs, { releases: '{}', revisions: '{}' });
  });

  it('what it used is as before, too: network policies, and the class of its secrets', async () => {
    world.rig.world.arm.clusters.edit('aks-1', { networkProfile: { networkPolicy: 'azure' }, addonProfiles: { azureKeyvaultSecretsProvider: { enabled: true } } });
    const vault = { keyVault: await world.rig.addVault(), secrets: 'orders-db', secretMounts: 'api: /mnt/secrets/' };
    const isolated = { networkPolicy: 'default-deny', egressAllowed: '10.1.4.5', allowedFlows: 'ingress-nginx/* -> orders-api:8080' };
    const beside = (): unknown => ['NetworkPolicy', 'SecretProviderClass'].flatMap((kind) => world.api.list(kind, 'orders')).map(({ kind, metadata: { name, labels }, spec }) => ({ kind, name, labels, spec }));
    await world.succeeds('good', { ...vault, ...isolated });
    const before = beside();
    const [former] = world.api.list('SecretProviderClass', 'orders');
    void world.identity.credentials.delete('wi-aks-1');
    const changed = { ...isolated, egressAllowed: '10.1.4.6', allowedFlows: '' };
    assert.match((await world.fails('next', { ...vault, secrets: 'other', ...changed })).remedy, /had, as revision 3; secret provider class \S+, network policy [^;]* as before$/);
    // The class of the failed revision does no harm, and goes with the next success.
    for (const { metadata } of world.api.list('SecretProviderClass', 'orders')) if (metadata.name !== former?.metadata.name) world.api.remove('SecretProviderClass', 'orders', metadata.name);
    assert.deepEqual(beside(), before);
    assert.match((await world.fails('next')).remedy, /had, as revision 5; .*network policy [^;]* as before$/);
    assert.deepEqual(beside(), before);
    world.identity.credentials.set('wi-aks-1', world.rig.issuer(), 'system:serviceaccount:orders:api');
    await world.succeeds('next');
    assert.deepEqual(beside(), []);
  });

  it('an API server that restarts is not one', async () => {
    await world.succeeds('good');
    whenHelmEnds(world, () => {
      const undo = world.rig.network.faults.plant({ service: kubernetes, drop: 'before' });
      void world.rig.clock.sleep(20_000).then(undo);
    });
    await world.succeeds('next');
    assert.equal(world.tag(), 'next');
  });

  it('a cancelled run takes nothing back', async () => {
    await world.succeeds('good');
    whenHelmEnds(world, () => world.rig.abort.abort(new Error('cancelled')));
    const { result } = await world.deploy('next');
    assert.equal(result.result, 'failed');
    assert.deepEqual(world.revisions(), ['1 superseded', '2 deployed']);
  });

  describe('there was none', () => {
    it('where pods only wait for a node that an autoscaler brings in time', async () => {
      const undo = world.api.holdPods(/:next$/, '0/2 nodes are available');
      void world.rig.clock.sleep(4 * minute).then(undo);
      // No token is asked for where nothing is to be proven with one.
      void world.identity.credentials.delete('wi-aks-1');
      const { proofs } = await world.succeeds('next', { proveFrom: 'none' });
      assert.equal(proofs[0]?.outcome.level, 'observed');
    });

    it('where the pods that it replaces crash', async () => {
      await world.succeeds('good');
      world.api.crashImage(/:good$/);
      for (const { metadata } of world.api.list('Pod', 'orders')) world.api.remove('Pod', 'orders', metadata.name);
      await world.rig.clock.sleep(10 * minute);
      await world.succeeds('next');
    });
  });

  describe('for pods from before', () => {
    /** Pods that the webhook did not see, with everything else right. */
    const bare = async (): Promise<void> => {
      webhook(world, false);
      for (const { metadata } of world.api.list('Pod', 'orders')) world.api.remove('Pod', 'orders', metadata.name);
      await world.rig.clock.sleep(minute);
      world.api.list('Pod', 'orders');
      webhook(world, true);
    };

    it('there was none: they are restarted once, as planned, and looked at again', async () => {
      await world.succeeds('good');
      await bare();
      const { result } = await world.deploy('good', {}, { dryRun: true });
      assert.deepEqual(result.plan.map(({ resource, change }) => [resource.kind, change.action]).filter(([, action]) => action !== 'keep'), [['rollout restart', 'update']]);
      world.rig.network.log.clear();
      await world.succeeds('good');
      assert.deepEqual(world.rig.writes(kubernetes), ['PATCH deployments/orders-api']);
      world.rig.network.log.clear();
      await world.succeeds('good');
      assert.deepEqual(world.rig.writes(kubernetes), []);
    });

    it('names the webhook where the new ones lack the identity as well', async () => {
      await world.succeeds('good');
      await bare();
      webhook(world, false);
      world.rig.network.log.clear();
      const { code, remedy } = await world.fails('good');
      assert.equal(code, 'WI4303');
      assert.deepEqual(world.rig.writes(kubernetes), ['PATCH deployments/orders-api']);
      assert.match(remedy, /restart the pods/);
    });
  });
});
