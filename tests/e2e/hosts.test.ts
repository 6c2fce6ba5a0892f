import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startContoso, type ContosoStage } from '../demo/contoso-run.js';
import { idOf } from '../simulators/azure/directory.js';
import { clusterId, clusters, project } from '../simulators/world/contoso.js';
import { kubeTools } from '../tools/kube-tools.js';
import { otherMajors, otherNode } from '../tools/other-nodes.js';
import { builtTasks, root } from './built-tasks.js';
import { runBundled, type TaskRun, type TaskStart } from './bundled-task.js';
import { connection, goodEnd, goodInputs, taskNames, type Inputs, type TaskName } from './task-inputs.js';

describe('the bundled tasks on every host', () => {
  let stage: ContosoStage;
  let folder: string;

  before(async () => {
    await builtTasks();
    stage = await startContoso();
    folder = mkdtempSync(join(tmpdir(), 'Agent für alle -'));
  });

  beforeEach(() => stage.world.network.log.clear());

  after(async () => {
    await stage.close();
    rmSync(folder, { recursive: true });
  });

  async function runAll(inputs: Readonly<Record<TaskName, Inputs>>, start: Omit<TaskStart, 'inputs'>): Promise<Map<TaskName, TaskRun>> {
    const ended = new Map<TaskName, TaskRun>();
    for (const task of taskNames) {
      const run = await runBundled(stage, task, connection.name, { ...start, inputs: inputs[task] });
      assert.ok(run.lines.at(-1)?.startsWith(`##vso[task.complete result=${goodEnd(task)};]`), `${task}\n${run.lines.join('\n')}\n${run.stderr}`);
      assert.equal(run.stderr, '', task);
      ended.set(task, run);
    }
    return ended;
  }

  for (const major of otherMajors) {
    it(`work on Node ${major}`, async () => {
      const node = otherNode(major);
      assert.match(execFileSync(node, ['--version'], { encoding: 'utf8' }), new RegExp(`^v${major}\\.`));
      await runAll(goodInputs('dev'), { node });
      assert.ok(stage.world.network.log.writes().some(({ wrote }) => wrote === 'deployments.apps orders/orders-api'));
    });
  }

  it('work in a release: no variable of a build, another address, no request address for tokens, and odd paths', async () => {
    const { world, pipelineWorld } = stage;
    const sources = join(folder, 'r 1', 'a');
    const temp = join(folder, 'r 1', '_temp ü');
    for (const path of [sources, temp]) mkdirSync(path, { recursive: true });
    const inputs = await artifacts(sources);
    const { collectionUri, ...variables } = release(stage, sources, temp);
    await runAll(inputs, { temp, environment: { ...variables, SYSTEM_COLLECTIONURI: collectionUri } });

    const tokens = world.network.log.all('devops').filter(({ path }) => path.includes('oidctoken'));
    assert.ok(tokens.length >= taskNames.length - 1);
    for (const { path } of tokens) assert.match(path, /\/hubs\/release\/plans\//);
    assert.ok(world.network.log.writes().some(({ wrote }) => wrote === 'deployments.apps orders/orders-api'));
    const deployed = world.clusters.get(clusters.test.name)?.find('Deployment', 'orders', 'orders-api');
    assert.deepEqual((deployed?.spec as { replicas?: number } | undefined)?.replicas, 2, 'the last values file wins');
    assert.notEqual(collectionUri, pipelineWorld.organisation.collectionUri);

    assert.ok(!existsSync(join(temp, '.kube')), 'helm leaves nothing in the home directory');
    const reports = readdirSync(temp, { recursive: true, encoding: 'utf8' }).filter((name) => /((Enable|Federate|Grant|Deploy)\w+|AuditWorkloadIdentity)\.json$/.test(name));
    const texts = reports.map((name) => readFileSync(join(temp, name), 'utf8'));
    assert.equal(texts.length, taskNames.length - 1);
    for (const text of texts) assert.equal((JSON.parse(text) as { run: string }).run, 'orders to production Release-7, job Agent job, attempt 2');
  });

  it('speak to the agent only in commands that a release knows', async () => {
    const { collectionUri, ...variables } = release(stage, root, join(folder, 'commands'));
    mkdirSync(join(folder, 'commands'));
    const inputs = { ...goodInputs('test').EnableWorkloadIdentity, dryRun: 'true' };
    const { output } = await runBundled(stage, 'EnableWorkloadIdentity', connection.name, { inputs, environment: { ...variables, SYSTEM_COLLECTIONURI: collectionUri } });
    const commands = new Set([...output.matchAll(/^##vso\[([\w.]+)/gm)].map(([, command]) => command));
    // Source: azure-devops-docs, logging commands; `artifact.*` and `build.*` fail outside of builds.
    for (const command of commands) assert.match(command ?? '', /^task\.(debug|setsecret|setvariable|settaskvariable|uploadsummary|addattachment|logissue|complete)$/);
    assert.ok(commands.has('task.uploadsummary') && commands.has('task.addattachment'));
  });

  /** What an earlier step of the release has downloaded: a chart, its values, a list of clusters; and a helm of the agent's own. */
  async function artifacts(sources: string): Promise<Record<TaskName, Inputs>> {
    const drop = join(sources, '_orders (CI)', 'dröp');
    mkdirSync(drop, { recursive: true });
    cpSync(join(root, 'tests/fixtures/contoso/charts/orders-api'), join(drop, 'my chart'), { recursive: true });
    writeFileSync(join(drop, 'werte 1.yaml'), '\uFEFFreplicaCount: 1\r\n');
    writeFileSync(join(drop, 'werte 2.yaml'), 'replicaCount: 2\r\n');
    writeFileSync(join(drop, 'my clusters.txt'), `\uFEFF${clusterId('test')}\r\n`);
    const { helm4 } = await kubeTools();
    const helm = join(folder, 'Pro gramme', 'hëlm');
    mkdirSync(join(helm, '..'));
    symlinkSync(helm4, helm);
    const good = goodInputs('test');
    const clusters = '@_orders (CI)/dröp/my clusters.txt';
    const valuesFiles = ['werte 1.yaml', 'werte 2.yaml'].map((name) => join(drop, name)).join('\n');
    return {
      SelectClusters: good.SelectClusters,
      EnableWorkloadIdentity: { ...good.EnableWorkloadIdentity, clusters },
      FederateServiceAccount: { ...good.FederateServiceAccount, clusters },
      GrantRegistryRole: { ...good.GrantRegistryRole, clusters },
      AuditWorkloadIdentity: { ...good.AuditWorkloadIdentity, clusters },
      DeployWithIdentity: { ...good.DeployWithIdentity, clusters, chart: join(drop, 'my chart'), valuesFiles, helmPath: helm },
    };
  }
});

/** The variables of a classic release's agent job, as far as tasks could look at them. Source: azure-devops-docs, release/variables. */
function release({ world }: ContosoStage, sources: string, temp: string): Record<string, string | undefined> & { collectionUri: string } {
  const job = { projectId: project.id, pipelineId: 1, planId: idOf('plan of release 7'), jobId: idOf('job of release 7'), hub: 'release' };
  const token = world.devops.issueJobToken(job);
  return {
    collectionUri: world.devops.collectionUri(world.origins.releases),
    AGENT_TEMPDIRECTORY: temp,
    AGENT_JOBNAME: 'Agent job',
    AGENT_RELEASEDIRECTORY: sources,
    SYSTEM_HOSTTYPE: 'release',
    SYSTEM_TEAMFOUNDATIONCOLLECTIONURI: world.devops.collectionUri(world.origins.releases),
    SYSTEM_TEAMPROJECT: project.name,
    SYSTEM_TEAMPROJECTID: project.id,
    SYSTEM_DEFAULTWORKINGDIRECTORY: sources,
    SYSTEM_ARTIFACTSDIRECTORY: sources,
    SYSTEM_PLANID: job.planId,
    SYSTEM_JOBID: job.jobId,
    SYSTEM_OIDCREQUESTURI: undefined,
    RELEASE_DEFINITIONNAME: 'orders to production',
    RELEASE_RELEASENAME: 'Release-7',
    RELEASE_RELEASEID: '7',
    RELEASE_ENVIRONMENTNAME: 'production',
    RELEASE_ATTEMPTNUMBER: '2',
    ENDPOINT_AUTH_SYSTEMVSSCONNECTION: JSON.stringify({ scheme: 'OAuth', parameters: { AccessToken: token } }),
  };
}
