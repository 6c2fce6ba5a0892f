import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { MemoryWorld } from '../memory-world.js';
import { describeProblem, PipelineRefused } from '../problems.js';
import { checkPipeline, runPipeline } from '../run-pipeline.js';
import type { RunOptions } from '../run-pipeline.js';
import type { ServiceConnection } from '../world.js';
import type { JobResult, RunResult, StepResult } from './result.js';

/** What a fake task declares besides its name. */
export type FakeManifest = Readonly<Record<string, unknown>>;

/** A finished run with its log. */
export interface Finished {
  readonly result: RunResult;
  readonly lines: readonly string[];
  /** The steps by `Stage.Job.step`. */
  readonly step: (path: string) => StepResult;
  readonly job: (path: string) => JobResult;
}

/** A service connection with a canary in its secret. */
export const connection: ServiceConnection = {
  id: '6f1d3a52-1111-4222-8333-944455556666',
  name: 'sc-dev',
  type: 'AzureRM',
  url: 'https://management.azure.test/',
  scheme: 'ServicePrincipal',
  parameters: { serviceprincipalid: 'client-1', tenantid: 'tenant-1', authenticationType: 'spnKey', serviceprincipalkey: 'canary-key' },
  data: { subscriptionid: 'sub-1', 'Scope Level': 'Subscription' },
};

/** A temporary folder with sources and fake tasks, written by the tests themselves. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-'));
  readonly tasksFolder = join(this.folder, 'tasks');
  readonly sources = join(this.folder, 'sources');

  constructor() {
    mkdirSync(this.tasksFolder);
    mkdirSync(this.sources);
  }

  /** A task whose index.js is this text (CommonJS). */
  task(name: string, code: string, manifest: FakeManifest = {}): void {
    const folder = join(this.tasksFolder, name);
    mkdirSync(folder, { recursive: true });
    const json = {
      id: '00000000-0000-4000-8000-000000000009',
      name,
      friendlyName: `${name} task`,
      description: `Does ${name}`,
      author: 'Contoso',
      helpMarkDown: 'https://example.test/help',
      version: { Major: 1, Minor: 2, Patch: 3 },
      inputs: [],
      execution: { Node20_1: { target: 'index.js' } },
      ...manifest,
    };
    writeFileSync(join(folder, 'task.json'), JSON.stringify(json));
    writeFileSync(join(folder, 'index.js'), code);
  }

  file(path: string, text: string): void {
    mkdirSync(dirname(join(this.sources, path)), { recursive: true });
    writeFileSync(join(this.sources, path), text);
  }

  async run(yaml: string, options: Partial<RunOptions> = {}): Promise<Finished> {
    const lines: string[] = [];
    this.file('pipeline.yml', yaml);
    const result = await runPipeline({ file: join(this.sources, 'pipeline.yml'), world: new MemoryWorld(), tasksFolder: this.tasksFolder, output: (line) => lines.push(line), ...options });
    const job = (path: string): JobResult => {
      const [stageName = '', jobName = ''] = path.split('.');
      const found = result.stages.find((stage) => stage.name === stageName)?.jobs.find((one) => one.name === jobName);
      if (found === undefined) throw new Error(`No job ${path}.`);
      return found;
    };
    const step = (path: string): StepResult => {
      const found = job(path).steps.find((one) => one.name === path.split('.')[2]);
      if (found === undefined) throw new Error(`No step ${path}.`);
      return found;
    };
    return { result, lines, step, job };
  }

  /** The problems for which a pipeline is refused before it runs; none when it is not. */
  refusals(yaml: string, options: Partial<RunOptions> = {}): readonly string[] {
    this.file('pipeline.yml', yaml);
    try {
      checkPipeline({ file: join(this.sources, 'pipeline.yml'), world: new MemoryWorld(), tasksFolder: this.tasksFolder, ...options });
      return [];
    } catch (error) {
      if (error instanceof PipelineRefused) return error.problems.map(describeProblem);
      throw error;
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
