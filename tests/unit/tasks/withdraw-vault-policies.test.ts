import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { takeKeysInTurn, takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import { Rig, tenantId, type RunChoices } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db', allowVaultWideAccess: 'true', boundaryPolicy: 'none' };

describe('state absent on a vault of access policies', () => {
  let rig: Rig;
  let folder: string;
  beforeEach(async () => {
    takeKeysAgain();
    folder = mkdtempSync(join(tmpdir(), 'policies-'));
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addVault('kv-unit', { enableRbacAuthorization: false });
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  after(takeKeysInTurn);
  const run = async (inputs: Record<string, string> = {}, choices: RunChoices = {}): Promise<RunResult> => (await rig.runTask(federateServiceAccount, ['aks-1'], { ...given, ...inputs }, choices)).result;
  const entries = (): string => JSON.stringify((rig.world.arm.vaults.find('kv-unit').properties as { accessPolicies?: unknown }).accessPolicies ?? []);
  const ledger = (): string => {
    const path = join(folder, 'ledger.jsonl');
    writeFileSync(path, rig.journal.map((entry) => `${JSON.stringify({ version: 1, ...entry })}\n`).join(''));
    return path;
  };
  /** What stayed, thing by thing. */
  const told = ({ proofs }: RunResult): ProblemParts[] => proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? (outcome.shortfall.details?.map(({ parts }) => parts) ?? [outcome.shortfall]) : []));
  const codes = (result: RunResult): string[] => told(result).map(({ code }) => code);
  const principal = (): string => rig.world.arm.identities.find('id-orders-aks-1').principalId;

  it('removes what a ledger shows, and lists the rest', async () => {
    await run();
    const id = principal();
    assert.ok(entries().includes(id), entries());
    const path = ledger();
    const blind = await run({ state: 'absent' });
    assert.equal(blind.result, 'succeededWithIssues');
    assert.ok(entries().includes(id) && JSON.stringify(blind.proofs.map(({ outcome }) => outcome)).includes('WI2316'));
    const seeing = await run({ state: 'absent', ledger: path });
    assert.ok(!entries().includes(id), entries());
    assert.equal(seeing.result, 'succeeded');
  });

  it('keeps the entry while the service account is there, and the credential while the entry is', async () => {
    await run();
    const id = principal();
    const inputs = { state: 'absent', ledger: ledger() };
    const fates = ({ applied }: RunResult): string[] => applied.filter(({ change }) => change.action === 'delete').map(({ resource, outcome }) => `${resource.kind} ${outcome.result}`);
    const words = 'refused by the test';
    rig.network.faults.plant({ service: 'kubernetes', method: 'DELETE', times: 1, respond: { status: 403, body: { kind: 'Status', message: words, reason: 'Forbidden', code: 403 } } });
    assert.deepEqual(fates(await run(inputs)), ['service account failed', 'access policy skipped', 'federated credential skipped', 'identity skipped']);
    rig.network.faults.plant({ service: 'arm', path: /accessPolicies\/remove/, times: 1, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: words } } } });
    assert.deepEqual(fates(await run(inputs)), ['service account done', 'access policy failed', 'federated credential skipped', 'identity skipped']);
    assert.ok(entries().includes(id), entries());
    assert.equal((await run(inputs)).result, 'succeeded');
  });

  it('removes what each of several runs gave, and keeps what was there before the first that gave it', async () => {
    await run();
    const id = principal();
    await run({ secrets: 'cert:tls' });
    assert.match(entries(), /"secrets":\["get"\].*"certificates":\["get"\]/);
    const path = ledger();
    const dry = await run({ state: 'absent', ledger: path }, { dryRun: true });
    const change = dry.plan.find(({ resource }) => resource.kind === 'access policy')?.change;
    assert.deepEqual(change?.action === 'delete' ? change.fields.map(({ field }) => field) : change, ['secrets', 'certificates']);
    const done = await run({ state: 'absent', ledger: path });
    assert.deepEqual([done.result, entries().includes(id)], ['succeeded', false]);
  });

  it('does not need the inputs that gave it: the mode is looked up, and a ledger shows which vaults there are', async () => {
    for (const inputs of [{ allowVaultWideAccess: 'false' }, { allowVaultWideAccess: 'false', keyVault: '', secrets: '' }]) {
      rig.journal.splice(0);
      await run();
      const id = principal();
      const done = await run({ ...inputs, state: 'absent', ledger: ledger() });
      assert.deepEqual([done.result, entries().includes(id)], ['succeeded', false], JSON.stringify(inputs));
    }
  });

  it('lists what stays where the inputs that gave it are not repeated', async () => {
    await run();
    const path = ledger();
    const id = principal();
    const blind = await run({ allowVaultWideAccess: 'false', state: 'absent' });
    assert.deepEqual([blind.result, codes(blind)], ['succeededWithIssues', ['WI2316', 'WI2313']]);
    assert.match(told(blind).at(-1)?.because ?? '', /^something else uses it: an access policy of key vault kv-unit \(secrets: get\)$/);
    rig.world.arm.vaults.edit('kv-unit', { accessPolicies: [{ tenantId, objectId: id, permissions: { secrets: ['get', 'set'] } }] });
    const changed = await run({ allowVaultWideAccess: 'false', keyVault: '', secrets: '', state: 'absent', ledger: path });
    assert.deepEqual([changed.result, codes(changed), entries().includes(id)], ['succeededWithIssues', ['WI2316', 'WI2313'], true]);
    const said = told(changed).map(({ because, remedy }) => `${because}; ${remedy}`).join();
    assert.match(said, /^it allows get, set by now, which is not what the ledger says that this project wrote; before that it allowed nothing; .*az keyvault set-policy --name kv-unit --object-id /);
  });

  it('takes get back where a run gave it, and leaves what the others of the entry allowed before', async () => {
    await run({ secrets: 'cert:tls' });
    const id = principal();
    const listed = (allowed: object): void => rig.world.arm.vaults.edit('kv-unit', { accessPolicies: [{ tenantId, objectId: id, permissions: allowed }] });
    listed({ certificates: ['get'], secrets: ['list'] });
    await run();
    assert.match(entries(), /"secrets":\["(list|get)","(list|get)"\]/);
    const done = await run({ state: 'absent', ledger: ledger() });
    assert.deepEqual([done.result, codes(done)], ['succeededWithIssues', ['WI2313']]);
    const [entry] = JSON.parse(entries()) as { permissions: Record<string, string[]> }[];
    assert.deepEqual([entry?.permissions.secrets, entry?.permissions.certificates ?? []], [['list'], []]);
  });
});
