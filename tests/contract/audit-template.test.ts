import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pipeline, TaskStep } from '../pipeline/compile/model.js';
import { checkPipeline } from '../pipeline/run-pipeline.js';
import type { PipelineWorld } from '../pipeline/world.js';
import { Network } from '../simulators/kernel/network.js';
import { VirtualClock } from '../simulators/kernel/virtual-clock.js';
import { createContoso } from '../simulators/world/contoso.js';
import { contosoPipelineWorld } from '../simulators/world/pipeline-world.js';
import { namesOf, readJson, root } from './tree.js';

describe('the template for audits', () => {
  const nonprod = { name: 'nonprod', serviceConnection: 'contoso-nonprod-audit', variableGroup: 'wi-nonprod' };
  const prod = { name: 'prod', serviceConnection: 'contoso-prod-audit', variableGroup: 'wi-prod' };
  const resources = { repositories: [{ repository: 'here', type: 'git', name: 'here' }] };
  let folder: string;
  let world: PipelineWorld;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'audit-template-'));
    world = contosoPipelineWorld(await createContoso(new Network(new VirtualClock()), ''), { environment: {}, approve: () => true });
  });

  after(() => rmSync(folder, { recursive: true }));

  /** Compiles a pipeline that includes, or extends, the template, by default for both rings. */
  function compile(parameters: object = {}, extend = false): Pipeline {
    const file = join(folder, 'pipeline.yml');
    const use = { template: 'templates/stages/audit.yml@here', parameters: { rings: [nonprod, prod], ...parameters } };
    writeFileSync(file, JSON.stringify({ resources, ...(extend ? { extends: use } : { stages: [use] }) }));
    return checkPipeline({ file, world, tasksFolder: join(root, 'tasks'), repositories: { here: root }, containersOnHost: true });
  }

  const stepsOf = (pipeline: Pipeline, stage: string): string[] => {
    const jobs = pipeline.stages.filter(({ name }) => name === stage).flatMap((one) => one.jobs);
    return jobs.flatMap(({ steps }) => steps.map((step) => (step.kind === 'task' ? step.task : step.kind === 'script' ? step.script : step.kind)));
  };
  const taskIn = (pipeline: Pipeline, stage: string, task: string): TaskStep => {
    const steps = pipeline.stages.filter(({ name }) => name === stage).flatMap(({ jobs }) => jobs.flatMap((job) => job.steps));
    const found = steps.flatMap((step) => (step.kind === 'task' && step.task === task ? [step] : []));
    assert.equal(found.length, 1, `${task} in ${stage}`);
    return found[0] ?? assert.fail();
  };
  const inputsOf = (pipeline: Pipeline, stage: string, task = 'AuditWorkloadIdentity@1'): Readonly<Record<string, string>> =>
    Object.fromEntries([...taskIn(pipeline, stage, task).inputs].map(([name, { text }]) => [name, text]));

  for (const [how, extend] of [['included', false], ['extended', true]] as const) {
    it(`makes a stage with one job for each ring, side by side, when it is ${how}`, () => {
      const { stages } = compile({}, extend);
      assert.deepEqual(stages.map(({ name, dependsOn, condition }) => [name, dependsOn, condition]), [['audit_nonprod', [], undefined], ['audit_prod', [], undefined]]);
      for (const { name, jobs } of stages) assert.deepEqual(jobs.map((job) => [job.name, job.deployment, job.strategy]), [['audit', undefined, undefined]], name);
    });
  }

  it('selects first, audits, and then publishes whatever the audit came to', () => {
    const pipeline = compile({ preSteps: [{ script: 'fetch ledgers' }] });
    for (const stage of ['audit_nonprod', 'audit_prod']) {
      assert.deepEqual(stepsOf(pipeline, stage), ['SelectClusters@1', 'checkout', 'fetch ledgers', 'AuditWorkloadIdentity@1', 'PublishTestResults@2', 'publish']);
    }
    const tests = taskIn(pipeline, 'audit_prod', 'PublishTestResults@2');
    assert.equal(tests.condition?.text, "and(succeededOrFailed(), ne(variables['audit.junitFile'], ''))");
    assert.deepEqual(inputsOf(pipeline, 'audit_prod', 'PublishTestResults@2'), { testResultsFormat: 'JUnit', testResultsFiles: '$(audit.junitFile)', testRunTitle: 'Workload identity audit, prod' });
    const published = pipeline.stages.flatMap(({ jobs }) => jobs.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'publish' ? [step] : []))));
    assert.deepEqual(published.map(({ artifact, path, condition }) => [artifact, path, condition?.text]), ['nonprod', 'prod'].map((ring) => {
      return [`workload-identity-audit-${ring}-$(select.attempt)`, '$(audit.reportFolder)', "and(succeededOrFailed(), ne(variables['audit.reportFolder'], ''))"];
    }));
  });

  it('leaves the Tests tab alone where that is asked for', () => {
    assert.deepEqual(stepsOf(compile({ publishTests: false }), 'audit_prod'), ['SelectClusters@1', 'checkout', 'AuditWorkloadIdentity@1', 'publish']);
  });

  it('audits each ring with its own connection and its own clusters', () => {
    const pipeline = compile({ rings: [nonprod, { ...prod, variableGroup: undefined, clusters: { prd: 'rg-prd/aks-prd' } }] });
    assert.deepEqual(['audit_nonprod', 'audit_prod'].map((stage) => [inputsOf(pipeline, stage).azureSubscription, inputsOf(pipeline, stage, 'SelectClusters@1').azureSubscription]), [
      ['contoso-nonprod-audit', 'contoso-nonprod-audit'],
      ['contoso-prod-audit', 'contoso-prod-audit'],
    ]);
    assert.deepEqual(pipeline.stages.map(({ variables }) => variables.map((one) => (one.kind === 'group' ? one.group : [one.name, JSON.parse(one.value)]))), [['wi-nonprod'], [['clusters', { prd: 'rg-prd/aks-prd' }]]]);
    assert.equal(inputsOf(pipeline, 'audit_prod').clusters, '$(select.clusters)');
  });

  it("takes a ring's own profile and threshold before those of all", () => {
    const measures = (parameters: object): (string | undefined)[] => {
      const pipeline = compile({ rings: [{ ...nonprod, profile: 'nonprod', failOn: 'none' }, prod], ...parameters });
      return ['audit_nonprod', 'audit_prod'].flatMap((stage) => [inputsOf(pipeline, stage).profile, inputsOf(pipeline, stage).failOn]);
    };
    assert.deepEqual(measures({}), ['nonprod', 'none', 'prod', 'high']);
    assert.deepEqual(measures({ audit: { profile: 'policies/audit.yml', failOn: 'medium' } }), ['nonprod', 'none', 'policies/audit.yml', 'medium']);
  });

  it('hands on every input of the task, and only those', () => {
    const ofTheRun = ['azureSubscription', 'clusters', 'deadline'];
    // The artifact is what the template makes of the folder.
    const left = ['reportFolder'];
    const all = namesOf(readJson('tasks/AuditWorkloadIdentity/task.json').inputs);
    const given = Object.fromEntries(all.filter((name) => ![...ofTheRun, ...left].includes(name)).map((name) => [name, `value of ${name}`]));
    const inputs = inputsOf(compile({ audit: given }), 'audit_prod');
    assert.deepEqual(Object.keys(inputs).sort(), all.filter((name) => !left.includes(name)).sort());
    assert.deepEqual(Object.fromEntries(Object.entries(inputs).filter(([name]) => !ofTheRun.includes(name))), given);
  });

  it('lets the task end before the job is stopped', () => {
    const pipeline = compile({ timeoutInMinutes: 45 });
    assert.deepEqual(pipeline.stages.flatMap(({ jobs }) => jobs.map((job) => job.timeoutInMinutes)), [45, 45]);
    assert.deepEqual([inputsOf(pipeline, 'audit_prod', 'SelectClusters@1').timeoutInMinutes, inputsOf(pipeline, 'audit_prod').deadline], ['45', '$(select.deadline)']);
  });

  it('says where jobs run', () => {
    const places = (parameters: object): string[] => compile(parameters).stages.flatMap(({ jobs }) => jobs.map(({ pool, container }) => `${pool ?? ''} ${container?.text ?? ''}`));
    assert.deepEqual(places({}), ['ubuntu-latest ', 'ubuntu-latest ']);
    assert.deepEqual(places({ pool: { name: 'own-agents' }, container: 'ubuntu:24.04' }), ['own-agents ubuntu:24.04', 'own-agents ubuntu:24.04']);
  });
});
