import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { exchangeToken, tokenClaims, tokenPayload, type Exchanged } from '../../../tasks/_shared/azure/token-exchange.js';
import type { IdentityRecord } from '../../simulators/arm/identities.js';
import type { KubernetesApi } from '../../simulators/kubernetes/kubernetes-api.js';
import { identityId, problemOf, Rig, subscriptionId, tenantId } from './azure-world.js';

const subject = 'system:serviceaccount:orders:api';
const exchange = 'api://AzureADTokenExchange';
const vaults = 'https://vault.azure.net';
const minute = 60_000;

describe('token exchange', () => {
  let rig: Rig;
  let azure: Azure;
  let api: KubernetesApi;
  let identity: IdentityRecord;
  beforeEach(async () => {
    rig = await Rig.start();
    azure = await rig.connect();
    api = await rig.addCluster('aks-1', 'ready');
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api' } });
    identity = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders', 'westeurope');
  });
  const trust = (from = rig.issuer(), whose = subject, toWhom = exchange): void => identity.credentials.set('wi-aks-1', from, whose, toWhom);

  async function assertion(audience = exchange): Promise<string> {
    const connection = (await rig.services([rig.entry()])).cluster(rig.entry());
    return connection.serviceAccountToken('orders', 'api', audience, 600);
  }

  function run(token?: string, deadlineMs = 10 * minute, fresh = false): Promise<Exchanged> {
    const { clientId } = identity;
    const target = { identityId: identityId(), identityName: 'id-orders', clientId, tenantId, workload: 'orders/api on aks-1' };
    const context = { signal: rig.abort.signal, fresh, progress: (line: string) => void rig.progress.push(line), write: () => Promise.reject(new Error('it writes nothing')) };
    return exchangeToken(azure, target, () => (token === undefined ? assertion() : Promise.resolve(token)), vaults, deadlineMs, context);
  }

  const attempts = (): number[] => rig.network.log.all('entra').filter(({ principal, status }) => status !== 200 || principal === identity.principalId).map(({ status }) => status);

  it('gives the identity’s token at once where the credential is known', async () => {
    trust();
    const { token, afterMs } = await run();
    assert.equal(rig.world.entra.verify(`Bearer ${await token()}`, [vaults])?.objectId, identity.principalId);
    assert.equal(afterMs, 0);
    assert.deepEqual(rig.progress, []);
  });

  it('renews the identity’s token as it nears its end, with a fresh service-account token', async () => {
    trust();
    rig.world.entra.knobs.identityTokenLifeSeconds = 1_800;
    const { token } = await run();
    const first = await token();
    assert.equal(await token(), first);
    rig.clock.advance(29 * minute);
    const second = await token();
    assert.notEqual(second, first);
    assert.ok(rig.world.entra.verify(`Bearer ${second}`, [vaults]) !== undefined);
  });

  it('outlasts the service-account token that it began with', async () => {
    rig.world.entra.knobs.credentialVisibleMs = 14 * minute;
    trust();
    const { afterMs } = await run(undefined, 20 * minute);
    assert.ok(afterMs >= 14 * minute);
  });

  it('waits until Entra knows the credential, and says how long it took', async () => {
    rig.world.entra.knobs.credentialVisibleMs = 25_000;
    trust();
    const { afterMs } = await run();
    assert.ok(afterMs >= 25_000 && afterMs < 45_000);
    assert.match(rig.progress[0] ?? '', /^the credential is in place, Entra does not know it yet \(0 s\)$/);
  });

  it('is content with the first replica that knows it, and goes on where one does and the next does not', async () => {
    Object.assign(rig.world.entra.knobs, { credentialVisibleMs: 4_000, replicas: 3, replicaLagMs: 60_000 });
    trust();
    await run();
    const first = rig.clock.monotonic();
    assert.ok(first < 60_000, 'one replica knew it');
    await run();
    await run();
    assert.ok(attempts().includes(401) && attempts().filter((status) => status === 200).length === 3);
  });

  it('wants three successes in a row of what was written just now, whatever one replica says', async () => {
    Object.assign(rig.world.entra.knobs, { credentialVisibleMs: 4_000, replicas: 3, replicaLagMs: 60_000 });
    trust();
    const { token } = await run(undefined, 10 * minute, true);
    assert.ok(rig.clock.monotonic() >= 124_000, 'the last replica knows it');
    assert.deepEqual(attempts().slice(-4), [401, 200, 200, 200]);
    assert.ok(attempts().slice(0, -4).includes(200), 'a success was followed by a failure');
    assert.equal(rig.world.entra.verify(`Bearer ${await token()}`, [vaults])?.objectId, identity.principalId);
  });

  it('waits as well for an identity that Entra does not know yet', async () => {
    rig.world.directory.replicationMs = 30_000;
    rig.clock.advance(30_000);
    identity = rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-later', 'westeurope');
    trust();
    const { afterMs } = await run();
    assert.ok(afterMs >= 30_000);
  });

  it('gives up at the deadline, and names the input that makes it longer', async () => {
    rig.world.entra.knobs.credentialVisibleMs = 99 * minute;
    trust();
    const problem = await problemOf(run(undefined, 2 * minute));
    assert.deepEqual([problem.code, problem.serviceCode], ['WI2302', 'AADSTS70025']);
    assert.match(problem.remedy, /after 120 s although it is in place: raise propagationTimeoutInMinutes/);
    assert.match(problem.correlation ?? '', /^[0-9a-f-]{36}$/);
    assert.ok(rig.clock.monotonic() <= 2 * minute);
  });

  it('also where the older answers of 2022 come', async () => {
    rig.world.entra.knobs.noMatch = { status: 400, error: 'invalid_request' };
    rig.world.entra.knobs.credentialVisibleMs = 10_000;
    trust();
    assert.ok((await run()).afterMs >= 10_000);
  });

  it('names at once what differs, by a strong read of the credentials', async () => {
    const issuer = rig.issuer();
    const cases: [string, () => void, RegExp][] = [
      ['nothing at all', () => undefined, /^identity id-orders has no federated credential at all \(AADSTS70025\)$/],
      ['another issuer', () => trust('https://other/'), /^the credential’s issuer differs: wi-aks-1 trusts https:\/\/other\/, the cluster signs as https:\/\/issuer\.sim/],
      ['a trailing slash', () => trust(issuer.slice(0, -1)), /issuer differs: .*\(AADSTS700211\)$/],
      ['another subject', () => trust(issuer, 'system:serviceaccount:orders:web'), /^no credential of identity id-orders has the subject system:serviceaccount:orders:api \(AADSTS700213\)$/],
      ['another audience', () => trust(issuer, subject, 'api://other'), /^credential wi-aks-1 has the audience api:\/\/other, not api:\/\/AzureADTokenExchange \(AADSTS700212\)$/],
    ];
    for (const [title, prepare, because] of cases) {
      identity.credentials.remove();
      prepare();
      rig.clock.advance(60_000);
      const before = rig.clock.monotonic();
      const problem = await problemOf(run());
      assert.deepEqual([problem.code, rig.clock.monotonic() - before], ['WI2301', 0], title);
      assert.match(problem.because, because);
      assert.equal(problem.what, 'Entra does not accept orders/api on aks-1');
    }
  });

  it('names at once a subject that differs in case only', async () => {
    trust(rig.issuer(), 'system:serviceaccount:Orders:api');
    const problem = await problemOf(run());
    assert.equal(rig.clock.monotonic(), 0);
    assert.match(problem.serviceCode ?? '', /AADSTS7002138/);
    assert.match(problem.because, /case/);
    const token = await assertion();
    rig.network.faults.plant({ service: 'entra', method: 'POST', times: 1, respond: { status: 401, body: { error: 'invalid_client', error_description: 'AADSTS700213: No matching.', error_codes: [700213] } } });
    const combined = await problemOf(run(token));
    assert.deepEqual([combined.code, combined.because], ['WI2301', `the credential’s subject differs in case: system:serviceaccount:Orders:api, the token says ${subject} (AADSTS700213)`]);
  });

  it('names at once a token for another audience', async () => {
    trust();
    const problem = await problemOf(run(await assertion('api://something')));
    assert.deepEqual([problem.code, problem.because], ['WI2301', `the token’s audience is api://something, not ${exchange} (AADSTS700212)`]);
  });

  it('names at once a credential that is taken away while it waits', async () => {
    rig.world.entra.knobs.credentialVisibleMs = 20_000;
    trust();
    void rig.clock.sleep(5_000).then(() => identity.credentials.remove());
    assert.equal((await problemOf(run())).code, 'WI2301');
    assert.ok(rig.clock.monotonic() < 20_000);
  });

  it('does not wait where waiting does not help: an issuer that Entra cannot reach, a rotated key, a token that is over', async () => {
    const atOnce = async (words: RegExp, token?: string): Promise<unknown[]> => {
      const [before, tries] = [rig.clock.monotonic(), attempts().length];
      const { code, serviceCode, because } = await problemOf(run(token));
      assert.match(because, words);
      return [code, serviceCode, rig.clock.monotonic() - before, attempts().length - tries];
    };
    trust();
    rig.world.issuers.unreachable = true;
    assert.deepEqual(await atOnce(/^AADSTS90061: Request to External OIDC endpoint failed\.$/), ['WI2303', 'AADSTS90061', 0, 1]);
    rig.world.issuers.unreachable = false;
    const old = await assertion();
    api.rotateSigningKey();
    assert.deepEqual(await atOnce(/^AADSTS50013: /, old), ['WI2303', 'AADSTS50013', 0, 1]);
    const over = await assertion();
    rig.clock.advance(11 * minute);
    assert.deepEqual(await atOnce(/^AADSTS700024: /, over), ['WI2303', 'AADSTS700024', 0, 1]);
    assert.equal((await problemOf(run('no.token'))).code, 'WI2303');
    assert.deepEqual(attempts().filter((status) => status === 200), []);
  });

  it('takes the code from the text where there is no list of codes, and says so where there is none', async () => {
    trust();
    const answer = (body: object): (() => void) => rig.network.faults.plant({ service: 'entra', method: 'POST', times: 1, respond: { status: 400, body } });
    const token = await assertion();
    await azure.token('https://management.azure.com');
    answer({ error: 'invalid_request', error_description: 'AADSTS700238: Issuer is not allowed. Trace ID: x' });
    const coded = await problemOf(run(token));
    assert.deepEqual([coded.code, coded.serviceCode, coded.because], ['WI2303', 'AADSTS700238', 'AADSTS700238: Issuer is not allowed.']);
    answer({ error: 'temporarily_odd' });
    const plain = await problemOf(run(token));
    assert.deepEqual([plain.code, plain.serviceCode, plain.because], ['WI2303', 'temporarily_odd', 'temporarily_odd']);
  });

  it('ends its wait when the run is cancelled', async () => {
    rig.world.entra.knobs.credentialVisibleMs = 99 * minute;
    trust();
    void rig.clock.sleep(30_000).then(() => rig.abort.abort(new Error('stop')));
    await assert.rejects(run());
    assert.ok(rig.clock.monotonic() <= 45_000);
  });

  it('reads claims of anything', async () => {
    const claims = tokenClaims(await assertion());
    assert.deepEqual(claims, { issuer: rig.issuer(), subject, audiences: [exchange] });
    const single = `x.${Buffer.from(JSON.stringify({ aud: 'one', iss: 1 })).toString('base64url')}.y`;
    assert.deepEqual(tokenClaims(single), { issuer: '', subject: '', audiences: ['one'] });
    for (const odd of ['', 'a', 'a.b.c', `a.${Buffer.from('[1]').toString('base64url')}.c`]) assert.deepEqual(tokenPayload(odd), {});
  });
});
