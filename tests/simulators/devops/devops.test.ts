import assert from 'node:assert/strict';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { Network } from '../kernel/network.js';
import type { SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { call, json } from '../registry/fakes.js';
import { DevOps } from './devops.js';
import type { Job } from './model.js';

const origin = 'https://devops.sim';
const organisation = { id: '0ca3ddd9-f0b0-4635-a98c-5866526961b6', name: 'contoso' };
const projectId = '271ef6f7-5998-4b0f-86fb-4b54d9129990';
const connection = { id: '5a1c0000-0000-4000-8000-000000000001', projectId, name: 'Azure nonprod', pipelines: [7] };
const job: Job = { projectId, pipelineId: 7, planId: 'c738a23e-2307-4a6c-a406-f1f0f729387c', jobId: '12f1170f-54f2-53f3-20dd-22fc7dff55f9', hub: 'build' };

class World {
  readonly clock = new VirtualClock();
  readonly network = new Network(this.clock);
  readonly devops = new DevOps({ name: 'devops', clock: this.clock, organisation });
  readonly token = this.devops.issueJobToken(job);

  static async start(): Promise<World> {
    const world = new World();
    world.devops.projects.push({ id: projectId, name: 'Fleet' }, { id: 'another-project', name: 'Other' });
    world.devops.connections.push(connection);
    assert.equal(await world.network.attach(world.devops), origin);
    return world;
  }

  post(options: { job?: Job; token?: string; query?: string; body?: string } = {}): Promise<SimResponse> {
    const query = options.query ?? `api-version=7.1&serviceConnectionId=${connection.id}`;
    const url = `${this.devops.oidcRequestUri(origin, options.job ?? job)}?${query}`;
    const headers = { authorization: `Bearer ${options.token ?? this.token}`, 'content-type': 'application/json', 'x-tfs-fedauthredirect': 'Suppress' };
    return call(this.network, 'POST', url, { headers, body: options.body ?? '' });
  }

  async keys(): Promise<JSONWebKeySet> {
    const discovery = await this.network.get(`${this.devops.issuer(origin)}/.well-known/openid-configuration`);
    assert.ok(discovery);
    assert.equal(json(discovery).issuer, this.devops.issuer(origin));
    const keys = await this.network.get(String(json(discovery).jwks_uri));
    assert.ok(keys);
    return keys.body as JSONWebKeySet;
  }
}

describe('azure devops simulator', () => {
  it('issues ten-minute tokens for a connection that verify against its published keys', async () => {
    const world = await World.start();
    const response = await world.post();
    assert.equal(response.status, 200);
    const token = String(json(response).oidcToken);
    const options = { issuer: `${origin}/${organisation.id}`, audience: 'api://AzureADTokenExchange', currentDate: world.clock.now() };
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(await world.keys()), options);
    assert.equal(protectedHeader.alg, 'RS256');
    assert.equal(payload.sub, 'sc://contoso/Fleet/Azure nonprod');
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 600);
    assert.equal(payload.iat, world.clock.now().getTime() / 1000);
    const later = new Date(world.clock.now().getTime() + 600_000);
    await assert.rejects(jwtVerify(token, createLocalJWKSet(await world.keys()), { ...options, currentDate: later }), /"exp" claim/);
  });

  it('publishes public halves only, and keeps the old key after a rotation', async () => {
    const world = await World.start();
    const before = String(json(await world.post()).oidcToken);
    world.devops.rotateSigningKey();
    const keys = await world.keys();
    assert.equal(keys.keys.length, 2);
    assert.ok(keys.keys.every((key) => key.d === undefined && key.kty === 'RSA'));
    const after = String(json(await world.post()).oidcToken);
    const set = createLocalJWKSet(keys);
    const kids = await Promise.all([before, after].map(async (token) => (await jwtVerify(token, set, { currentDate: world.clock.now() })).protectedHeader.kid));
    assert.notEqual(kids[0], kids[1]);
  });

  it('refuses connections that are unknown, of another project, or not authorised for the pipeline', async () => {
    const world = await World.start();
    const elsewhere = { ...connection, id: '5a1c0000-0000-4000-8000-000000000002', projectId: 'another-project', pipelines: 'all' as const };
    world.devops.connections.push(elsewhere);
    for (const id of ['5a1c0000-0000-4000-8000-00000000ffff', elsewhere.id]) {
      const response = await world.post({ query: `api-version=7.1&serviceConnectionId=${id}` });
      assert.equal(response.status, 404, id);
      assert.match(String(json(response).message), /could not be found or is not authorized/);
    }
    const otherJob = { ...job, pipelineId: 8 };
    assert.equal((await world.post({ job: otherJob, token: world.devops.issueJobToken(otherJob) })).status, 404);
    world.devops.connections.push({ ...connection, id: '5a1c0000-0000-4000-8000-000000000003', pipelines: 'all' });
    const open = await world.post({ job: otherJob, token: world.devops.issueJobToken(otherJob), query: 'api-version=7.1&serviceConnectionId=5a1c0000-0000-4000-8000-000000000003' });
    assert.equal(open.status, 200);
  });

  it('accepts a job token only while the job lives, and only for that job', async () => {
    const world = await World.start();
    assert.equal((await world.post({ token: 'forged' })).status, 401);
    assert.equal((await world.post({ job: { ...job, jobId: 'other' } })).status, 403);
    assert.equal((await world.post({ job: { ...job, projectId: 'another-project' } })).status, 404);
    const short = world.devops.issueJobToken(job, 1000);
    assert.equal((await world.post({ token: short })).status, 200);
    world.clock.advance(1000);
    assert.equal((await world.post({ token: short })).status, 401);
    world.devops.endJob(world.token);
    assert.equal((await world.post()).status, 401);
  });

  it('demands an api-version on a POST: known, and marked as preview where it is one', async () => {
    const world = await World.start();
    const statuses = new Map<string, number>();
    for (const version of ['', 'api-version=7.2&', 'api-version=7.2-preview.1&', 'api-version=7.2-preview.9&', 'api-version=9.0&', 'api-version=x&']) {
      statuses.set(version, (await world.post({ query: `${version}serviceConnectionId=${connection.id}` })).status);
    }
    assert.deepEqual([...statuses.values()], [400, 400, 200, 400, 400, 400]);
    assert.equal((await world.post({ body: 'no json' })).status, 400);
    assert.equal((await world.post({ body: '{}' })).status, 200);
  });

  it('writes nothing, logs which pipeline asked, and names what it does not simulate', async () => {
    const world = await World.start();
    await world.post();
    assert.equal(world.network.log.writes().length, 0);
    assert.equal(world.network.log.all()[0]?.principal, 'pipeline 7');
    const headers = { authorization: `Bearer ${world.token}` };
    for (const path of ['contoso/_apis/projects', 'contoso/Fleet/_apis/build/builds', 'contoso/Fleet/_apis/distributedtask/variablegroups/1', 'elsewhere/_apis/projects']) {
      const response = await call(world.network, 'GET', `${origin}/${path}`, { headers });
      assert.equal(response.status, 501, path);
      assert.ok(JSON.stringify(response.body).includes(`GET /${path} is not simulated`));
    }
    assert.equal((await world.post({ query: 'api-version=7.1' })).status, 501);
    const secrets = await call(world.network, 'GET', `${origin}/contoso/Fleet/_apis/distributedtask/variablegroups?groupIds=1&loadSecrets=true`, { headers });
    assert.match(JSON.stringify(secrets.body), /query parameter loadSecrets/);
  });
});
