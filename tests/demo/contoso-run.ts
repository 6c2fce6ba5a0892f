import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../tasks/_shared/reconcile/clock.js';
import { testClockVariable } from '../../tasks/_shared/agent/test-clock.js';
import { reportType, type Report } from '../../tasks/_shared/report/schema.js';
import type { RunResult, StepResult } from '../pipeline/run/result.js';
import { runPipeline, type RunOptions } from '../pipeline/run-pipeline.js';
import type { PipelineWorld } from '../pipeline/world.js';
import { createCertificateAuthority } from '../simulators/kernel/certificate-authority.js';
import { LoopbackNetwork } from '../simulators/kernel/loopback-network.js';
import type { LoggedRequest } from '../simulators/kernel/request-log.js';
import { RealKubernetes } from '../real-kubernetes/real-kubernetes.js';
import type { KubernetesApiOptions } from '../simulators/kubernetes/options.js';
import { createContoso } from '../simulators/world/contoso.js';
import { contosoPipelineWorld } from '../simulators/world/pipeline-world.js';
import type { World } from '../simulators/world/world.js';
import { kubeTools } from '../tools/kube-tools.js';

/** How much faster than real time the simulated services and the tasks' waits go. */
const rate = 20;
const root = fileURLToPath(new URL('../../', import.meta.url));

/** The contoso world behind HTTPS listeners, with everything its pipeline needs. */
export interface ContosoStage {
  readonly world: World;
  readonly pipelineWorld: PipelineWorld;
  /** Whether real API servers stand behind the clusters. */
  readonly real: boolean;
  /** Folder of this stage: certificate authority, kubeconfigs of `--keep`. Removed by `close`. */
  readonly folder: string;
  readonly certificateAuthority: string;
  /** Environment of every task: certificates, the clock's rate, PATH. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs the fixture pipeline, or another one, with the bundled tasks. */
  run(output: (line: string) => void, other?: OtherRun): Promise<ContosoRun>;
  close(): Promise<void>;
}

/** What a run may do differently from the demo's. */
export interface OtherRun extends Partial<Omit<RunOptions, 'world' | 'output'>> {
  /** What stands around the pipeline, e.g. to look at what it hands out. */
  readonly pipelineWorld?: PipelineWorld;
}

/** One run of the pipeline with what the simulators counted meanwhile. */
export interface ContosoRun {
  readonly result: RunResult;
  /** Everything that was printed. */
  readonly lines: readonly string[];
  readonly requests: readonly LoggedRequest[];
  readonly writes: readonly LoggedRequest[];
  /** The writes by the stage that ran when they came. Only stages with protected resources are told apart; all of the demo's have some. */
  readonly stageWrites: ReadonlyMap<string, readonly LoggedRequest[]>;
  /** The tasks' reports with the stage they were attached in, in order. */
  readonly reports: readonly { readonly stage: string; readonly report: Report }[];
}

/** Which helm deploys. */
export interface StageOptions {
  readonly helm?: 'helm3' | 'helm4';
  /** Folder that comes first on the PATH of every task. */
  readonly programs?: string;
  /** Folder of etcd and Kubernetes' own programs: real API servers stand behind the clusters then. */
  readonly assets?: string;
}

/** Starts the world. Delays are those that the services are known for, on a clock that goes 20 times as fast. */
export async function startContoso(options: StageOptions = {}): Promise<ContosoStage> {
  const authority = await createCertificateAuthority(new Date());
  const network = new LoopbackNetwork(systemClock(rate), authority.server);
  const started: RealKubernetes[] = [];
  const { assets } = options;
  const apiServers = async (parts: KubernetesApiOptions): Promise<RealKubernetes> => {
    const api = await RealKubernetes.start(parts, assets ?? '');
    started.push(api);
    return api;
  };
  const stopServers = async (): Promise<void> => {
    await Promise.all(started.map((api) => api.stop()));
  };
  const world = await createContoso(network, authority.certificate, assets === undefined ? undefined : apiServers).catch(async (error: unknown) => {
    await stopServers();
    throw error;
  });
  world.arm.clusters.knobs.updateMs = 20_000;
  world.entra.knobs.credentialVisibleMs = 5_000;
  world.roles.effectMs = 5_000;
  world.directory.replicationMs = 3_000;
  const folder = await mkdtemp(join(tmpdir(), 'contoso-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.certificate);
  const tools = await kubeTools();
  const environment = {
    NODE_EXTRA_CA_CERTS: caFile,
    [testClockVariable]: String(rate),
    PATH: [...(options.programs === undefined ? [] : [options.programs]), dirname(tools[options.helm ?? 'helm4']), process.env.PATH ?? ''].join(delimiter),
  };
  const marks: Mark[] = [];
  const approve = (stage: string): boolean => {
    marks.push({ stage, before: world.network.log.all().length });
    return true;
  };
  const pipelineWorld = contosoPipelineWorld(world, { environment, approve });
  return {
    world,
    pipelineWorld,
    real: assets !== undefined,
    folder,
    certificateAuthority: authority.certificate,
    environment,
    run: (output, other = {}) => {
      marks.length = 0;
      return runOnce(world, { ...other, pipelineWorld: other.pipelineWorld ?? pipelineWorld }, marks, output);
    },
    close: async () => {
      await world.close();
      await stopServers();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** How many requests had been answered when a stage began. */
interface Mark {
  readonly stage: string;
  readonly before: number;
}

async function runOnce(world: World, run: OtherRun & { readonly pipelineWorld: PipelineWorld }, marks: readonly Mark[], output: (line: string) => void): Promise<ContosoRun> {
  const lines: string[] = [];
  world.network.log.clear();
  const { pipelineWorld, ...options } = run;
  const result = await runPipeline({
    file: join(root, 'tests/fixtures/contoso/azure-pipelines.yml'),
    root,
    tasksFolder: join(root, 'build/tasks'),
    definitionName: 'orders-api',
    ...options,
    world: pipelineWorld,
    output: (line) => {
      lines.push(line);
      output(line);
    },
  });
  const { log } = world.network;
  const stageWrites = new Map(marks.map(({ stage, before }, index) => [stage, log.all().slice(before, marks[index + 1]?.before).filter(({ wrote }) => wrote !== undefined)]));
  return { result, lines, requests: log.all(), writes: log.writes(), stageWrites, reports: reportsOf(result) };
}

function reportsOf(result: RunResult): ContosoRun['reports'] {
  const steps = result.stages.flatMap((stage) => stage.jobs.flatMap((job) => job.steps.map((step) => ({ stage: stage.name, step }))));
  return steps.flatMap(({ stage, step }) => reportIn(step).map((report) => ({ stage, report })));
}

function reportIn(step: StepResult): Report[] {
  return step.attachments.filter(({ type }) => type === reportType).map(({ content }) => JSON.parse(content) as Report);
}
