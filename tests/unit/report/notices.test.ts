import assert from 'node:assert/strict';
import { logWatcher, publish } from '../../../tasks/_shared/agent/run-log.js';
import { planAll } from '../../../tasks/_shared/reconcile/plan.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { run } from '../../../tasks/_shared/reconcile/run.js';
import { noticesText } from '../../../tasks/_shared/report/log-text.js';
import { toMarkdown } from '../../../tasks/_shared/report/markdown.js';
import { toReport } from '../../../tasks/_shared/report/schema.js';
import { FakeAgent } from '../agent/fake-agent.js';
import { Item, options, ports } from './items.js';

const warning: ProblemParts = { code: 'WI4222', what: 'The chart would run an image that can become another one', because: 'container a has the tag latest', remedy: 'give it a tag' };
const context = { task: 'DeployWithIdentity', startedAt: '2026-01-05T08:00:00.000Z', run: 'unit 1', signIn: 'app', correlation: 'c', clusters: ['aks-1'] };

/** A resource that warns, whatever becomes of it. */
class Warned extends Item {
  notices(): readonly ProblemParts[] {
    return [warning];
  }
}

describe('notices', () => {
  const warned = (store: Map<string, string>): Warned[] => [new Warned(store, 'release', { kind: 'helm release', name: 'orders/api', cluster: 'aks-1' })];

  it('are in the log after the plan, once each, and not there where there are none', async () => {
    const plan = await planAll([...warned(new Map()), new Warned(new Map(), 'other', { cluster: 'aks-1' })], 4);
    assert.deepEqual(noticesText(plan), ['Notices  1 warning', `  ! aks-1  WI4222  ${warning.what}: ${warning.because}`]);
    assert.deepEqual(noticesText(await planAll([new Item(new Map(), 'other')], 4)), []);
  });

  it('are in report, summary and the list of warnings, and do not change the result, also when nothing is to be done', async () => {
    const store = new Map<string, string>();
    for (const expected of ['create', 'keep']) {
      const agent = new FakeAgent('DeployWithIdentity');
      const result = await run(warned(store), [], options, ports(), logWatcher(agent, false));
      assert.deepEqual([result.plan[0]?.change.action, result.result], [expected, 'succeeded']);
      const report = toReport(result, context);
      assert.deepEqual(report.notices, [{ cluster: 'aks-1', problem: warning }]);
      assert.match(toMarkdown(report), /### Warnings\n\n- \*\*WI4222\*\* aks-1: The chart would run an image/);
      publish(agent, result, context, {});
      assert.deepEqual(agent.warnings, [`aks-1: ${warning.what}: ${warning.because}. To do: ${warning.remedy} (WI4222)`]);
      agent.dispose();
    }
  });

  it('are told of a resource that is blocked as well', async () => {
    const [plan] = await planAll([new Warned(new Map(), 'x', { kind: 'helm release', name: 'x', cluster: 'aks-1', blocked: { ...warning, code: 'WI4220' } })], 4);
    assert.deepEqual([plan?.change.action, plan?.notices], ['blocked', [warning]]);
  });
});
