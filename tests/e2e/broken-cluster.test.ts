import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startContoso, type ContosoRun, type ContosoStage } from '../demo/contoso-run.js';
import { clusters } from '../simulators/world/contoso.js';
import { builtTasks, root } from './built-tasks.js';
import { assertError, proofsOf } from './run-facts.js';

const { dev, test, prd } = clusters;
const oneRing = join(root, 'tests/fixtures/contoso/one-ring.yml');
const silent = (): void => undefined;
const stopped = { powerState: { code: 'Stopped' } };
const running = { powerState: { code: 'Running' } };
const old = { kubernetesVersion: '1.26.6', currentKubernetesVersion: '1.26.6' };
const tooOld = { what: 'runs Kubernetes 1.26.6', because: 'at least 1.27 is asked for (input minimumKubernetesVersion)', remedy: 'upgrade the cluster and run again' };
const notRunning = ({ group, name }: { readonly group: string; readonly name: string }): typeof tooOld => {
  return { what: 'is stopped', because: 'a stopped cluster accepts nothing but start and delete', remedy: `start it (az aks start --resource-group ${group} --name ${name}) and run again` };
};

/** The proofs of a run, with their clusters. */
function levels(run: ContosoRun): string[] {
  return proofsOf(run).map(({ cluster, level }) => `${cluster ?? ''} ${level}`).sort();
}

/** What the three proofs of a served cluster say. */
function proven(...names: readonly string[]): string[] {
  return names.flatMap((name) => [`${name} exercised`, `${name} exercised`, `${name} observed`]).sort();
}

function resultsOf({ result }: ContosoRun): string[] {
  return result.stages.map((stage) => `${stage.name} ${stage.result}`);
}

/** The run's whole result names the cluster, the reason and what to do; it names no other cluster as failed. */
function assertNamed(run: ContosoRun, cluster: string, { what, because, remedy }: { what: string; because: string; remedy: string }): void {
  assert.equal(run.result.result, 'Failed');
  assertError(run, `Cluster ${cluster} ${what}, because ${because}; ${remedy}`);
  const failed = run.reports.flatMap(({ report }) => report.fates.filter(({ result }) => result === 'failed'));
  assert.deepEqual([...new Set(failed.map((fate) => fate.cluster))], [cluster]);
  const summaries = run.result.stages.flatMap(({ jobs }) => jobs.flatMap(({ steps }) => steps.flatMap((step) => step.summaries)));
  assert.ok(summaries.some((text) => [what, because].every((part) => text.includes(part)) && text.includes(cluster)), 'no summary names it');
}

describe('a broken cluster in the last ring', () => {
  let stage: ContosoStage;

  before(async () => {
    await builtTasks();
    stage = await startContoso();
  });

  after(() => stage.close());

  it('with Kubernetes 1.26 ends the run after the other ring is finished and proven', async () => {
    stage.world.arm.clusters.edit(prd.name, old);
    const run = await stage.run(silent);
    assertNamed(run, prd.name, tooOld);
    assert.deepEqual(resultsOf(run), ['plan_nonprod Succeeded', 'apply_nonprod Succeeded', 'plan_prod Failed', 'apply_prod Skipped']);
    assert.deepEqual(levels(run), proven(dev.name, test.name));
    assert.ok(run.writes.every(({ service, wrote = '' }) => !service.includes(prd.name) && !wrote.includes(prd.name)), 'the old cluster was written to');
  });
});

describe('a broken cluster among the others of its ring', () => {
  let stage: ContosoStage;

  before(async () => {
    await builtTasks();
    stage = await startContoso();
  });

  after(() => stage.close());

  it('when stopped does not keep the other two from being finished and proven', async () => {
    stage.world.arm.clusters.edit(test.name, stopped);
    const run = await stage.run(silent, { file: oneRing });
    assertNamed(run, test.name, notRunning(test));
    assert.deepEqual(resultsOf(run), ['plan_all SucceededWithIssues', 'apply_all Failed']);
    assert.deepEqual(levels(run), [...proven(dev.name, prd.name), ...Array.from({ length: 3 }, () => `${test.name} skipped`)].sort());
    assert.ok(run.writes.every(({ service, wrote = '' }) => !service.includes(test.name) && !wrote.includes(test.name)), 'the stopped cluster was written to');
    assert.ok(run.lines.some((line) => line.includes(dev.name) && line.includes(prd.name) && /done/i.test(line)), 'the log does not say who is done');
  });

  it('with Kubernetes 1.26 is refused, and the other two stay proven', async () => {
    stage.world.arm.clusters.edit(test.name, { ...running, ...old });
    const run = await stage.run(silent, { file: oneRing });
    assertNamed(run, test.name, tooOld);
    assert.deepEqual(resultsOf(run), ['plan_all SucceededWithIssues', 'apply_all Failed']);
    assert.deepEqual(levels(run), [...proven(dev.name, prd.name), ...Array.from({ length: 3 }, () => `${test.name} skipped`)].sort());
    assert.deepEqual(run.writes, []);
  });

  it('is finished by the next run once it is repaired, and nothing else is written', async () => {
    stage.world.arm.clusters.edit(test.name, { kubernetesVersion: '1.30.4', currentKubernetesVersion: '1.30.4' });
    const run = await stage.run(silent, { file: oneRing });
    assert.equal(run.result.result, 'Succeeded', run.lines.join('\n'));
    assert.deepEqual(levels(run), proven(dev.name, test.name, prd.name));
    assert.ok(run.writes.length > 0);
    const changes = run.reports.flatMap(({ report }) => report.changes.filter(({ outcome }) => outcome === 'done'));
    assert.deepEqual([...new Set(changes.map(({ cluster }) => cluster))], [test.name]);
  });
});
