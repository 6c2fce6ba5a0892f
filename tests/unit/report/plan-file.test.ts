import assert from 'node:assert/strict';
import { Approval } from '../../../tasks/_shared/reconcile/approval.js';
import { planAll } from '../../../tasks/_shared/reconcile/plan.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { approvedText, planLeftText } from '../../../tasks/_shared/report/approval-text.js';
import { planFile, readPlanFile } from '../../../tasks/_shared/report/plan-file.js';
import { Item } from './items.js';

const context = { task: 'TestTask', startedAt: '2026-01-05T08:00:00.000Z', run: 'orders-api 20260105.1, job Plan', signIn: 'app', correlation: 'c', clusters: ['aks-1', 'aks-2'] };
const asItIs = (text: string): string => text;

describe('a plan file', () => {
  const store = new Map([['kept', 'wanted'], ['changed', 'earlier']]);
  const items = ['kept', 'changed', 'made'].map((key) => new Item(store, key, { cluster: 'aks-1', widens: key === 'made' }));

  const write = async (redact = asItIs): Promise<{ content: string; sha256: string }> => planFile(await planAll(items, 4), context, redact);
  const refusal = (content: string, task = 'TestTask'): string => {
    try {
      readPlanFile(content, 'plans/enable.json', task);
    } catch (error) {
      assert.ok(error instanceof Problem);
      return `${error.code}: ${error.parts.because}`;
    }
    return 'it was read';
  };

  it('says what each resource may become, and reads back equal', async () => {
    const { content, sha256 } = await write();
    const approved = readPlanFile(content, 'p', 'TestTask');
    assert.deepEqual({ ...approved, changes: approved.changes.length }, { task: 'TestTask', run: context.run, plannedAt: context.startedAt, changes: 3, sha256 });
    assert.deepEqual(approved.changes.map(({ key, writes, widens, fields }) => [key, writes, widens, fields]), [
      ['kept', false, false, []],
      ['changed', true, false, [{ field: 'text', before: 'earlier', after: 'wanted' }]],
      ['made', true, true, [{ field: 'text', after: 'wanted' }]],
    ]);
  });

  it('can be read by people', async () => {
    const { plan } = JSON.parse((await write()).content) as { plan: { changes: object[]; clusters: string[] } };
    assert.deepEqual(plan.clusters, ['aks-1', 'aks-2']);
    assert.deepEqual(plan.changes[2], { kind: 'thing', name: 'made', cluster: 'aks-1', action: 'create', key: 'made', writes: true, deletes: false, widens: true, fields: [{ field: 'text', after: 'wanted' }] });
  });

  it('holds no secret of the run, and is whole all the same', async () => {
    const { content } = await write((text) => text.replaceAll('earlier', '***'));
    assert.ok(!content.includes('earlier') && content.includes('***'));
    assert.equal(readPlanFile(content, 'p', 'TestTask').changes[1]?.fields[0]?.before, '***');
  });

  it('is refused when a single value was altered, or a part is missing', async () => {
    const { content } = await write();
    assert.match(refusal(content.replace('"widens": false', '"widens": true')), /^WI1041: its content has hash [0-9a-f]{12}…, and it says [0-9a-f]{12}…: it was altered or is not complete$/);
    assert.match(refusal(content.replace(/"sha256": "\w+",/, '')), /^WI1041: .*says undefined…/);
    assert.equal(refusal(content.slice(0, -20)), 'WI1041: it is not a plan file of this project');
    assert.equal(refusal('{}'), 'WI1041: it is not a plan file of this project');
    assert.equal(refusal(''), 'WI1041: it is not a plan file of this project');
  });

  it('is refused by another task, and in a version to come', async () => {
    const { content } = await write();
    assert.equal(refusal(content, 'GrantRegistryRole'), 'WI1042: it is a plan of TestTask, and this task is GrantRegistryRole');
    assert.equal(refusal(content.replace('"version": 1', '"version": 2')), 'WI1042: it has version 2, and this task knows version 1');
  });

  it('is called by its hash in the log', async () => {
    const { content, sha256 } = await write();
    const approved = readPlanFile(content, 'p', 'TestTask');
    const approval = new Approval(approved.changes);
    const short = sha256.slice(0, 12);
    assert.equal(planLeftText('plans/enable.json', sha256), `Plan file  plans/enable.json · sha256 ${short}`);
    const head = `Approved plan ${short} of orders-api 20260105.1, job Plan, 2026-01-05T08:00:00.000Z · 2 changes`;
    const plan = await planAll(items, 4);
    assert.deepEqual(approvedText(plan, approved, approval, 'fail'), [`${head}, 2 of them still to be made`]);
    const beyond = await planAll([...items, new Item(store, 'new', { cluster: 'aks-2' })], 4);
    const row = '  ≠ aks-2  thing  new  the approved plan does not know it';
    assert.deepEqual(approvedText(beyond, approved, approval, 'fail'), [`${head} · the plan of now goes beyond it in 1 point: refused, and nothing is written`, row]);
    assert.deepEqual(approvedText(beyond, approved, approval, 'apply'), [`${head} · the plan of now goes beyond it in 1 point: applied all the same (onDrift: apply)`, row]);
  });
});
