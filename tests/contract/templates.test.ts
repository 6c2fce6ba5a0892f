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
  });

  describe('in the pipeline of the demo', () => {
    const three = ['SelectClusters@1', 'EnableWorkloadIdentity@1', 'FederateServiceAccount@1'];
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

    it('run every task in each stage, and write in none of the plans', () => {
      for (const { name, jobs } of pipeline.stages) {
        const steps = jobs.flatMap((job) => job.steps).flatMap((step) => (step.kind === 'task' ? [step] : []));
        assert.deepEqual(steps.map(({ task }) => task.split('@')[0]).sort(), [...tasks].sort(), name);
        const writing = steps.filter(({ task }) => !task.startsWith('SelectClusters@')).map(({ inputs }) => inputs.get('dryRun')?.text.toLowerCase());
        const expected = name.startsWith('plan_') ? 'true' : 'false';
        assert.deepEqual(writing, writing.map(() => expected), name);
      }
    });

    it('leave registry and deployment out where the workload has none', () => {
      const folder = mkdtempSync(join(tmpdir(), 'templates-'));
      try {
        const file = join(folder, 'pipeline.yml');
        const ring = { name: 'nonprod', serviceConnection: 'contoso-nonprod', variableGroup: 'wi-nonprod', environment: 'nonprod' };
        const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}' };
        const resources = { repositories: [{ repository: 'here', type: 'git', name: 'here' }] };
        writeFileSync(file, JSON.stringify({ resources, stages: [{ template: 'templates/stages/fleet.yml@here', parameters: { rings: [ring], workload } }] }));
        const small = checkPipeline({ file, world, tasksFolder: join(root, 'tasks'), repositories: { here: root } });
        const steps = small.stages.flatMap(({ jobs }) => jobs.flatMap((job) => job.steps)).flatMap((step) => (step.kind === 'task' ? [step.task] : []));
        assert.deepEqual(steps, [...three, ...three]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    it('put only the writing stages on environments', () => {
      const jobs = pipeline.stages.map(({ jobs: [job] }) => [job?.deployment !== undefined, job?.deployment?.environment.text]);
      assert.deepEqual(jobs, [[false, undefined], [true, 'nonprod'], [false, undefined], [true, 'prod']]);
    });
  });
});
