import assert from 'node:assert/strict';
import { policyAsApproved } from '../../../tasks/_shared/agent/boundary-guard.js';
import type { Crossing } from '../../../tasks/_shared/reconcile/access.js';
import { planAll } from '../../../tasks/_shared/reconcile/plan.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { toLedger } from '../../../tasks/_shared/report/ledger.js';
import { preflightText } from '../../../tasks/_shared/report/log-text.js';
import { toMarkdown } from '../../../tasks/_shared/report/markdown.js';
import { planFile, readPlanFile } from '../../../tasks/_shared/report/plan-file.js';
import { toReport, type RunContext } from '../../../tasks/_shared/report/schema.js';
import { Rig } from '../reconcile/rig.js';

const sha256 = 'ab'.repeat(32);
const boundaryPolicy = { path: 'boundaries.yml', sha256, commit: '1f0c'.repeat(10) };
const context: RunContext = { task: 'T', startedAt: '2026-01-05T08:00:00Z', run: 'r', signIn: 's', correlation: 'c', clusters: ['aks-1'], boundaryPolicy };
const identity = { kind: 'identity', name: 'id-orders', id: '/i' } as const;
const registry = { kind: 'registry', name: 'crprod', id: '/r' } as const;
const crossing: Crossing = { access: { kind: 'grant', from: identity, to: registry, role: 'AcrPush' }, from: 'nonprod', to: 'prod', rule: 'push', reason: 'images <are> built', until: '2027-01-31' };

describe('allowed crossings', () => {
  const resultWith = async (count = 1): Promise<RunResult> => {
    const plan = await planAll([new Rig().thing('a')], 1);
    const crossings = new Map(Array.from({ length: count }, (_, index) => [index === 0 ? plan[0]!.resource.key : `k${index}`, [index === 0 ? crossing : { ...crossing, access: { ...crossing.access, from: { ...identity, name: `id-${index}` } } }]]));
    return { dryRun: true, plan, preflight: { findings: [], permissions: [], lacking: [], notes: ['1 crossing allowed by push'], crossings, forbidden: new Map() }, applied: [], proofs: [], durationMs: 0, result: 'succeeded' };
  };

  it('are in the log with rule, last day and reason, each once', async () => {
    const { preflight } = await resultWith();
    assert.deepEqual(preflightText({ ...preflight, crossings: new Map([...preflight.crossings, ['again', [crossing]]]) }, true).slice(1), [
      '  ↔ grant AcrPush: identity id-orders → registry crprod  crosses nonprod → prod, allowed by push until 2027-01-31: images <are> built',
    ]);
  });

  it('are told by rule in the log of a large fleet, with each of them folded', async () => {
    const lines = preflightText((await resultWith(40)).preflight, true).slice(1);
    assert.equal(lines[0], '  ↔ 40 accesses  crosses nonprod → prod, allowed by push until 2027-01-31: images <are> built');
    assert.ok(typeof lines[1] === 'object' && lines[1].title === 'The 40 crossings one by one' && lines[1].lines.length === 40);
  });

  it('are in report and summary, with the policy that allows them', async () => {
    const report = toReport(await resultWith(), context);
    assert.deepEqual([report.changes[0]?.crossings, report.boundaryPolicy], [[crossing], boundaryPolicy]);
    const summary = toMarkdown(report);
    assert.match(summary, /Boundary policy boundaries\.yml · commit 1f0c1f0c1f0c · sha256 abababababab/);
    assert.match(summary, /### Crossings of boundaries[^]*\| shared \| grant AcrPush: identity id-orders → registry crprod \| crosses nonprod → prod, allowed by push until 2027-01-31: images &lt;are> built \|/);
    const without: RunContext = { task: 'T', startedAt: '', run: 'r', signIn: 's', correlation: 'c', clusters: [] };
    assert.doesNotMatch(toMarkdown(toReport({ ...(await resultWith()), preflight: { ...(await resultWith()).preflight, crossings: new Map() } }, without)), /oundar/);
  });

  it('are in the ledger line of their write', () => {
    const entry = { action: 'create', object: '/r/x', resource: 'a', at: '2026-01-05T08:00:00Z', widens: true, crossings: [crossing] };
    const [line] = toLedger([{ version: 1, phase: 'intended', entry }, { version: 1, phase: 'done', entry }], { task: 'T', signIn: 's', run: 'r', correlation: 'c' });
    assert.deepEqual(JSON.parse(JSON.stringify(line)), { version: 1, task: 'T', signIn: 's', run: 'r', correlation: 'c', ...entry, outcome: 'done' });
  });

  it('are in the plan file, whose approval covers the policy', async () => {
    const { plan, preflight } = await resultWith();
    const { content } = planFile(plan, context, (text) => text, preflight.crossings);
    assert.match(content, /"rule": "push"/);
    const approved = readPlanFile(content, 'plan.json', 'T');
    assert.equal(approved.policySha256, sha256);
    const codes = async (now: typeof boundaryPolicy | undefined, onDrift: 'fail' | 'apply' = 'fail'): Promise<string[]> => {
      const found = await Promise.all(policyAsApproved({ path: 'plan.json', onDrift, approved }, now).map((check) => check.inspect(plan, { dryRun: false })));
      return found.flatMap(({ findings }) => findings.map(({ scope, problem }) => `${scope} ${problem.code} ${problem.because}`));
    };
    assert.deepEqual(await codes(boundaryPolicy), []);
    assert.deepEqual(await codes({ ...boundaryPolicy, commit: 'another' }), [], 'the same file in another commit');
    assert.deepEqual(await codes({ ...boundaryPolicy, sha256: 'cd'.repeat(32) }), ['run WI3003 the plan was made with the boundary policy with sha256 abababababab, and this run has the boundary policy with sha256 cdcdcdcdcdcd']);
    assert.deepEqual(await codes(undefined), ['run WI3003 the plan was made with the boundary policy with sha256 abababababab, and this run has no boundary policy']);
    assert.deepEqual(await codes(undefined, 'apply'), []);
  });
});
