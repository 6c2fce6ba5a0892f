import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { Rig, type RunChoices } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };
const none = { keyVault: '', secrets: '' };

/** The steps of a withdrawal: whose request each is, and how long it is made to take. Each takes less than the one before, so that only waiting keeps their order. */
const steps = {
  account: { service: 'kubernetes', path: /serviceaccounts\/api/, ms: 20_000 },
  grant: { service: 'arm', path: /roleAssignments\//, ms: 10_000 },
  credential: { service: 'arm', path: /federatedIdentityCredentials\//, ms: 5_000 },
  identity: { service: 'arm', path: /userAssignedIdentities\/[^/]+$/, ms: 0 },
} as const;

describe('FederateServiceAccount, state absent: step by step', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    for (const name of ['aks-1', 'aks-2']) await rig.addCluster(name, 'ready');
    await rig.addVault();
  });
  const run = async (inputs: Record<string, string> = {}, clusters: readonly string[] = ['aks-1'], choices: RunChoices = {}): Promise<RunResult> =>
    (await rig.runTask(federateServiceAccount, clusters, { ...given, ...inputs }, choices)).result;
  const federated = async (inputs: Record<string, string> = {}, clusters?: readonly string[]): Promise<void> => {
    assert.equal((await run(inputs, clusters)).result, 'succeeded');
    rig.network.log.clear();
  };
  const absent = (inputs: Record<string, string> = {}): Promise<RunResult> => run({ ...inputs, state: 'absent' });
  const deletions = (): string[] => rig.writes().map((line) => line.replace(/^DELETE (\w+)\/.*/, '$1'));
  const refuse = (step: keyof typeof steps, times = Number.POSITIVE_INFINITY): void => {
    const words = 'refused by the test';
    const body = step === 'account' ? { kind: 'Status', message: words, reason: 'Forbidden', code: 403 } : { error: { code: 'AuthorizationFailed', message: words } };
    rig.network.faults.plant({ service: steps[step].service, path: steps[step].path, method: 'DELETE', times, respond: { status: 403, body } });
  };
  /** What became of the removals, in the order of the plan. */
  const fates = ({ applied }: RunResult): string[] => applied.filter(({ change }) => change.action === 'delete').map(({ resource, outcome }) => `${resource.kind} ${outcome.result}`);

  it('keeps the order of the steps however long each of them takes', async () => {
    await federated();
    for (const { service, path, ms } of Object.values(steps)) rig.network.faults.plant({ service, path, method: 'DELETE', delayMs: ms });
    assert.equal((await absent()).result, 'succeeded');
    assert.deepEqual(deletions(), ['serviceaccounts', 'roleAssignments', 'federatedIdentityCredentials', 'userAssignedIdentities']);
    const ends = rig.network.log.writes().map(({ at }) => at);
    assert.deepEqual(ends.map((at) => at - (ends[0] ?? 0)), [0, 10_000, 15_000, 15_000]);
  });

  it('leaves alone what comes after a step that failed', async () => {
    await federated();
    for (const [step, done, came] of [
      ['account', [], ['service account failed', 'grant skipped', 'federated credential skipped', 'identity skipped']],
      ['grant', ['serviceaccounts'], ['service account done', 'grant failed', 'federated credential skipped', 'identity skipped']],
      ['credential', ['roleAssignments'], ['grant done', 'federated credential failed', 'identity skipped']],
    ] as const) {
      rig.network.log.clear();
      refuse(step, 1);
      const result = await absent();
      assert.deepEqual([result.result, deletions(), fates(result)], ['failed', done, came], step);
    }
    assert.equal((await absent()).result, 'succeeded');
    assert.deepEqual(rig.world.arm.identities.all(), []);
  });

  it('keeps the credential while the service account stays, also where nothing was granted', async () => {
    await federated(none);
    refuse('account');
    const result = await absent(none);
    assert.deepEqual([result.result, deletions(), fates(result)], ['failed', [], ['service account failed', 'federated credential skipped', 'identity skipped']]);
  });

  it('keeps the identity while what is pruned beside it is there', async () => {
    const shared = { ...none, identity: 'id-shared', identityResourceGroup: 'rg-dev' };
    await federated(shared, ['aks-1', 'aks-2']);
    rig.world.removeCluster('aks-2');
    rig.network.faults.plant({ service: 'arm', method: 'DELETE', path: /federatedIdentityCredentials\/wi-aks-2/, times: 1, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'refused by the test' } } } });
    const result = await absent({ ...shared, prune: 'true' });
    const identity = result.applied.find(({ resource }) => resource.kind === 'identity');
    assert.deepEqual([result.result, identity?.outcome.result, deletions()], ['failed', 'skipped', ['serviceaccounts', 'federatedIdentityCredentials']]);
  });

  it('takes the credential of an old issuer while its cluster lives: its name tells whose it is', async () => {
    await federated();
    const { credentials } = rig.world.arm.identities.find('id-orders-aks-1');
    const [own] = credentials.trusts();
    assert.ok(own !== undefined);
    credentials.set(own.name, 'https://issuer.example/tenant/before-it-was-rebuilt/', own.subject);
    const result = await absent();
    assert.deepEqual([result.result, deletions()], ['succeeded', ['serviceaccounts', 'roleAssignments', 'federatedIdentityCredentials', 'userAssignedIdentities']]);
    assert.deepEqual(rig.world.arm.identities.all(), []);
  });
});
