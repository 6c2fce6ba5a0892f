import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../tasks/_shared/reconcile/clock.js';
import { testClockVariable } from '../../tasks/_shared/agent/test-clock.js';
import { reportType, type Report } from '../../tasks/_shared/report/schema.js';
import type { RunResult, StepResult } from '../pipeline/run/result.js';
import { runPipeline } from '../pipeline/run-pipeline.js';
import type { PipelineWorld } from '../pipeline/world.js';
import { createCertificateAuthority } from '../simulators/kernel/certificate-authority.js';
import { LoopbackNetwork } from '../simulators/kernel/loopback-network.js';
import type { LoggedRequest } from '../simulators/kernel/request-log.js';
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
  /** Folder of this stage: certificate authority, kubeconfigs of `--keep`. Removed by `close`. */
  readonly folder: string;
  readonly certificateAuthority: string;
  /** Runs the fixture pipeline with the bundled tasks. */
  run(output: (line: string) => void): Promise<ContosoRun>;
  close(): Promise<void>;
}

/** One run of the pipeline with what the simulators counted meanwhile. */
export interface ContosoRun {
  readonly result: RunResult;
  /** Everything that was printed. */
  readonly lines: readonly string[];
  readonly requests: readonly LoggedRequest[];
  readonly writes: readonly LoggedRequest[];
  /** The tasks' reports with the stage they were attached in, in order. */
  readonly reports: readonly { readonly stage: string; readonly report: Report }[];
}

/** Which helm deploys. */
export interface StageOptions {
  readonly helm?: 'helm3' | 'helm4';
}

/** Starts the world. Delays are those that the services are known for, on a clock that goes 20 times as fast. */
export async function startContoso(options: StageOptions = {}): Promise<ContosoStage> {
  const authority = await createCertificateAuthority(new Date());
  const network = new LoopbackNetwork(systemClock(rate), authority.server);
  const world = await createContoso(network, authority.certificate);
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
    PATH: [dirname(tools[options.helm ?? 'helm4']), process.env.PATH ?? ''].join(delimiter),
  };
  const pipelineWorld = contosoPipelineWorld(world, { environment, approve: () => true });
  return {
    world,
    pipelineWorld,
    folder,
    certificateAuthority: authority.certificate,
    run: (output) => runOnce(world, pipelineWorld, output),
    close: async () => {
      await world.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function runOnce(world: World, pipelineWorld: PipelineWorld, output: (line: string) => void): Promise<ContosoRun> {
  const lines: string[] = [];
  world.network.log.clear();
  const result = await runPipeline({
    file: join(root, 'tests/fixtures/contoso/azure-pipelines.yml'),
    root,
    world: pipelineWorld,
    tasksFolder: join(root, 'build/tasks'),
    definitionName: 'orders-api',
    output: (line) => {
      lines.push(line);
      output(line);
    },
  });
  const { log } = world.network;
  return { result, lines, requests: log.all(), writes: log.writes(), reports: reportsOf(result) };
}

function reportsOf(result: RunResult): ContosoRun['reports'] {
  const steps = result.stages.flatMap((stage) => stage.jobs.flatMap((job) => job.steps.map((step) => ({ stage: stage.name, step }))));
  return steps.flatMap(({ stage, step }) => reportIn(step).map((report) => ({ stage, report })));
}

function reportIn(step: StepResult): Report[] {
  return step.attachments.filter(({ type }) => type === reportType).map(({ content }) => JSON.parse(content) as Report);
}
