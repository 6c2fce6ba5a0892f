import assert from 'node:assert/strict';
import { enableWorkloadIdentity } from '../../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { Rig } from '../azure/azure-world.js';

/** What the proof of the one cluster ended with, in a line. */
function proofOf({ proofs }: RunResult): string {
  return proofs.map(({ outcome }) => {
    if ('problem' in outcome) return `${outcome.level}: ${outcome.problem.code} ${outcome.problem.what}: ${outcome.problem.because}`;
    const { shortfall } = outcome;
    return `${outcome.level}: ${outcome.summary}${shortfall === undefined ? '' : ` | ${shortfall.code} ${shortfall.what}: ${shortfall.because}`}`;
  }).join('\n');
}

describe('EnableWorkloadIdentity: the proof', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
  });
  const run = async (inputs: Record<string, string> = {}): Promise<RunResult> => (await rig.runTask(enableWorkloadIdentity, ['aks-1'], inputs)).result;

  it('reads the issuer’s document and keys, and exercises the webhook without making anything', async () => {
    const api = await rig.addCluster();
    const before = JSON.stringify(api.list('Pod', 'default'));
    const result = await run();
    assert.match(proofOf(result), /^exercised: on, no operation under way; issuer https:.*; its document names it and \d keys?; pods get a token file for 3600 s and tenant [-0-9a-f]{36}; node pools as they were$/);
    assert.equal(JSON.stringify(api.list('Pod', 'default')), before);
    assert.deepEqual(rig.network.log.all().filter(({ service }) => service.startsWith('kubernetes')).map(({ method, path }) => `${method} ${path}`).filter((line) => line.includes('/pods')), ['POST /api/v1/namespaces/default/pods?dryRun=All&fieldManager=aks-workload-identity']);
  });

  it('fails when the webhook leaves pods alone or does not answer, after waiting for it', async () => {
    for (const [setting, because] of [[{ enabled: false }, /^failed: WI2116 The webhook of workload identity on aks-1 does not serve pods: container rehearsal has no AZURE_/], [{ reachable: false }, /^failed: WI2116 .*failed calling webhook "mutation\.azure-workload-identity\.io"/]] as const) {
      rig = await Rig.start();
      rig.world.webhooks.set('aks-1', setting);
      await rig.addCluster('aks-1', 'ready');
      const result = await run();
      assert.equal(result.result, 'failed');
      assert.match(proofOf(result), because);
      assert.ok(rig.clock.monotonic() >= 240_000, 'it did not wait');
    }
  });

  it('waits for a webhook that is only starting', async () => {
    rig.world.webhooks.set('aks-1', { enabled: false });
    await rig.addCluster('aks-1', 'ready');
    let asked = 0;
    rig.network.faults.plant({ service: 'kubernetes/aks-1', method: 'POST', path: /pods\?dryRun/, then: () => {
      asked += 1;
      if (asked === 3) rig.world.webhooks.delete('aks-1');
    } });
    assert.match(proofOf(await run()), /^exercised: /);
    assert.equal(asked, 4);
  });

  it('fails when the issuer’s document is for another issuer, names keys elsewhere, or has no key that Entra takes', async () => {
    await rig.addCluster('aks-1', 'ready');
    const issuer = rig.issuer();
    const document = { issuer, jwks_uri: `${issuer}openid/v1/jwks` };
    const keys = (key: object): object => ({ keys: [{ kid: 'a', kty: 'RSA', ...key }] });
    const cases: readonly (readonly [object, object, RegExp])[] = [
      [{ ...document, issuer: issuer.replace(/\/$/, '') }, keys({}), /its discovery document is for issuer .*, and ARM says .*\/$/],
      [{ ...document, jwks_uri: 'https://keys.example/jwks' }, keys({}), /names https:\/\/keys\.example\/jwks for its keys, which is not on the issuer’s host$/],
      [{ issuer }, keys({}), /names no address for its keys/],
      [document, { keys: [] }, /none of the keys at .* is one for RS256/],
      [document, keys({ kty: 'EC' }), /is one for RS256/],
      [document, keys({ alg: 'ES256' }), /is one for RS256/],
    ];
    for (const [body, published, because] of cases) {
      const undo = [
        rig.network.faults.plant({ service: 'issuer', path: /openid-configuration/, respond: { status: 200, body } }),
        rig.network.faults.plant({ service: 'issuer', path: /jwks/, respond: { status: 200, body: published } }),
      ];
      const result = await run();
      assert.equal(result.result, 'failed', because.source);
      assert.match(proofOf(result), /^failed: WI2114 Entra will not accept tokens of issuer /);
      assert.match(proofOf(result), because);
      for (const one of undo) one();
    }
  });

  it('fails when the issuer serves nothing, also after waiting', async () => {
    await rig.addCluster('aks-1', 'ready');
    rig.world.issuers.unreachable = true;
    const result = await run();
    assert.equal(result.result, 'failed');
    assert.match(proofOf(result), /^failed: WI2005 Issuer .* does not answer/);
  });

  it('is observed, with issues, where the agent does not get to the API server, or a policy does not let the pod be rehearsed', async () => {
    await rig.addCluster('aks-1', 'ready');
    const undo = rig.network.faults.plant({ service: 'kubernetes/aks-1', drop: 'before' });
    const away = await run();
    assert.deepEqual([away.result, rig.writes()], ['succeededWithIssues', []]);
    assert.match(proofOf(away), /^observed: on, .*its document names it.* \| WI2117 The webhook of cluster aks-1 was not exercised: /);
    undo();
    rig.network.faults.plant({ service: 'kubernetes/aks-1', method: 'POST', path: /pods\?dryRun/, respond: { status: 403, body: { kind: 'Status', reason: 'Forbidden', message: 'admission webhook "validation.gatekeeper.sh" denied the request: only images of contoso' } } });
    const denied = await run();
    assert.match(proofOf(denied), /WI2117 .* was not exercised: .*only images of contoso$/);
  });

  it('tells of a node pool that is not as the update carried it', async () => {
    await rig.addCluster();
    rig.world.arm.clusters.edit('aks-1', { agentPoolProfiles: [{ name: 'fixed', count: 3, vmSize: 'D4' }, { name: 'scaling', count: 3, enableAutoScaling: true }] });
    rig.network.faults.plant({ service: 'arm', method: 'PUT', path: /managedClusters/, then: () => {
      rig.world.arm.clusters.editPool('aks-1', 'fixed', { count: 5 });
      rig.world.arm.clusters.editPool('aks-1', 'scaling', { count: 9 });
    } });
    const result = await run();
    assert.equal(result.result, 'succeededWithIssues');
    assert.match(proofOf(result), /\| WI2118 The node pools of cluster aks-1 are not as they were before its update: pool fixed has count 5 instead of 3$/);
  });

  it('is blocked while pods use pod-managed identities, and sees them in the cluster', async () => {
    const api = await rig.addCluster('aks-1', 'ready', { properties: { podIdentityProfile: { enabled: true } } });
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'orders', name: 'api-1', labels: { aadpodidbinding: 'blob' } }, spec: { containers: [{ name: 'api', image: 'api' }] } });
    const refused = await run({ removePodIdentity: 'true' });
    assert.deepEqual(refused.preflight.findings.map(({ problem }) => `${problem.code} ${problem.because}`), ['WI2113 they are in use: pod orders/api-1']);
    api.remove('Pod', 'orders', 'api-1');
    assert.equal((await run({ removePodIdentity: 'true' })).result, 'succeeded');
  });

  it('reads the cluster back only where that is asked for', async () => {
    await rig.addCluster();
    const result = await run({ proveFrom: 'none' });
    assert.match(proofOf(result), /^observed: on, no operation under way; issuer https:[^;]*; node pools as they were$/);
    assert.deepEqual(rig.network.log.all().filter(({ service }) => service.startsWith('kubernetes') || service === 'issuer'), []);
  });
});
