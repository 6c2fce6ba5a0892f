import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getBearerHandler, WebApi } from 'azure-devops-node-api';
import { VariableGroupActionFilter, VariableGroupQueryOrder, type VariableGroup as ReadGroup } from 'azure-devops-node-api/interfaces/TaskAgentInterfaces.js';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { createCertificateAuthority } from '../kernel/certificate-authority.js';
import { LoopbackNetwork } from '../kernel/loopback-network.js';
import { DevOps } from './devops.js';
import type { Job } from './model.js';

const projectId = '271ef6f7-5998-4b0f-86fb-4b54d9129990';
const job: Job = { projectId, pipelineId: 7, planId: 'c738a23e-2307-4a6c-a406-f1f0f729387c', jobId: '12f1170f-54f2-53f3-20dd-22fc7dff55f9', hub: 'build' };

describe('azure devops simulator, by the azure-devops-node-api client', () => {
  const clock = systemClock();
  const devops = new DevOps({ name: 'devops', clock, organisation: { id: '0ca3ddd9-f0b0-4635-a98c-5866526961b6', name: 'contoso' } });
  let network: LoopbackNetwork;
  let origin: string;
  let folder: string;

  before(async () => {
    const authority = await createCertificateAuthority(clock.now());
    network = new LoopbackNetwork(clock, authority.server);
    origin = await network.attach(devops);
    folder = await mkdtemp(join(tmpdir(), 'devops-'));
    await writeFile(join(folder, 'ca.pem'), authority.certificate);
    devops.projects.push({ id: projectId, name: 'Fleet of Contoso' });
    devops.connections.push({ id: 'conn-1', projectId, name: 'azure', pipelines: 'all' });
    const shared = { projectId, readers: 'all' as const };
    devops.groups.push(
      { ...shared, id: 1, name: 'wi-nonprod', description: 'dev and test', variables: { clusters: { value: 'rg/aks-1,rg/aks-2' }, key: { value: 'canary', isSecret: true } } },
      { ...shared, id: 2, name: 'wi-prod', readers: [8], variables: { clusters: { value: 'rg/aks-9' } } },
      { ...shared, id: 3, name: 'web', variables: {} },
      { ...shared, id: 4, name: 'wi-nonprod', projectId: 'another-project', variables: {} },
    );
  });

  after(async () => {
    await network.close();
    await rm(folder, { recursive: true });
  });

  function client(token: string, caFile = join(folder, 'ca.pem')): WebApi {
    return new WebApi(devops.collectionUri(origin), getBearerHandler(token), { cert: { caFile } });
  }

  async function read(...rest: [name?: string, filter?: VariableGroupActionFilter, top?: number, after?: number, order?: VariableGroupQueryOrder]): Promise<(ReadGroup & { variables?: object })[]> {
    const api = await client(devops.issueJobToken(job)).getTaskAgentApi();
    return api.getVariableGroups('Fleet of Contoso', ...rest);
  }

  const ids = (groups: readonly ReadGroup[]): (number | undefined)[] => groups.map(({ id }) => id);

  it('finds the area, the route and the group, with its values but without its secrets', async () => {
    const [group, ...rest] = await read('wi-nonprod');
    assert.equal(rest.length, 0);
    assert.equal(group?.id, 1);
    assert.equal(group.description, 'dev and test');
    assert.deepEqual(group.variables, { clusters: { value: 'rg/aks-1,rg/aks-2' }, key: { value: null, isSecret: true } });
    const [options, areas] = network.log.all();
    assert.equal(options?.path, '/contoso/_apis/Location');
    assert.equal(areas?.path, '/contoso/_apis/ResourceAreas');
  });

  it('answers an empty list both for no such group and for no permission', async () => {
    assert.deepEqual(ids(await read('nothing')), []);
    assert.deepEqual(ids(await read('wi-prod')), []);
    const api = await client(devops.issueJobToken({ ...job, pipelineId: 8 })).getTaskAgentApi();
    assert.deepEqual(ids(await api.getVariableGroups(projectId, 'WI-Prod')), [2]);
  });

  it('sorts, filters and pages', async () => {
    assert.deepEqual(ids(await read()), [3, 1]);
    assert.deepEqual(ids(await read(undefined, VariableGroupActionFilter.Use, undefined, undefined, VariableGroupQueryOrder.IdAscending)), [1, 3]);
    assert.deepEqual(ids(await read('wi-*', VariableGroupActionFilter.Manage)), []);
    assert.deepEqual(ids(await read('w*', undefined, 1)), [3]);
    assert.deepEqual(ids(await read(undefined, undefined, 5, 2)), [1]);
  });

  it('gives a client an OIDC token whose issuer really serves its keys', async () => {
    const api = await client(devops.issueJobToken(job)).getTaskApi();
    const { oidcToken } = await api.createOidcToken({}, projectId, job.hub, job.planId, job.jobId, 'conn-1');
    const keys = await network.get(`${devops.issuer(origin)}/.well-known/jwks`);
    assert.ok(keys);
    const { payload } = await jwtVerify(oidcToken ?? '', createLocalJWKSet(keys.body as JSONWebKeySet), { issuer: devops.issuer(origin) });
    assert.equal(payload.sub, 'sc://contoso/Fleet of Contoso/azure');
  });

  it('gives null for a connection that is not authorised, as the client makes of a 404, or an error by the knob', async () => {
    const api = await client(devops.issueJobToken(job)).getTaskApi();
    const ask = (): Promise<unknown> => api.createOidcToken({}, projectId, job.hub, job.planId, job.jobId, 'conn-2');
    assert.equal(await ask(), null);
    devops.knobs.connectionRefusal = 403;
    await assert.rejects(ask(), /Service connection with id conn-2 could not be found or is not authorized/);
  });

  it('tells the client that a token is not acceptable', async () => {
    await assert.rejects(client('forged').getTaskAgentApi(), /TF400813/);
  });

  it('is trusted only by clients that know its authority', async () => {
    await assert.rejects(client(devops.issueJobToken(job), join(folder, 'absent.pem')).getTaskAgentApi(), /certificate|self-signed/i);
  });
});
