import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { Approval, approvedChange } from '../../../tasks/_shared/reconcile/approval.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { planText, preflightText, proofText } from '../../../tasks/_shared/report/log-text.js';
import { toMarkdown } from '../../../tasks/_shared/report/markdown.js';
import { planFile } from '../../../tasks/_shared/report/plan-file.js';
import { toReport, type RunContext } from '../../../tasks/_shared/report/schema.js';
import { takeKeysInTurn, takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import { Rig, type RunChoices } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };
const context: RunContext = { task: 'FederateServiceAccount', startedAt: '2026-01-05T08:00:00.000Z', run: 'unit 1', signIn: 'deployer', correlation: 'c', clusters: ['aks-1'] };

describe('the plan of what is taken back', () => {
  let rig: Rig;
  beforeEach(async () => {
    takeKeysAgain();
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addVault();
    assert.equal((await run()).result, 'succeeded');
  });
  after(takeKeysInTurn);
  const run = async (inputs: Record<string, string> = {}, choices: RunChoices = {}): Promise<RunResult> => (await rig.runTask(federateServiceAccount, ['aks-1'], { ...given, ...inputs }, choices)).result;
  const lines = (parts: readonly (string | { readonly lines: readonly string[] })[]): string => parts.flatMap((part) => (typeof part === 'string' ? [part] : part.lines)).join('\n');

  it('is shown in the log with a mark before each that goes, and why', async () => {
    const text = lines(planText((await run({ state: 'absent' }, { dryRun: true })).plan));
    assert.match(text, /^Plan {5}0 to create, 0 to update, 4 to delete, 0 as they should be$/m);
    assert.match(text, /^ {4}- service account +orders\/api +this project made it, and nothing uses it; its namespace stays$/m);
    assert.match(text, /^ {4}- grant +Key Vault Secrets User on kv-unit \/ secrets \/ orders-db +its workload is withdrawn \(assignment /m);
    assert.match(text, /^ {4}- federated credential +wi-aks-1-orders-api-[0-9a-f]{8} +orders\/api on aks-1 is withdrawn$/m);
    assert.match(text, /^ {4}- identity +id-orders-aks-1 +this project made it, and nothing else that this connection sees uses it;/m);
    assert.doesNotMatch(text, /▲/);
  });

  it('is shown in the summary, with what became of it', async () => {
    const planned = toMarkdown(toReport(await run({ state: 'absent' }, { dryRun: true }), context));
    assert.match(planned, /4 to delete/);
    const done = await run({ state: 'absent' });
    const markdown = toMarkdown(toReport(done, context));
    assert.match(markdown, /id-orders-aks-1/);
    assert.match(lines(proofText(done.proofs)), /aks-1 +withdrawal of id-orders-aks-1 +observed +→ read back: nothing that had to go is left; namespace orders stays/);
  });

  it('tells in preflight what stays behind', async () => {
    rig.world.arm.identities.find('id-orders-aks-1').credentials.set('github', 'https://token.actions.githubusercontent.com', 'repo:contoso/orders');
    const text = lines(preflightText((await run({ state: 'absent' }, { dryRun: true })).preflight, true));
    assert.match(text, /left behind: Identity id-orders-aks-1 stays: something else uses it: federated credential github/);
  });

  it('is approved as it was shown: nothing else may go, and nothing may be made in its place', async () => {
    const dry = await run({ state: 'absent' }, { dryRun: true });
    const { content } = planFile(dry.plan, context, (text) => text);
    assert.equal([...content.matchAll(/"deletes": ?true/g)].length, 4);
    const approval = new Approval(dry.plan.map(({ resource, change }) => approvedChange(resource, change)));
    assert.deepEqual(approval.objections((await run({ state: 'absent' }, { dryRun: true })).plan), []);
    assert.equal((await run({ secrets: 'orders-db, orders-api-key' })).result, 'succeeded');
    const later = approval.objections((await run({ state: 'absent' }, { dryRun: true })).plan);
    assert.deepEqual(later.map(({ problem, resource }) => [problem.code, resource.name]), [['WI3003', 'Key Vault Secrets User on kv-unit / secrets / orders-api-key']]);
    assert.match(later[0]?.problem.what ?? '', /^To delete grant .* was not approved$/);
    await run({ state: 'absent' });
    const making = approval.objections((await run({}, { dryRun: true })).plan);
    assert.ok(making.length > 0 && making.every(({ problem }) => problem.code === 'WI3003'));
  });
});
