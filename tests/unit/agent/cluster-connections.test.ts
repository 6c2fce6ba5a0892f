import assert from 'node:assert/strict';
import { openCluster, type ClusterReach } from '../../../tasks/_shared/agent/cluster-connections.js';
import type { OpenTools } from '../../../tasks/_shared/agent/direct-cluster.js';
import { ConnectionLost } from '../../simulators/kernel/network.js';
import { inProcessKubernetes } from '../../simulators/kernel-clients/in-process-kubernetes.js';
import type { SimRequest } from '../../simulators/kernel/service.js';
import { problemOf, Rig } from '../azure/azure-world.js';

describe('the way to a cluster', () => {
  let rig: Rig;
  let lines: string[];
  beforeEach(async () => {
    rig = await Rig.start();
    lines = [];
    await rig.addCluster('aks-1', 'ready');
    rig.world.arm.clusters.commands.knobs.pod = () => Promise.resolve({ exitCode: 0, output: '' });
  });

  /** Opens it and asks for its version, as every run does. */
  async function open(reach: Partial<ClusterReach> = {}, signIn = rig.connection.signIn): Promise<string> {
    const tools: OpenTools = {
      environment: {}, tempDirectory: '', http: inProcessKubernetes(rig.network), progress: { waiting: () => undefined },
      notice: (line) => void lines.push(line), usual: (line) => void lines.push(`usual ${line}`),
    };
    const connection = await openCluster(await rig.connect(signIn), rig.entry(), tools, { way: 'auto', allowLocalAccounts: false, ...reach });
    return connection.needs === undefined ? await connection.version() : 'by run command';
  }
  const requests = (method: string, path: RegExp): number => rig.network.log.all().filter((entry) => entry.method === method && path.test(entry.path)).length;
  const edit = (properties: Record<string, unknown>): void => rig.world.arm.clusters.edit('aks-1', properties);
  const hide = (): void => rig.world.arm.clusters.hide('aks-1');
  const withoutEntra = { aadProfile: { managed: false }, disableLocalAccounts: false };

  it('is direct where the API server answers, and costs one request', async () => {
    assert.equal(await open(), 'v1.33.2');
    assert.deepEqual(lines, ['usual Connect  aks-1: direct, its API server answers']);
    assert.deepEqual([requests('GET', /^\/version/), requests('GET', /managedClusters\/aks-1\?/), requests('POST', /runCommand/)], [1, 0, 0]);
  });

  it('is direct for a private cluster that answers', async () => {
    edit({ apiServerAccessProfile: { enablePrivateCluster: true } });
    assert.equal(await open(), 'v1.33.2');
  });

  it('is run command for a private cluster whose name does not resolve', async () => {
    edit({ apiServerAccessProfile: { enablePrivateCluster: true } });
    hide();
    assert.equal(await open(), 'by run command');
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^Connect {2}aks-1: run command, it is private and does not answer this agent \(getaddrinfo ENOTFOUND/);
  });

  it('stays without a way to a public cluster that does not answer, and explains address ranges', async () => {
    hide();
    assert.equal((await problemOf(open())).code, 'WI4001');
    edit({ apiServerAccessProfile: { authorizedIPRanges: ['192.0.2.0/24', '198.51.100.7/32'] } });
    const problem = await problemOf(open());
    assert.deepEqual([problem.code, problem.because.includes('lets in 2 address ranges only'), problem.remedy.includes('--api-server-authorized-ip-ranges')], ['WI4513', true, true]);
    assert.equal(requests('POST', /runCommand/), 0);
  });

  it('never takes another way because of a refusal', async () => {
    edit({ apiServerAccessProfile: { enablePrivateCluster: true } });
    for (const [status, code] of [[401, 'WI4002'], [403, 'WI4003']] as const) {
      rig.network.faults.plant({ service: 'kubernetes', times: 1, respond: { status, body: { kind: 'Status', message: 'no' } } });
      assert.equal((await problemOf(open())).code, code);
    }
    const refused = { kind: 'secret', clientId: rig.deployer.appId, secret: () => 'wrong' } as const;
    assert.equal((await problemOf(open({}, refused))).code, 'WI2007');
    assert.deepEqual([requests('POST', /runCommand/), lines], [0, []]);
  });

  it('looks again where a connection broke, before it counts as not reachable', async () => {
    edit({ apiServerAccessProfile: { enablePrivateCluster: true } });
    rig.network.faults.plant({ service: 'kubernetes', times: 2, drop: 'before' });
    assert.equal(await open(), 'v1.33.2');
  });

  it('is run command where the input says so, unless that is switched off or not allowed', async () => {
    assert.equal(await open({ way: 'runCommand' }), 'by run command');
    assert.equal(requests('POST', /listClusterUserCredential/), 0);
    edit({ apiServerAccessProfile: { disableRunCommand: true } });
    assert.equal((await problemOf(open({ way: 'runCommand' }))).code, 'WI4501');
    edit({ apiServerAccessProfile: { disableRunCommand: false } });
    const { signIn } = rig.otherConnection('reader');
    const reader = rig.world.directory.all().find(({ appId }) => appId === signIn.clientId);
    rig.world.assign(reader?.objectId ?? '', 'Reader', rig.entry().id);
    const problem = await problemOf(open({ way: 'runCommand' }, signIn));
    // Reader may read results, but start no command.
    assert.deepEqual([problem.code, problem.because.includes('lacks Microsoft.ContainerService/managedClusters/runcommand/action at')], ['WI4516', true]);
  });

  it('refuses a cluster of another tenant on both ways', async () => {
    edit({ aadProfile: { managed: true, tenantID: '99999999-0000-4000-8000-000000000009' } });
    for (const way of ['direct', 'runCommand', 'auto'] as const) {
      const { code, because } = await problemOf(open({ way }));
      assert.deepEqual([code, because], ['WI4512', 'its Entra integration is with tenant 99999999-0000-4000-8000-000000000009']);
    }
  });

  it('refuses a cluster without Entra integration unless the user insists, and then uses its user credential', async () => {
    edit(withoutEntra);
    for (const way of ['direct', 'runCommand', 'auto'] as const) assert.equal((await problemOf(open({ way }))).code, 'WI2108');
    assert.equal(await open({ allowLocalAccounts: true }), 'v1.33.2');
    assert.equal(requests('POST', /listClusterAdminCredential/), 0);
    assert.equal(await open({ allowLocalAccounts: true, way: 'runCommand' }), 'by run command');
  });

  it('tells an address that nobody answers at from one that refuses', async () => {
    const seen: SimRequest[] = [];
    const silent: OpenTools['http'] = inProcessKubernetes({ dispatch: (request) => {
      seen.push(request);
      return Promise.reject(new ConnectionLost('connect ETIMEDOUT'));
    } });
    const tools: OpenTools = { environment: {}, tempDirectory: '', http: silent, progress: { waiting: () => undefined }, notice: (line) => void lines.push(line), usual: () => undefined };
    edit({ apiServerAccessProfile: { enablePrivateCluster: true } });
    const started = rig.clock.monotonic();
    await openCluster(await rig.connect(), rig.entry(), tools, { way: 'auto', allowLocalAccounts: false });
    assert.ok(seen.length > 1 && rig.clock.monotonic() - started <= 16_000, 'it looks for a quarter of a minute at most');
    assert.match(lines.join(), /run command/);
  });
});
