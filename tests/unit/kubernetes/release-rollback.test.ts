import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { itemsAt, textAt } from '../../simulators/kubernetes/objects/values.js';
import { helmOf } from '../../tools/kube-tools.js';
import { loopbackCluster, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';
import { deployRelease, told, type ReleaseRun, type ReleaseWish } from './release-world.js';

const folder = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));
const good = '{serviceAccount: {create: true}, image: {tag: good}}';
const broken = '{serviceAccount: {create: true}, image: {tag: broken}}';

for (const major of [3, 4] as const) {
  describe(`a release that helm ${major} cannot deploy`, function () {
    let world: ClusterWorld;
    let helmPath: string;
    before(async () => {
      helmPath = await helmOf(major);
    });
    beforeEach(async () => {
      world = await loopbackCluster();
      world.api.failImage(/:broken$/);
    });
    afterEach(() => world.close());

    const deploy = (values: string, atomic = true, more: Partial<ReleaseWish> = {}): Promise<ReleaseRun> =>
      deployRelease(world, { ...more, helmPath, release: 'orders-api', chart: { folder, valuesFiles: [], values }, atomic, timeoutMs: values === broken ? 2_000 : 60_000 });
    const succeeds = async (values: string): Promise<void> => {
      const { result } = await deploy(values);
      assert.equal(result.result, 'succeeded', told(result));
    };
    const fails = async (values: string, atomic = true): Promise<ProblemParts> => {
      const { result, release } = await deploy(values, atomic);
      assert.equal(result.result, 'failed', told(result));
      const { problem } = verdictOf(result, release.key);
      assert.ok(problem !== undefined);
      return problem;
    };
    const revisions = (): string[] =>
      world.api.list('Secret', 'orders').map(({ metadata: { labels } }) => `${labels?.version ?? ''} ${labels?.status ?? ''}`).sort();
    const image = (): string | undefined =>
      textAt(itemsAt(world.api.find('Deployment', 'orders', 'orders-api'), 'spec', 'template', 'spec', 'containers')[0], 'image');
    /** The writes about the release since the last call, as the ledger will have them. */
    const journaled = (): string[] =>
      world.journal.splice(0).filter(({ object }) => object === 'helm release orders/orders-api').map(({ action, before = '', after = '' }) => `${action}: ${before} → ${after.replace(/^[0-9a-f]{40}$/, 'digest')}`);

    it('hands the label of credentials that were taken out to no revision that has them', async () => {
      const leaving = { without: [{ kind: 'env', name: 'ORDERS_VAULT' }] } as const;
      const labelled = (): string[] => world.api.list('Secret', 'orders').flatMap(({ metadata: { labels = {} } }) => ('aks-workload-identity/without' in labels ? [`${labels.version ?? ''} ${labels.status ?? ''}`] : [])).sort();
      const variables = (): string[] => itemsAt(itemsAt(world.api.find('Deployment', 'orders', 'orders-api'), 'spec', 'template', 'spec', 'containers')[0], 'env').map((one) => textAt(one, 'name'));
      const both = ['ORDERS_VAULT', 'ORDERS_VAULT_SECRET'];
      await succeeds(good);
      assert.equal((await deploy(broken, true, leaving)).result.result, 'failed');
      assert.deepEqual([revisions().at(-1), labelled(), variables()], ['3 deployed', ['2 failed'], both]);
      const { result } = await deploy(good, true, leaving);
      assert.equal(result.result, 'succeeded', told(result));
      assert.deepEqual([labelled(), variables()], [['2 failed', '4 deployed'], ['ORDERS_VAULT_SECRET']]);
      await succeeds(good);
      assert.deepEqual([revisions().at(-1), labelled(), variables()], ['5 deployed', ['2 failed', '4 superseded'], both]);
    });

    it('goes back to what was deployed before, and the next run has nothing to do', async () => {
      await succeeds(good);
      assert.deepEqual(journaled(), ['create:  → digest']);
      const problem = await fails(broken);
      assert.equal(problem.code, 'WI4209');
      assert.match(problem.because, /pod orders-api-\S+ container api: (ErrImagePull|ImagePullBackOff) /);
      assert.equal(problem.remedy, 'correct what the message names and run again; the release has what revision 1 had, as revision 3');
      assert.match(image() ?? '', /:good$/);
      assert.equal(revisions().at(-1), '3 deployed');
      assert.deepEqual(journaled(), ['update:  → digest', 'update: revision 2, failed → what revision 1 had']);
      world.network.log.clear();
      await succeeds(good);
      assert.deepEqual(writesOf(world), []);
    });

    it('is removed where it was the first, with all that it had', async () => {
      const problem = await fails(broken);
      assert.equal(problem.code, 'WI4209');
      assert.match(problem.remedy, /it was the first revision, and nothing of the release is left$/);
      assert.deepEqual(revisions(), []);
      assert.deepEqual(['Deployment', 'Service', 'ServiceAccount'].flatMap((kind) => world.api.list(kind, 'orders')).map(({ metadata }) => metadata.name).filter((name) => name !== 'default'), []);
      assert.deepEqual(journaled(), ['create:  → digest', 'delete: revision 1, failed → ']);
      await succeeds(good);
    });

    it('is told to be neither the old nor the new one where the way back is closed too', async () => {
      await succeeds(good);
      world.knobs.allows = ({ verb, resource }) => !(resource === 'secrets' && verb === 'create' && revisions().includes('2 failed'));
      const { code, what, because, remedy } = await fails(broken);
      assert.equal(code, 'WI4213');
      assert.match(what, /^Helm could not deploy release orders\/orders-api on \S+, and it could not be taken back$/);
      assert.match(because, /pod orders-api-\S+ container api: .*; then the rollback failed: .*forbidden/s);
      assert.match(remedy, /helm history orders-api --namespace orders/);
    });

    // What follows asks nothing of helm that one major could do otherwise.
    if (major === 3) return;

    it('stays where no earlier revision ever ran, since some of it was there before', async () => {
      const { remedy } = await fails(broken, false);
      assert.match(remedy, /what was deployed stays as it is \(atomic is false\)$/);
      assert.deepEqual(revisions(), ['1 failed']);
      assert.match((await fails(broken)).remedy, /no earlier revision was ever deployed, so there is nothing to go back to: revision 2 stays as Helm left it$/);
      assert.deepEqual(revisions(), ['1 failed', '2 failed']);
    });

    it('goes back to one that Helm replaced where none is deployed, as it does after a rollback that failed', async () => {
      await succeeds(good);
      world.api.edit('Secret', 'orders', 'sh.helm.release.v1.orders-api.v1', ({ metadata }) => {
        metadata.labels = { ...metadata.labels, status: 'superseded' };
      });
      assert.match((await fails(broken)).remedy, /the release has what revision 1 had, as revision 3$/);
      assert.match(image() ?? '', /:good$/);
    });

    it('stays where that is asked for', async () => {
      await succeeds(good);
      assert.match((await fails(broken, false)).remedy, /what was deployed stays as it is \(atomic is false\)$/);
      assert.deepEqual(revisions(), ['1 deployed', '2 failed']);
      assert.match(image() ?? '', /:broken$/);
    });

    it('is as before where helm could not even begin', async () => {
      await succeeds(good);
      const forbidden = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'secrets is forbidden: taken away', reason: 'Forbidden', code: 403 };
      world.network.faults.plant({ method: 'POST', path: /\/secrets/, respond: { status: 403, body: forbidden } });
      const { because, remedy } = await fails(broken);
      assert.match(because, /taken away/);
      assert.match(remedy, /what ran before runs still$/);
      assert.deepEqual(revisions(), ['1 deployed']);
    });

    it('is told so too where nobody can see any more what became of it', async () => {
      await succeeds(good);
      world.knobs.allows = ({ verb, resource }) => !(resource === 'secrets' && verb === 'list' && revisions().includes('2 failed'));
      const { code, because } = await fails(broken);
      assert.equal(code, 'WI4213');
      assert.match(because, /then the rollback failed: .*forbidden/s);
    });

    it('is let be by a run that is cancelled', async () => {
      await succeeds(good);
      world.network.faults.plant({ method: 'POST', path: /\/secrets/, times: 1, then: () => {
        world.abort.abort(new Error('cancelled'));
      } });
      assert.equal((await fails(broken)).code, 'WI9002');
      assert.equal(revisions().length, 2, 'nothing goes back');
      assert.deepEqual(journaled(), ['create:  → digest', 'update:  → digest']);
    });
  });
}
