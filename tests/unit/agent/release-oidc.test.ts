import assert from 'node:assert/strict';
import { requestOidcToken, type ReleaseOidcRequest } from '../../../tasks/_shared/agent/release-oidc.js';
import { openRoute, type Route } from '../../../tasks/_shared/network/route.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { DevOps } from '../../simulators/devops/devops.js';
import type { Job } from '../../simulators/devops/model.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { LoopbackNetwork } from '../../simulators/kernel/loopback-network.js';
import { problemOf } from '../azure/azure-world.js';

const project = { id: '271ef6f7-5998-4b0f-86fb-4b54d9129990', name: 'Fleet of Contoso' };
const job: Job = { projectId: project.id, pipelineId: 7, planId: 'c738a23e-2307-4a6c-a406-f1f0f729387c', jobId: '12f1170f-54f2-53f3-20dd-22fc7dff55f9', hub: 'release' };

describe('the token of a service connection in a release', () => {
  // So fast that no wait of the product takes noticeable time.
  const clock = systemClock(1000);
  const devops = new DevOps({ name: 'devops', clock, organisation: { id: '0ca3ddd9-f0b0-4635-a98c-5866526961b6', name: 'contoso' } });
  let network: LoopbackNetwork;
  let route: Route;
  let abort: AbortController;
  let request: ReleaseOidcRequest;

  before(async () => {
    const authority = await createCertificateAuthority(new Date());
    network = new LoopbackNetwork(clock, authority.server);
    devops.addresses.home = await network.attach(devops);
    devops.addresses.releases = await network.attach(devops);
    devops.projects.push(project);
    devops.connections.push({ id: 'conn-1', projectId: project.id, name: 'azure', pipelines: 'all' });
    route = await openRoute({ proxy: undefined, bypass: [], noProxy: [], authorities: [authority.certificate] });
  });

  beforeEach(() => {
    abort = new AbortController();
    network.log.clear();
    const collectionUri = devops.collectionUri(devops.addresses.releases ?? '');
    request = { collectionUri, projectId: project.id, hub: 'release', planId: job.planId, jobId: job.jobId, accessToken: devops.issueJobToken(job), connectionId: 'conn-1' };
  });

  after(() => network.close());

  const ask = (changes: Partial<ReleaseOidcRequest> = {}): Promise<string> => requestOidcToken({ ...request, ...changes }, { clock, signal: abort.signal, debug: () => undefined, route });
  const asked = (): number[] => network.log.all().filter(({ method }) => method === 'POST').map(({ status }) => status);

  it('comes from the release’s own address, for its own hub, with the issuer that Entra knows', async () => {
    const payload = JSON.parse(Buffer.from((await ask()).split('.')[1] ?? '', 'base64url').toString()) as { iss: string; sub: string };
    assert.deepEqual([payload.iss, payload.sub], [devops.issuer(devops.addresses.home ?? ''), 'sc://contoso/Fleet of Contoso/azure']);
    const [, post] = network.log.all();
    assert.equal(post?.path, `/contoso/${project.id}/_apis/distributedtask/hubs/release/plans/${job.planId}/jobs/${job.jobId}/oidctoken?serviceConnectionId=conn-1`);
    assert.equal((await problemOf(ask({ collectionUri: devops.collectionUri(devops.addresses.home ?? '') }))).code, 'WI2008');
  });

  it('is asked for again while Azure DevOps has passing trouble, as long as it says', async () => {
    const before = clock.monotonic();
    network.faults.plant({ service: 'devops', method: 'POST', times: 1, respond: { status: 503, headers: { 'retry-after': '17' } } });
    network.faults.plant({ service: 'devops', method: 'POST', times: 1, drop: 'before' });
    assert.match(await ask(), /^eyJ/);
    assert.deepEqual(asked(), [503, 200]);
    assert.ok(clock.monotonic() - before >= 17_000);
  });

  it('is not to be had for a connection that the release may not use, and the error says so', async () => {
    const problem = await problemOf(ask({ connectionId: 'conn-2' }));
    assert.deepEqual([problem.code, problem.status], ['WI2008', 404]);
    assert.match(`${problem.because} ${problem.remedy}`, /no such service connection for this release .*authorised/);
    assert.deepEqual(asked(), [404]);
  });

  it('is not to be had with a token that Azure DevOps does not accept, and the error repeats its words', async () => {
    const problem = await problemOf(ask({ accessToken: 'forged-canary' }));
    assert.deepEqual([problem.code, problem.status], ['WI2001', 401]);
    assert.match(problem.because, /TF400813/);
    assert.ok(!JSON.stringify(problem).includes('canary'));
  });

  it('is not waited for any more when the release is cancelled', async () => {
    network.latency = (_, { method }) => {
      if (method !== 'POST') return 0;
      abort.abort(new Error('stop'));
      return 24 * 3_600_000;
    };
    assert.equal((await problemOf(ask())).code, 'WI9002');
    network.latency = () => 0;
    assert.deepEqual(asked(), []);
  });

  it('cannot be asked for where Azure DevOps is out of reach', async () => {
    const problem = await problemOf(ask({ collectionUri: 'https://localhost:9/contoso/' }));
    assert.equal(problem.code, 'WI2006');
    assert.match(problem.because, /ECONNREFUSED/);
  });
});
