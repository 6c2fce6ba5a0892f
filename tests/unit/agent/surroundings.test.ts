import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { childEnvironment } from '../../../tasks/_shared/agent/child-environment.js';
import { knownClouds } from '../../../tasks/_shared/agent/clouds.js';
import { longestOutput, publishOutput } from '../../../tasks/_shared/agent/outputs.js';
import { LoggedProgress } from '../../../tasks/_shared/agent/progress.js';
import { describeRun, describeSignIn } from '../../../tasks/_shared/agent/run-context.js';
import { Secrets } from '../../../tasks/_shared/agent/secrets.js';
import { clockFor, isLoopback, testClockVariable } from '../../../tasks/_shared/agent/test-clock.js';
import type { ServiceConnection } from '../../../tasks/_shared/azure/connection.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { FakeAgent } from './fake-agent.js';

describe('what surrounds a task', () => {
  let agent: FakeAgent;
  beforeEach(() => (agent = new FakeAgent()));
  afterEach(() => agent.dispose());

  describe('publishOutput', () => {
    it('sets values that fit and files those that do not, by bytes', () => {
      publishOutput(agent, 'fits', 'x'.repeat(longestOutput));
      publishOutput(agent, 'long', 'ä'.repeat(longestOutput / 2 + 1));
      assert.equal(agent.outputs.fits?.length, longestOutput);
      assert.match(agent.outputs.long ?? '', /^@/);
      assert.equal(readFileSync(agent.outputs.long!.slice(1), 'utf8'), 'ä'.repeat(longestOutput / 2 + 1));
    });
  });

  describe('Secrets', () => {
    it('takes every spelling out, the longest first', () => {
      const secrets = new Secrets();
      secrets.register('p&ss');
      secrets.register('p&ssword "1"');
      assert.equal(secrets.redact('a p&ssword "1" b p%26ssword%20%221%22 c p&ss d p&ssword \\"1\\"'), 'a *** b *** c *** d ***');
    });

    it('announces each spelling once and nothing for nothing', () => {
      const secrets = new Secrets();
      assert.deepEqual(secrets.register('plain'), ['plain']);
      assert.deepEqual(secrets.register('plain'), []);
      assert.deepEqual(secrets.register(''), []);
      assert.equal(secrets.redact('text'), 'text');
    });
  });

  describe('the environment of child processes', () => {
    it('has what programs need and no job variable', () => {
      const given = { PATH: '/bin', HOME: '/h', MY_PASSWORD: 'x', SYSTEM_ACCESSTOKEN: 'y', https_proxy: 'http://p:1', NODE_EXTRA_CA_CERTS: '/ca', KUBECONFIG: '/k' };
      assert.deepEqual(childEnvironment(given), { PATH: '/bin', HOME: '/h', https_proxy: 'http://p:1', NODE_EXTRA_CA_CERTS: '/ca' });
    });
  });

  describe('the test clock', () => {
    const connection = (resourceManager: string, authority: string): ServiceConnection => ({
      id: 'c',
      name: 'c',
      tenantId: 't',
      cloud: { ...knownClouds[0], resourceManager, authority },
      signIn: { kind: 'managedIdentity' },
    });
    const local = connection('https://localhost:1', 'https://127.0.0.2:2');

    beforeEach(() => {
      agent.variables[testClockVariable] = '1000';
      agent.variables['System.CollectionUri'] = 'https://[::1]:3/contoso/';
    });

    it('goes faster when every endpoint is on the loopback interface', () => {
      const clock = clockFor(agent, local);
      const [start, real] = [clock.monotonic(), performance.now()];
      while (performance.now() - real < 2);
      assert.ok(clock.monotonic() - start >= 2000);
    });

    it('is refused when any endpoint is not, and for values that are no rate', () => {
      assert.throws(() => clockFor(agent, connection('https://management.azure.com', 'https://localhost:2')), /WI1015: .*management\.azure\.com/);
      assert.throws(() => clockFor(agent, connection('https://localhost:1', 'https://login.microsoftonline.com')), /WI1015/);
      agent.variables['System.OidcRequestUri'] = 'https://dev.azure.com/x';
      assert.throws(() => clockFor(agent, local), /WI1015: .*dev\.azure\.com/);
      delete agent.variables['System.OidcRequestUri'];
      delete agent.variables['System.CollectionUri'];
      assert.throws(() => clockFor(agent, local), /WI1015: .*collection URI/);
      for (const rate of ['fast', '0', '-1', 'Infinity']) {
        agent.variables[testClockVariable] = rate;
        assert.throws(() => clockFor(agent, local), /WI1015/, rate);
      }
    });

    it('is the system clock when nobody asks', () => {
      agent.variables[testClockVariable] = '';
      assert.ok(clockFor(agent, connection('https://management.azure.com', 'https://login.microsoftonline.com')).monotonic() > 0);
    });

    it('knows this machine from names that only look like it', () => {
      assert.deepEqual(['https://localhost', 'http://127.1.2.3:4', 'https://[::1]'].map(isLoopback), [true, true, true]);
      assert.deepEqual(['https://localhost.evil.com', 'https://127.0.0.1.evil.com', 'https://localhost@evil.com', 'nonsense', ''].map(isLoopback), [false, false, false, false, false]);
    });
  });

  it('tells long waits now and then and short ones in the debug log only', () => {
    const clock = new VirtualClock();
    const progress = new LoggedProgress(clock, agent);
    for (let second = 0; second <= 40; second += 1) {
      progress.waiting('cluster a', `waiting ${second}`);
      clock.advance(1000);
    }
    assert.deepEqual(agent.log, ['  …      cluster a: waiting 5', '  …      cluster a: waiting 35']);
    assert.equal(agent.debugLog.length, 41);
  });

  it('describes the run and the principal in the words of the pipeline', () => {
    assert.equal(describeRun(agent), '');
    Object.assign(agent.variables, { 'Build.DefinitionName': 'fleet', 'Build.BuildNumber': '20260105.1', 'System.JobDisplayName': 'apply', 'System.JobAttempt': '2' });
    assert.equal(describeRun(agent), 'fleet 20260105.1, job apply, attempt 2');
    assert.equal(describeSignIn({ kind: 'secret', clientId: '1f0c1111-1111-4111-8111-11111111119a', secret: () => '' }), 'app 1f0c…9a (secret)');
    assert.equal(describeSignIn({ kind: 'managedIdentity' }), "the agent's managed identity");
  });
});
