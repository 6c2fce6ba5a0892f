import assert from 'node:assert/strict';
import { createHttpHeaders, createPipelineRequest } from '@azure/core-rest-pipeline';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { azureProblem, serviceError, thrownServiceError } from '../../../tasks/_shared/azure/errors.js';
import { straightPath } from '../../../tasks/_shared/azure/http.js';
import { listAssignments } from '../../../tasks/_shared/azure/role-assignments.js';
import { list, object, text, parseJson } from '../../../tasks/_shared/fleet/json.js';
import { throttlingPolicy } from '../../../tasks/_shared/azure/throttling.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import type { SimResponse } from '../../simulators/kernel/service.js';
import { clusterId, correlationId, group, problemOf, Rig, subscriptionId } from './azure-world.js';

const purpose = { tried: 'read the cluster', what: 'The cluster cannot be read' };
const version = '2026-04-01';

describe('requests to Azure', () => {
  let rig: Rig;
  let azure: Azure;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster();
    azure = await rig.connect();
    await azure.token('https://management.azure.com');
    rig.network.log.clear();
    rig.debug.length = 0;
  });
  const read = (): Promise<unknown> => azure.arm.get(clusterId(), version, purpose);
  const respond = (times: number, response: SimResponse): (() => void) => rig.network.faults.plant({ service: 'arm', times, respond: response });

  describe('addresses', () => {
    const crooked = ['/subscriptions/a/../b', '/subscriptions/.', '/subscriptions/%2e%2E/b', '/subscriptions/.%2e', '/subscriptions\\..\\b'];
    for (const id of crooked) {
      it(`sends nothing to ${id}, which leads elsewhere`, async () => {
        await assert.rejects(azure.arm.get(id, version, purpose), /leads elsewhere than it says/);
        await assert.rejects(listAssignments(azure, id), /leads elsewhere than it says/);
        assert.equal(rig.network.log.all('arm').length, 0);
      });
    }

    it('leaves every other one alone', async () => {
      const url = `${azure.cloud.resourceManager}/subscriptions/a..b/.c/...?next=/../x#/..`;
      assert.equal(straightPath(url), url);
      await read();
      assert.equal(rig.network.log.all('arm').length, 1);
    });
  });

  describe('throttling', () => {
    it('waits as long as Retry-After says, and says so in the debug log', async () => {
      respond(1, { status: 429, headers: { 'retry-after': '17' } });
      await read();
      assert.equal(rig.clock.monotonic(), 17_000);
      assert.deepEqual(rig.statuses('arm', 'GET', /managedClusters/), [429, 200]);
      assert.match(rig.debug.join('\n'), /^GET .*aks-1: status 429, waiting 17 s/);
    });

    it('doubles its own waits where the service names none', async () => {
      for (const status of [503, 500, 502, 504, 408]) respond(1, { status });
      await read();
      assert.equal(rig.clock.monotonic(), 31_000);
      assert.equal(rig.statuses('arm', 'GET', /./).length, 6);
    });

    it('ignores a Retry-After that is no number, and cuts one that is unreasonable', async () => {
      respond(1, { status: 429, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } });
      await read();
      assert.equal(rig.clock.monotonic(), 1_000);
      rig.clock.advance(59_000);
      respond(1, { status: 429, headers: { 'retry-after': '3600' } });
      await read();
      assert.equal(rig.clock.monotonic(), 660_000);
    });

    it('gives every request a time-out, and sends again what was not answered by then', async () => {
      const seen: number[] = [];
      let unanswered = 1;
      const policy = throttlingPolicy(rig.clock, () => undefined);
      const response = await policy.sendRequest(createPipelineRequest({ url: 'https://arm.sim/x' }), (request) => {
        seen.push(request.timeout);
        unanswered -= 1;
        if (unanswered >= 0) return Promise.reject(Object.assign(new Error('The operation was aborted.'), { name: 'AbortError' }));
        return Promise.resolve({ request, status: 200, headers: createHttpHeaders() });
      });
      assert.deepEqual([response.status, seen], [200, [60_000, 60_000]]);
    });

    it('gives up after six tries with the problem of the last answer', async () => {
      respond(99, { status: 429, headers: { 'retry-after': '2' }, body: { error: { code: 'TooManyRequests', message: 'Slow down.' } } });
      const problem = await problemOf(read());
      assert.deepEqual([problem.code, problem.status, problem.serviceCode, problem.because], ['WI2004', 429, 'TooManyRequests', 'Slow down.']);
      assert.equal(rig.network.log.all('arm').length, 6);
      assert.equal(rig.clock.monotonic(), 10_000);
    });

    it('repeats lost connections, whether the request arrived or not', async () => {
      rig.network.faults.plant({ service: 'arm', times: 1, drop: 'before' });
      rig.network.faults.plant({ service: 'arm', times: 1, drop: 'after' });
      await read();
      assert.equal(rig.clock.monotonic(), 3_000);
      rig.network.faults.plant({ service: 'arm', drop: 'before' });
      const problem = await problemOf(read());
      assert.deepEqual([problem.code, problem.because, problem.status], ['WI2006', 'socket hang up', undefined]);
      assert.equal(rig.debug.filter((line) => line.includes('socket hang up')).length, 7);
    });

    it('repeats nothing else', async () => {
      for (const status of [400, 401, 403, 404, 405, 409, 412, 501]) {
        rig.network.log.clear();
        respond(1, { status, body: { error: { code: 'X', message: 'no' } } });
        await azure.arm.list(`${group}/things`, version, purpose).catch(() => undefined);
        assert.deepEqual(rig.statuses('arm', 'GET', /./), [status]);
      }
      assert.equal(rig.clock.monotonic(), 0);
    });

    it('holds for the typed clients too, and nobody repeats beneath it', async () => {
      respond(99, { status: 503 });
      const client = (await azure.identities(subscriptionId)).userAssignedIdentities;
      await assert.rejects(client.get('rg-dev', 'id-x'));
      assert.equal(rig.network.log.all('arm').length, 6);
      await assert.rejects((await azure.authorization()).roleAssignments.get(group, 'x'));
      assert.equal(rig.network.log.all('arm').length, 12);
    });

    it('ends a wait when the run is cancelled', async () => {
      rig.network.faults.plant({ service: 'arm', respond: { status: 429, headers: { 'retry-after': '60' } }, then: () => rig.abort.abort(new Error('stop')) });
      const problem = await problemOf(read());
      assert.equal(problem.code, 'WI9002');
      assert.equal(rig.network.log.all('arm').length, 1);
    });

    it('ends a request on its way when the run is cancelled, and calls it that', async () => {
      rig.network.faults.plant({ service: 'arm', delayMs: 60_000 });
      void rig.clock.sleep(5_000).then(() => rig.abort.abort(new Error('stop')));
      assert.equal((await problemOf(read())).code, 'WI9002');
      assert.equal(rig.network.log.all('arm').length, 0);
    });
  });

  it('reads every page of a list', async () => {
    const names = ['aks-1', 'aks-2', 'aks-3', 'aks-4', 'aks-5'];
    for (const name of names.slice(1)) await rig.addCluster(name);
    rig.world.arm.clusters.knobs.pageSize = 2;
    const found = await azure.arm.list(`${group}/providers/Microsoft.ContainerService/managedClusters`, version, purpose);
    assert.deepEqual(found.map(({ name }) => name), names);
    assert.equal(rig.network.log.all('arm').length, 3);
  });

  it('gives undefined for what is not there, and joins queries', async () => {
    assert.equal(await azure.arm.get(clusterId('nobody'), version, purpose), undefined);
    await azure.arm.post(`${clusterId()}/listClusterUserCredential?format=exec`, version, undefined, purpose);
    assert.match(rig.network.log.all('arm').at(-1)?.path ?? '', /\?format=exec&api-version=2026-04-01$/);
  });

  describe('problems', () => {
    const refusedBy = async (status: number, body: object | string): Promise<ReturnType<typeof problemOf>> => {
      rig.network.faults.plant({ service: 'arm', times: 1, respond: { status, body, headers: { 'x-ms-correlation-request-id': correlationId } } });
      return problemOf(azure.arm.follow(`${rig.world.origins.arm}/x`, purpose));
    };

    it('has one code for each kind of refusal, with the service’s own words', async () => {
      const codes = { 401: 'WI2001', 403: 'WI2002', 404: 'WI2003', 400: 'WI2005', 409: 'WI2005', 501: 'WI2005' };
      for (const [status, code] of Object.entries(codes)) {
        const problem = await refusedBy(Number(status), { error: { code: 'Own', message: 'Own words.' } });
        assert.deepEqual({ ...problem, remedy: '' }, { code, what: purpose.what, tried: purpose.tried, because: 'Own words.', serviceCode: 'Own', status: Number(status), correlation: correlationId, remedy: '' });
        assert.notEqual(problem.remedy, '');
      }
    });

    it('names the action and the scope that are missing', async () => {
      rig.world.roles.remove(rig.world.roles.assignments().find(({ principalId }) => principalId === rig.deployer.objectId)?.name ?? '');
      const problem = await problemOf(read());
      assert.deepEqual([problem.code, problem.serviceCode], ['WI2002', 'AuthorizationFailed']);
      assert.match(problem.because, /to perform action 'Microsoft\.ContainerService\/managedClusters\/read' over scope/);
    });

    it('reads the flat envelope of AKS, and survives bodies of other kinds', async () => {
      const flat = await refusedBy(409, { code: 'OperationNotAllowed', details: null, message: 'Busy.', subcode: '' });
      assert.deepEqual([flat.serviceCode, flat.because], ['OperationNotAllowed', 'Busy.']);
      for (const body of ['<html>Bad Gateway</html>', '[]', 'null', '{"error":null}']) {
        const odd = await refusedBy(400, body);
        assert.deepEqual([odd.serviceCode, odd.because], ['HTTP 400', 'the service answered with status 400']);
      }
    });

    it('reads what the typed clients throw', async () => {
      rig.network.faults.plant({ service: 'arm', times: 1, respond: { status: 409, body: { error: { code: 'Own', message: 'Own words.' } }, headers: { 'x-ms-correlation-request-id': correlationId } } });
      const thrown = await (await azure.identities(subscriptionId)).userAssignedIdentities.get('rg-dev', 'id-x').catch((error: unknown) => error);
      assert.deepEqual(thrownServiceError(thrown), { status: 409, code: 'Own', message: 'Own words.', correlation: correlationId });
      const problem = azureProblem('try', 'what', thrown);
      assert.deepEqual([problem.code, problem.parts.because, problem.parts.status, problem.cause === thrown], ['WI2005', 'Own words.', 409, true]);
    });
  });

  it('reads the errors of Entra and of registries', () => {
    const entra = { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret.', error_codes: [7000215] };
    assert.deepEqual(serviceError(401, entra), { status: 401, code: 'invalid_client', message: 'AADSTS7000215: Invalid client secret.' });
    const registry = { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] };
    assert.deepEqual(serviceError(401, registry, 'id'), { status: 401, code: 'UNAUTHORIZED', message: 'authentication required', correlation: 'id' });
  });

  it('leaves Problems as they are, and takes anything else for an unreachable service', () => {
    const own = new Problem({ code: 'WI2007', what: 'w', because: 'b', remedy: 'r' });
    assert.equal(azureProblem('t', 'w', own), own);
    assert.equal(thrownServiceError(own), undefined);
    for (const odd of [new Error('getaddrinfo ENOTFOUND'), 'text', undefined, { statusCode: '500' }]) {
      assert.equal(thrownServiceError(odd), undefined);
      assert.equal(azureProblem('t', 'w', odd).code, 'WI2006');
    }
    assert.equal(azureProblem('t', 'w', Object.assign(new Error('aborted'), { name: 'AbortError' })).code, 'WI9002');
  });

  it('guards JSON of any shape', () => {
    assert.deepEqual([object([1]), object(null), object('x'), object({ a: 1 })], [{}, {}, {}, { a: 1 }]);
    assert.deepEqual([text(''), text(1), text('a')], [undefined, undefined, 'a']);
    assert.deepEqual([list({}), list([1])], [[], [1]]);
    assert.deepEqual([parseJson(undefined), parseJson('{'), parseJson('{"a":1}')], [undefined, undefined, { a: 1 }]);
  });
});
