import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { ChartOrigin } from '../../../tasks/_shared/kubernetes/chart-origin.js';
import { chartPackage } from '../../tools/chart-package.js';
import { helmOf } from '../../tools/kube-tools.js';
import { charts, chartWorld, mirror, registryHost, type ChartWorld } from './chart-world.js';
import { problemOf } from './cluster-world.js';

const template = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: orders}\n';
const packed = (version: string): Buffer => chartPackage('orders', { 'Chart.yaml': `apiVersion: v2\nname: orders\nversion: ${version}\n`, 'templates/a.yaml': template });
const named = (version: string, more: Partial<ChartOrigin> = {}): ChartOrigin => ({ place: { repository: `https://${charts}/charts`, name: 'orders' }, version, ...more });
const stored = (more: Partial<ChartOrigin>, path = 'charts/orders', registry = registryHost): ChartOrigin => ({ place: { registry, path }, ...more });
const wrongDigest = `sha256:${'0'.repeat(64)}`;

/** Real helms, through a proxy and with an authority of the agent's own: as behind a company's walls. */
for (const major of [3, 4] as const) {
  describe(`a chart fetched with helm ${major}`, function () {
    let world: ChartWorld;
    let helm: string;
    let digests: { readonly repository: string; readonly registry: string };
    before(async () => {
      [world, helm] = await Promise.all([chartWorld(), helmOf(major)]);
      const { repository, registry } = world;
      digests = { repository: repository.add('orders', '1.0.0', packed('1.0.0')), registry: registry.addChart('charts/orders', '1.0.0', packed('1.0.0')) };
      registry.addChart('charts/orders', '1.1.0+abc', packed('1.1.0+abc'));
    });
    beforeEach(() => {
      world.access.rule = () => true;
      world.network.log.clear();
    });
    afterEach(async () => {
      assert.deepEqual((await world.left()).filter((name) => !name.startsWith('aks-wi-chart-')), [], 'settings, caches and logins are gone');
    });
    after(() => world.close());

    it('comes from a repository, pinned by its digest', async () => {
      const path = await world.fetch(named('1.0.0', { digest: digests.repository }), helm);
      assert.deepEqual(await readFile(path), packed('1.0.0'));
      assert.deepEqual(world.asked(), ['charts GET /charts/index.yaml 200', 'charts GET /charts/orders-1.0.0.tgz 200']);
    });

    it('comes from a registry of Azure with the connection’s own token, by version and by digest', async () => {
      const path = await world.fetch(stored({ version: '1.1.0+abc' }), helm);
      assert.deepEqual(await readFile(path), packed('1.1.0+abc'));
      const exchange = ['sign-in POST /72f988bf-0000-4000-8000-c0ffee000001/oauth2/v2.0/token 200', 'registry POST /oauth2/exchange 200'];
      assert.deepEqual(world.asked().slice(0, 2).map((line) => line.replace(/\/[0-9a-f-]{36}\//, '/T/')), exchange.map((line) => line.replace(/\/[0-9a-f-]{36}\//, '/T/')));
      assert.ok(world.asked().some((line) => line === 'registry GET /oauth2/token 200'));
      assert.ok(world.masked.some((text) => text.split('.').length === 3), 'the refresh token is masked');
      await world.fetch(stored({ digest: digests.registry }), helm);
      assert.ok(world.asked().some((line) => line.includes(`/manifests/${digests.registry}`)));
    });

    it('that is not there is named, with version and place', async () => {
      const version = await problemOf(world.fetch(named('1.0.9'), helm));
      assert.deepEqual([version.code, version.what], ['WI4214', `Chart orders 1.0.9 of https://${charts}/charts cannot be fetched`]);
      assert.match(version.because, /"1\.0\.9" not found/);
      assert.equal((await problemOf(world.fetch(stored({ version: '1.0.9' }), helm))).code, 'WI4214');
    });

    it('that the connection may not read is named', async () => {
      world.access.rule = () => false;
      const denied = await problemOf(world.fetch(stored({ version: '1.0.0' }), helm));
      assert.equal(denied.code, 'WI4215');
      assert.match(denied.remedy, /AcrPull/);
    });

    it('behind a certificate that nobody vouches for is named as that', async () => {
      const stranger = await problemOf(world.fetch(named('1.0.0'), helm, { trusting: false }));
      assert.equal(stranger.code, 'WI4216');
      assert.match(`${stranger.because}; ${stranger.remedy}`, /x509.*let the agent trust the authority/);
    });
  });
}

describe('a chart that is fetched', () => {
  let world: ChartWorld;
  let helm: string;
  let digest: string;
  before(async () => {
    [world, helm] = await Promise.all([chartWorld(), helmOf(4)]);
    digest = world.repository.add('orders', '1.0.0', packed('1.0.0'));
    world.repository.add('orders', '1.0.2+abc', packed('1.0.2+abc'));
  });
  beforeEach(() => {
    Object.assign(world.repository, { redirect: undefined, refusal: undefined });
    world.network.log.clear();
  });
  after(() => world.close());

  it('is refused when it is another one than was asked for', async () => {
    const changed = await problemOf(world.fetch(named('1.0.0', { digest: wrongDigest }), helm));
    assert.deepEqual([changed.code, changed.because], ['WI4217', `what came has the digest ${digest} instead of ${wrongDigest}`]);
    const near = await problemOf(world.fetch(named('1.0.2'), helm));
    assert.deepEqual([near.code, near.because], ['WI4217', 'what came says that it is version 1.0.2+abc']);
  });

  it('may be somewhere else than its index, through the same proxy; where that fails the other host is named', async () => {
    world.repository.redirect = (file) => `https://${mirror}/charts/${file}`;
    assert.equal((await problemOf(world.fetch(named('1.0.0'), helm))).code, 'WI4214');
    assert.equal(world.asked().at(-1), 'mirror GET /charts/orders-1.0.0.tgz 404');
    world.repository.redirect = (file) => `https://nowhere.contoso.example/${file}`;
    const elsewhere = await problemOf(world.fetch(named('1.0.0'), helm));
    assert.equal(elsewhere.code, 'WI4216');
    assert.match(elsewhere.because, /it led on to nowhere\.contoso\.example/);
    assert.ok(!JSON.stringify(elsewhere).includes('canary'), 'the proxy’s password is not repeated');
  });

  it('is asked for again while the repository is busy, and not where it answers with a page', async () => {
    world.network.faults.plant({ service: 'charts', times: 1, respond: { status: 503, body: 'busy' } });
    await world.fetch(named('1.0.0'), helm);
    assert.deepEqual(world.asked().map((line) => line.split(' ').at(-1)), ['503', '200', '200']);
    world.repository.refusal = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>sign in</html>' };
    const page = await problemOf(world.fetch(named('1.0.0'), helm));
    assert.match(`${page.code} ${page.remedy}`, /WI4216 give in repo the address below which index\.yaml is/);
  });

  it('sends no token to a registry outside of Azure', async () => {
    await problemOf(world.fetch(stored({ version: '1.0.0' }, 'charts/orders', charts), helm));
    assert.ok(world.asked().length > 0);
    assert.ok(world.asked().every((line) => line.startsWith('charts ')), world.asked().join());
  });
});
