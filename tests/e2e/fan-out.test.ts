import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startContoso, type ContosoRun, type ContosoStage } from '../demo/contoso-run.js';
import type { ParameterValue } from '../pipeline/compile/compile.js';
import { clusterId, clusters } from '../simulators/world/contoso.js';
import { builtTasks, root } from './built-tasks.js';
import { assertError, made, proofsOf, stepsOf } from './run-facts.js';

const oneRing = join(root, 'tests/fixtures/contoso/one-ring.yml');
const names = Object.values(clusters).map(({ name }) => name);
const legs = names.map((name) => name.replaceAll('-', '_')).sort();
const silent = (): void => undefined;

interface Runs {
  readonly matrix: ContosoRun;
  readonly each: ContosoRun;
  readonly drifted: ContosoRun;
  readonly accepted: ContosoRun;
}

/** Runs the fleet with a job for each cluster, then plans with somebody at work between plan and apply. */
async function runsOf(stage: ContosoStage): Promise<Runs> {
  const run = (parameters: Readonly<Record<string, ParameterValue>>, meanwhile?: () => void): Promise<ContosoRun> => {
    const approve = (name: string): boolean => {
      if (name === 'apply_all') meanwhile?.();
      return true;
    };
    const pipelineWorld = { ...stage.pipelineWorld, approve };
    return stage.run(silent, { file: oneRing, parameters, ...(meanwhile === undefined ? {} : { pipelineWorld }) });
  };
  const loseCredentials = (name: string) => (): void => {
    stage.world.arm.identities.find(`id-orders-${name}`).credentials.remove();
  };
  const matrix = await run({ fanOut: 'matrix' });
  const fleet = { dev: clusterId('dev'), test: { cluster: clusterId('test') }, prd: clusterId('prd') };
  const each = await run({ fanOut: 'each', clusters: fleet });
  const drifted = await run({}, loseCredentials(clusters.dev.name));
  const accepted = await run({ onDrift: 'apply' }, loseCredentials(clusters.test.name));
  return { matrix, each, drifted, accepted };
}

/** The jobs of the apply stage, each with the names of its copies. */
function jobsOf({ result }: ContosoRun): Record<string, string[]> {
  const jobs = result.stages.find(({ name }) => name === 'apply_all')?.jobs ?? [];
  return Object.fromEntries(jobs.map(({ name, instances }) => [name, instances.map((instance) => instance.name).sort()]));
}

function assertProven(run: ContosoRun): void {
  assert.equal(run.result.result, 'Succeeded', run.lines.join('\n'));
  assert.deepEqual(proofsOf(run).map(({ cluster }) => cluster ?? '').sort(), names.flatMap((name) => [name, name, name, name]).sort());
}

describe('a job for each cluster, and a plan that changes', function () {
  this.timeout(240_000);
  let stage: ContosoStage;
  let runs: Runs;

  before(async () => {
    await builtTasks();
    stage = await startContoso();
    runs = await runsOf(stage);
  });

  after(() => stage.close());

  it('takes the fleet from nothing to proven access in legs, with identities and grants made once for all', () => {
    assert.deepEqual(jobsOf(runs.matrix), { fleet: ['__default'], enable: legs, shared: ['Deploy'], deploy: legs });
    assertProven(runs.matrix);
    const reports = runs.matrix.reports.filter((entry) => entry.stage === 'apply_all').map(({ report }) => `${report.task} ${report.clusters.length}`);
    const perLeg = (task: string): string[] => names.map(() => `${task} 1`);
    assert.deepEqual(reports.sort(), [...perLeg('DeployWithIdentity'), ...perLeg('EnableWorkloadIdentity'), 'FederateServiceAccount 3', 'GrantRegistryRole 3']);
  });

  it('holds each leg to the plan of the whole fleet', () => {
    const approved = runs.matrix.lines.filter((line) => line.includes('Approved plan '));
    assert.equal(approved.length, 2 * names.length + 2, 'not every leg followed the plan');
    assert.ok(made(runs.matrix, 'apply_all').length > 0);
  });

  it('writes nothing when the same fleet is served by jobs known at compile time', () => {
    const enable = ['enable_dev', 'enable_prd', 'enable_test'];
    const deploy = ['deploy_dev', 'deploy_prd', 'deploy_test'];
    assert.deepEqual(Object.keys(jobsOf(runs.each)).sort(), [...deploy, ...enable, 'shared']);
    assertProven(runs.each);
    assert.deepEqual(runs.each.writes, []);
  });

  it('refuses to apply what nobody approved, and writes nothing at all', () => {
    const { drifted } = runs;
    assert.equal(drifted.result.result, 'Failed');
    assert.deepEqual(drifted.writes, []);
    assertError(drifted, 'To create federated credential orders/api was not approved, because the approved plan leaves it as it is, and now: no credential trusts this service account');
    const refused = stepsOf(drifted, 'apply_all').filter(({ result }) => result === 'Failed').map(({ name }) => name);
    assert.deepEqual(refused, ['federate', 'grant', 'deploy'], 'the pods run, and their token is worth nothing at Entra');
  });

  it('applies it where that is wanted, and shows the difference', () => {
    const { accepted } = runs;
    assertProven(accepted);
    assert.ok(accepted.lines.some((line) => line.includes('applied all the same (onDrift: apply)')));
    assert.deepEqual(made(accepted, 'apply_all').map(({ kind, cluster }) => `${kind} ${cluster ?? ''}`).sort(), [`federated credential ${clusters.dev.name}`, `federated credential ${clusters.test.name}`]);
  });
});
