import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Pipeline } from '../pipeline/compile/model.js';
import { checkPipeline } from '../pipeline/run-pipeline.js';
import type { PipelineWorld } from '../pipeline/world.js';
import { Network } from '../simulators/kernel/network.js';
import { VirtualClock } from '../simulators/kernel/virtual-clock.js';
import { createContoso } from '../simulators/world/contoso.js';
import { contosoPipelineWorld } from '../simulators/world/pipeline-world.js';
import { asRecord, namesOf, projectFiles, read, root, tasks } from './tree.js';

describe('templates', () => {
  const files = projectFiles('templates').filter((path) => path.endsWith('.yml'));

  /** The comment at the head of a template. */
  const header = (path: string): readonly string[] => /^(?:#.*\n)+/.exec(read(path))?.[0].split('\n') ?? [];
  /** The names that a header documents, those at this depth. */
  const documented = (path: string, depth: number): readonly string[] => {
    const below = header(path).slice(header(path).indexOf('# Parameters') + 1);
    const names = new RegExp(`^#${' '.repeat(depth)}((?:\\w+, )*\\w+)(?: {2,}\\S| {2,}$|$)`);
    return below.flatMap((line) => names.exec(line)?.[1]?.split(', ') ?? []);
  };

  it('are found', () => {
    assert.ok(files.length >= 4, files.join());
  });

  for (const path of files) {
    it(`document each parameter, and no other: ${path}`, () => {
      const declared = namesOf(asRecord(parse(read(path))).parameters);
      assert.ok(declared.length > 0);
      assert.deepEqual([...documented(path, 3)].sort(), [...declared].sort());
    });
  }

  /** The keys of an object parameter that the text of a template reads. */
  const keysRead = (path: string, object: string): string[] => {
    const all = [...read(path).matchAll(new RegExp(`\\b${object.replace('.', '\\.')}\\.(\\w+)`, 'g'))].map((match) => match[1] ?? '');
    return [...new Set(all)].sort();
  };

  it('document each key of the objects that they take', () => {
    assert.deepEqual([...documented('templates/steps/workload.yml', 5)].sort(), keysRead('templates/steps/workload.yml', 'parameters.workload'));
    assert.deepEqual([...documented('templates/stages/fleet.yml', 15)].sort(), keysRead('templates/stages/fleet.yml', 'ring'));
    assert.deepEqual([...documented('templates/stages/audit.yml', 15)].sort(), keysRead('templates/stages/audit.yml', 'ring'));
    assert.deepEqual([...documented('templates/stages/audit.yml', 5)].sort(), keysRead('templates/stages/audit.yml', 'parameters.audit'));
  });

  describe('in the pipeline of the demo', () => {
    let world: PipelineWorld;
    let pipeline: Pipeline;

    before(async () => {
      world = contosoPipelineWorld(await createContoso(new Network(new VirtualClock()), ''), { environment: {}, approve: () => true });
      pipeline = checkPipeline({ file: join(root, 'tests/fixtures/contoso/azure-pipelines.yml'), root, world, tasksFolder: join(root, 'tasks') });
    });

    it('make two stages for each ring, one after the other', () => {
      const stages = ['plan_nonprod', 'apply_nonprod', 'plan_prod', 'apply_prod'];
      assert.deepEqual(pipeline.stages.map(({ name }) => name), stages);
      assert.deepEqual(pipeline.stages.map(({ dependsOn }) => dependsOn.join()), ['', ...stages.slice(0, -1)]);
    });

    it('run every task that sets something up in each stage, and write in none of the plans', () => {
      const setUp = tasks.filter((task) => task !== 'AuditWorkloadIdentity');
      assert.equal(setUp.length, tasks.length - 1);
      for (const { name, jobs } of pipeline.stages) {
        const steps = jobs.flatMap((job) => job.steps).flatMap((step) => (step.kind === 'task' ? [step] : []));
        assert.deepEqual(steps.map(({ task }) => task.split('@')[0]).sort(), [...setUp].sort(), name);
        const writing = steps.filter(({ task }) => !task.startsWith('SelectClusters@')).map(({ inputs }) => inputs.get('dryRun')?.text.toLowerCase());
        const expected = name.startsWith('plan_') ? 'true' : 'false';
        assert.deepEqual(writing, writing.map(() => expected), name);
      }
    });

    it('put only the writing stages on environments', () => {
      const jobs = pipeline.stages.map(({ jobs: [job] }) => [job?.deployment !== undefined, job?.deployment?.environment.text]);
      assert.deepEqual(jobs, [[false, undefined], [true, 'nonprod'], [false, undefined], [true, 'prod']]);
    });
  });

  describe('of a pipeline of its own', () => {
    const three = ['SelectClusters@1', 'EnableWorkloadIdentity@1', 'FederateServiceAccount@1'];
    const bare = { name: 'nonprod', serviceConnection: 'contoso-nonprod', environment: 'nonprod' };
    const ring = { ...bare, variableGroup: 'wi-nonprod' };
    const fleet = { dev: 'rg-dev/aks-dev', test: { cluster: 'rg-test/aks-test', keyVault: 'rg/kv' } };
    const workload = { boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}' };
    const resources = { repositories: [{ repository: 'here', type: 'git', name: 'here' }] };
    let folder: string;
    let world: PipelineWorld;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'templates-'));
      world = contosoPipelineWorld(await createContoso(new Network(new VirtualClock()), ''), { environment: {}, approve: () => true });
    });

    after(() => rmSync(folder, { recursive: true }));

    /** Compiles a pipeline that includes, or extends, the template for the fleet. */
    function compile(parameters: object, { reason = 'Manual', extend = false } = {}): Pipeline {
      const file = join(folder, 'pipeline.yml');
      const use = { template: 'templates/stages/fleet.yml@here', parameters: { rings: [ring], workload, ...parameters } };
      writeFileSync(file, JSON.stringify({ resources, ...(extend ? { extends: use } : { stages: [use] }) }));
      return checkPipeline({ file, world, tasksFolder: join(root, 'tasks'), repositories: { here: root }, templateVariables: { 'Build.Reason': reason }, containersOnHost: true });
    }

    const tasksOf = ({ stages }: Pipeline): string[] => stages.flatMap(({ jobs }) => jobs.flatMap((job) => job.steps)).flatMap((step) => (step.kind === 'task' ? [step.task] : []));
    const jobsOf = ({ stages }: Pipeline): Record<string, string> => {
      const apply = stages.find(({ name }) => name === 'apply_nonprod')?.jobs ?? [];
      return Object.fromEntries(apply.map(({ name, dependsOn, strategy, deployment }) => [name, `${deployment ? 'deployment ' : ''}${strategy?.kind ?? ''} after ${dependsOn.join()}`]));
    };
    const inputsOf = ({ stages }: Pipeline, task: string, stage: string): Readonly<Record<string, string>>[] => {
      const steps = stages.filter(({ name }) => name === stage).flatMap(({ jobs }) => jobs.flatMap((job) => job.steps));
      return steps.flatMap((step) => (step.kind === 'task' && step.task.startsWith(`${task}@`) ? [Object.fromEntries([...step.inputs].map(([name, { text }]) => [name, text]))] : []));
    };

    it('leave registry and deployment out where the workload has none', () => {
      assert.deepEqual(tasksOf(compile({})), [...three, ...three]);
    });

    it('deploy manifests where the workload has them in the place of a chart', () => {
      const [inputs] = inputsOf(compile({ workload: { ...workload, manifests: 'deploy', conflicts: 'overwrite' } }), 'DeployWithIdentity', 'apply_nonprod');
      assert.deepEqual([inputs?.source, inputs?.manifests, inputs?.conflicts, inputs?.chart ?? ''], ['manifests', 'deploy', 'overwrite', '']);
      const [chart] = inputsOf(compile({ workload: { ...workload, chart: 'charts/x' } }), 'DeployWithIdentity', 'apply_nonprod');
      assert.deepEqual([chart?.source, chart?.manifests ?? ''], ['helm', '']);
    });

    it('take back in the other order, in one job, and deploy nothing', () => {
      const all = { ...workload, registry: 'rg/cr', chart: 'charts/x', prune: true };
      const taking = ['SelectClusters@1', 'GrantRegistryRole@1', 'FederateServiceAccount@1'];
      for (const fanOut of ['fleet', 'matrix', 'each']) {
        const pipeline = compile({ fanOut, rings: [{ ...bare, clusters: fleet }], workload: { ...all, state: 'absent', ledger: 'ledger.jsonl' }, postSteps: [{ script: 'smoke' }] });
        assert.deepEqual(tasksOf(pipeline), [...taking, ...taking], fanOut);
        assert.ok(!JSON.stringify(pipeline).includes('smoke'), fanOut);
        for (const task of ['GrantRegistryRole', 'FederateServiceAccount']) {
          const [inputs] = inputsOf(pipeline, task, 'apply_nonprod');
          assert.deepEqual([inputs?.state, inputs?.prune?.toLowerCase(), inputs?.ledger], ['absent', 'true', 'ledger.jsonl']);
        }
      }
      const present = compile({ workload: all });
      assert.deepEqual(tasksOf(present).slice(0, 5), ['SelectClusters@1', 'EnableWorkloadIdentity@1', 'FederateServiceAccount@1', 'GrantRegistryRole@1', 'DeployWithIdentity@1']);
      assert.equal(inputsOf(present, 'FederateServiceAccount', 'apply_nonprod')[0]?.state, 'present');
    });

    it('may be extended as well as included', () => {
      assert.deepEqual(compile({}, { extend: true }).stages.map(({ name }) => name), ['plan_nonprod', 'apply_nonprod']);
    });

    it('only plan in a pull request, whatever is asked for', () => {
      const pipeline = compile({ workload: { ...workload, chart: 'charts/x' }, fanOut: 'matrix' }, { reason: 'PullRequest' });
      assert.deepEqual(pipeline.stages.map(({ name }) => name), ['plan_nonprod']);
      assert.ok(tasksOf(pipeline).length > 3);
    });

    it('hand the plan of each task from the stage that plans to the one that applies', () => {
      const pipeline = compile({});
      const file = (stage: string): string | undefined => inputsOf(pipeline, 'EnableWorkloadIdentity', stage)[0]?.planFile;
      assert.equal(file('plan_nonprod'), '$(Build.ArtifactStagingDirectory)/workload-identity-plan/enable.json');
      assert.equal(file('apply_nonprod'), '$(Pipeline.Workspace)/workload-identity-plan-nonprod-$(planAttempt)/enable.json');
      const files = ['EnableWorkloadIdentity', 'FederateServiceAccount'].map((task) => inputsOf(pipeline, task, 'apply_nonprod')[0]?.planFile);
      assert.equal(new Set(files).size, 2, 'tasks share a plan file');
      assert.deepEqual(inputsOf(compile({ onDrift: 'apply' }), 'EnableWorkloadIdentity', 'apply_nonprod')[0]?.onDrift, 'apply');
    });

    it('let the tasks end before the job is stopped', () => {
      const pipeline = compile({ timeoutInMinutes: 45 });
      for (const { name, jobs } of pipeline.stages) {
        assert.deepEqual(jobs.map((job) => job.timeoutInMinutes), [45]);
        assert.equal(inputsOf(pipeline, 'SelectClusters', name)[0]?.timeoutInMinutes, '45');
        assert.equal(inputsOf(pipeline, 'FederateServiceAccount', name)[0]?.deadline, '$(select.deadline)');
      }
    });

    it('make legs at run time, and identities and grants once in between', () => {
      const pipeline = compile({ fanOut: 'matrix', maxParallel: 3, workload: { ...workload, chart: 'charts/x', registry: 'rg/cr' } });
      assert.deepEqual(jobsOf(pipeline), { fleet: ' after ', enable: 'matrix after fleet', shared: 'deployment  after fleet,enable', deploy: 'matrix after fleet,shared' });
      const tasks = (job: string): string[] => pipeline.stages[1]?.jobs.find(({ name }) => name === job)?.steps.flatMap((step) => (step.kind === 'task' ? [step.name] : [])) ?? [];
      assert.deepEqual([tasks('fleet'), tasks('enable'), tasks('shared'), tasks('deploy')], [['select'], ['select', 'enable'], ['select', 'federate', 'grant'], ['select', 'deploy']]);
      const strategies = pipeline.stages[1]?.jobs.flatMap(({ strategy }) => strategy ?? []) ?? [];
      assert.deepEqual(strategies.map((strategy) => (strategy.kind === 'matrix' ? strategy.maxParallel : 0)), [3, 3]);
      assert.deepEqual(Object.keys(jobsOf(compile({ fanOut: 'matrix' }))), ['fleet', 'enable', 'shared']);
    });

    it('make a job for each cluster of a mapping, each a deployment of its own', () => {
      const pipeline = compile({ fanOut: 'each', rings: [{ ...bare, clusters: fleet }], workload: { ...workload, chart: 'charts/x' } });
      assert.deepEqual(jobsOf(pipeline), {
        enable_dev: ' after ',
        enable_test: ' after ',
        shared: 'deployment  after enable_dev,enable_test',
        deploy_dev: 'deployment  after shared',
        deploy_test: 'deployment  after shared',
      });
      assert.deepEqual(inputsOf(pipeline, 'SelectClusters', 'apply_nonprod').map(({ leg }) => leg), ['dev', 'test', '', 'dev', 'test']);
      const [{ variables } = { variables: [] }] = pipeline.stages;
      assert.deepEqual(variables.flatMap((one) => (one.kind === 'value' ? [[one.name, JSON.parse(one.value)]] : [])), [['clusters', fleet]]);
    });

    it('say where jobs run and how runs queue up', () => {
      const places = (parameters: object): string[] => compile(parameters).stages.map(({ lockBehavior, jobs }) => `${lockBehavior ?? ''}: ${jobs.map(({ pool, container }) => `${pool ?? ''} ${container?.text ?? ''}`).join()}`);
      assert.deepEqual(places({}), [': ubuntu-latest ', 'sequential: ubuntu-latest ']);
      const given = { pool: { name: 'own-agents' }, container: 'ubuntu:24.04', lockBehavior: 'runLatest' };
      assert.deepEqual(places(given), [': own-agents ubuntu:24.04', 'runLatest: own-agents ubuntu:24.04']);
      assert.deepEqual(places({ ...given, fanOut: 'matrix' }), [': own-agents ubuntu:24.04', `runLatest: ${Array.from({ length: 3 }, () => 'own-agents ubuntu:24.04').join()}`]);
    });

    it('refuse a word that is no way to fan out', () => {
      assert.throws(() => compile({ fanOut: 'sideways' }), /fanOut/);
    });

    it('put steps of the caller around the tasks, where something is planned or deployed', () => {
      const slots = { preSteps: [{ script: 'echo before' }], postSteps: [{ script: 'echo after' }] };
      const scripts = (pipeline: Pipeline): string[] =>
        pipeline.stages.flatMap(({ jobs }) => jobs.map(({ name, steps }) => `${name}: ${steps.map((step) => (step.kind === 'script' ? step.script : step.kind)).join(' ')}`));
      const plan = 'plan: task checkout echo before task task publish';
      assert.deepEqual(scripts(compile(slots)), [plan, 'apply: task checkout download echo before task task echo after']);
      assert.deepEqual(scripts(compile({ ...slots, fanOut: 'matrix' })), [plan, 'fleet: checkout task', 'enable: task checkout download task', 'shared: task checkout download echo before task echo after']);
      const deploying = scripts(compile({ ...slots, fanOut: 'matrix', workload: { ...workload, chart: 'charts/x' } }));
      assert.deepEqual(deploying.slice(-2), ['shared: task checkout download task', 'deploy: task checkout download echo before task echo after']);
    });
  });
});
