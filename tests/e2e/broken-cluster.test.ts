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

/** What the four proofs of a served cluster say. */
function proven(...names: readonly string[]): string[] {
  return names.flatMap((name) => [`${name} exercised`, `${name} exercised`, `${name} exercised`, `${name} exercised`]).sort();
}

/** What they say of a cluster that was left alone. */
function unproven(name: string): string[] {
  return Array.from({ length: 4 }, () => `${name} skipped`);
}

/** No write reached the cluster or an object that is named after it. */
function assertUntouched(run: ContosoRun, name: string): void {
  assert.ok(run.writes.length > 0);
  assert.deepEqual(run.writes.filter(({ service, wrote = '' }) => service.includes(name) || wrote.includes(name)), []);
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

/** Kubernetes 1.26 in the last ring. */
async function lastRing(stage: ContosoStage): Promise<ContosoRun> {
  stage.world.arm.clusters.edit(prd.name, old);
  return stage.run(silent);
}

/** One cluster of three in one ring: first stopped, then started but with Kubernetes 1.26, then repaired. */
async function oneOfThree(stage: ContosoStage): Promise<{ readonly whenStopped: ContosoRun; readonly whenOld: ContosoRun; readonly repaired: ContosoRun }> {
  const { clusters: fleet } = stage.world.arm;
  fleet.edit(test.name, stopped);
  const whenStopped = await stage.run(silent, { file: oneRing });
  fleet.edit(test.name, { ...running, ...old });
  const whenOld = await stage.run(silent, { file: oneRing });
  fleet.edit(test.name, { kubernetesVersion: '1.30.4', currentKubernetesVersion: '1.30.4' });
  return { whenStopped, whenOld, repaired: await stage.run(silent, { file: oneRing }) };
}

describe('a broken cluster', function () {
  this.timeout(180_000);
  const stages: ContosoStage[] = [];
  let last: ContosoRun;
  let runs: Awaited<ReturnType<typeof oneOfThree>>;

  /** Both worlds at once: their runs wait a lot. */
  before(async () => {
    await builtTasks();
    stages.push(await startContoso(), await startContoso());
    const [first, second] = stages;
    assert.ok(first !== undefined && second !== undefined);
    [last, runs] = await Promise.all([lastRing(first), oneOfThree(second)]);
  });

  after(() => Promise.all(stages.map((stage) => stage.close())));

  it('with Kubernetes 1.26 in the last ring ends the run after the other ring is finished and proven', () => {
    assertNamed(last, prd.name, tooOld);
    assert.deepEqual(resultsOf(last), ['plan_nonprod Succeeded', 'apply_nonprod Succeeded', 'plan_prod Failed', 'apply_prod Skipped']);
    assert.deepEqual(levels(last), proven(dev.name, test.name));
    assertUntouched(last, prd.name);
  });

  it('that is stopped does not keep the others of its ring from being finished and proven', () => {
    assertNamed(runs.whenStopped, test.name, notRunning(test));
    assert.deepEqual(resultsOf(runs.whenStopped), ['plan_all SucceededWithIssues', 'apply_all Failed']);
    assert.deepEqual(levels(runs.whenStopped), [...proven(dev.name, prd.name), ...unproven(test.name)].sort());
    assertUntouched(runs.whenStopped, test.name);
    assert.ok(runs.whenStopped.lines.includes(`Done     ${dev.name}, ${prd.name}`), 'the log does not say who is done');
  });

  it('with Kubernetes 1.26 is refused, and the others of its ring stay proven', () => {
    assertNamed(runs.whenOld, test.name, tooOld);
    assert.deepEqual(resultsOf(runs.whenOld), ['plan_all SucceededWithIssues', 'apply_all Failed']);
    assert.deepEqual(levels(runs.whenOld), [...proven(dev.name, prd.name), ...unproven(test.name)].sort());
    assert.deepEqual(runs.whenOld.writes, []);
  });

  it('is finished by the next run once it is repaired, and nothing else is written', () => {
    const { repaired } = runs;
    assert.equal(repaired.result.result, 'Succeeded', repaired.lines.join('\n'));
    assert.deepEqual(levels(repaired), proven(dev.name, test.name, prd.name));
    assert.ok(repaired.writes.length > 0);
    const changes = repaired.reports.flatMap(({ report }) => report.changes.filter(({ outcome }) => outcome === 'done'));
    assert.deepEqual([...new Set(changes.map(({ cluster }) => cluster))], [test.name]);
  });
});
