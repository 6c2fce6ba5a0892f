import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { Network } from '../kernel/network.js';
import type { SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { FakeAccess, FakeAuthority, json } from '../registry/fakes.js';
import { LogIngestion, type IngestionRule } from './log-ingestion.js';

const immutableId = 'dcr-00000000000000000000000000000001';
const armId = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/dataCollectionRules/dcr';
const path = `/dataCollectionRules/${immutableId}/streams/Custom-T_CL?api-version=2023-01-01`;

describe('logs ingestion simulator', () => {
  let network: Network;
  let authority: FakeAuthority;
  let access: FakeAccess;
  let rule: IngestionRule;
  let origin: string;

  beforeEach(async () => {
    network = new Network(new VirtualClock());
    authority = new FakeAuthority();
    access = new FakeAccess();
    access.rule = () => true;
    const service = new LogIngestion({ authority, access });
    rule = service.add({ immutableId, armId, streams: { 'Custom-T_CL': { at: 'datetime', version: 'int', widens: 'boolean', object: 'string', crossings: 'dynamic' } } });
    origin = await network.attach(service);
  });

  const post = (content: unknown, more: { audience?: string; address?: string; headers?: Record<string, string>; raw?: Buffer } = {}): Promise<SimResponse> => {
    const headers = { authorization: `Bearer ${authority.issue('oid', more.audience ?? 'https://monitor.azure.com')}`, 'content-type': 'application/json', ...more.headers };
    const body = more.raw ?? Buffer.from(JSON.stringify(content));
    return network.dispatch({ method: 'POST', url: new URL(`${origin}${more.address ?? path}`), headers, body, signal: new AbortController().signal });
  };
  const verdict = async (answer: Promise<SimResponse>): Promise<string> => {
    const got = await answer;
    return `${got.status} ${got.body === undefined ? '' : (json(got) as { error: { code: string } }).error.code}`.trim();
  };
  const record = { at: '2026-01-05T08:00:00.000Z', version: 1, widens: false, object: '/a', crossings: [{ from: 'dev' }] };

  it('takes records, plain and compressed, and keeps what has a column', async () => {
    assert.equal(await verdict(post([record])), '204');
    const raw = gzipSync(JSON.stringify([{ ...record, object: '/b', more: 1 }]));
    assert.equal(await verdict(post(undefined, { raw, headers: { 'content-encoding': 'gzip' } })), '204');
    assert.deepEqual(rule.rows.get('Custom-T_CL'), [record, { ...record, object: '/b' }]);
    assert.deepEqual([...rule.dropped], ['more']);
  });

  it('is strict about audience, right, rule, stream and form', async () => {
    assert.equal(await verdict(post([record], { audience: 'https://management.azure.com' })), '401 AuthenticationFailed');
    assert.equal(await verdict(post([record], { address: path.replace('0001', '0002') })), '404 NotFound');
    assert.equal(await verdict(post([record], { address: path.replace('T_CL', 'U_CL') })), '400 InvalidStream');
    assert.equal(await verdict(post([record], { headers: { 'content-type': 'text/plain' } })), '415 UnsupportedMediaType');
    assert.equal(await verdict(post([record], { headers: { 'content-encoding': 'br' } })), '415 UnsupportedMediaType');
    const twice = gzipSync(gzipSync(JSON.stringify([record])));
    for (const body of [{ raw: Buffer.from('[') }, { raw: Buffer.from('{}') }, { raw: Buffer.from('[]') }, { raw: twice, headers: { 'content-encoding': 'gzip' } }]) {
      assert.equal(await verdict(post(undefined, body)), '400 InvalidPayload');
    }
    for (const misfit of [{ at: 'soon' }, { version: '1' }, { widens: 'no' }, { object: 5 }]) assert.equal(await verdict(post([{ ...record, ...misfit }])), '400 InvalidPayload', JSON.stringify(misfit));
    access.rule = ({ action, scope, data }) => !(action === 'Microsoft.Insights/Telemetry/Write' && scope === armId && data === true);
    assert.equal(await verdict(post([record])), '403 OperationFailed');
    assert.deepEqual(rule.rows.get('Custom-T_CL'), []);
  });

  it('takes at most 1 MB, however well it compresses', async () => {
    const large = [{ ...record, object: 'x'.repeat(1_048_576) }];
    assert.equal(await verdict(post(large)), '413 ContentLengthLimitExceeded');
    assert.equal(await verdict(post(undefined, { raw: gzipSync(JSON.stringify(large)), headers: { 'content-encoding': 'gzip' } })), '413 ContentLengthLimitExceeded');
  });

  it('says by name what it does not simulate', async () => {
    assert.equal(await verdict(post([record], { address: path.replace('2023-01-01', '2021-11-01-preview') })), '501 NotSimulated');
    assert.equal(await verdict(post([record], { address: '/dataCollectionRules' })), '501 NotSimulated');
  });
});
