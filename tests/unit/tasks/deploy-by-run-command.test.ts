import assert from 'node:assert/strict';
import { aksServerApplication } from '../../../tasks/_shared/azure/cluster-credential.js';
import { filesOf } from '../../simulators/world/command-pod.js';
import type { FakeAgent } from '../agent/fake-agent.js';
import { CommandWorld } from '../kubernetes/command-world.js';

const values = 'serviceAccount: {create: true, name: api}';

/** Everything that an agent was told. */
function told(agent: FakeAgent): string {
  return JSON.stringify([agent.log, agent.debugLog, agent.errors, agent.warnings, agent.outputs, agent.summaries, agent.attachments, agent.ends]);
}

/** The agent has helm 4, the pods of commands helm 3: what a shell runs there needs Linux or macOS. */
(process.platform === 'win32' ? describe.skip : describe)('DeployWithIdentity by run command', function () {
  this.timeout(180_000);
  let world: CommandWorld;
  const agents: FakeAgent[] = [];
  const deploy = async (inputs: Readonly<Record<string, string>> = {}): ReturnType<CommandWorld['deploy']> => {
    const run = await world.deploy({ values, proveFrom: 'none', ...inputs });
    agents.push(run.agent);
    return run;
  };
  const writes = (): string[] => world.world.network.log.writes('kubernetes').map(({ method, path }) => `${method} ${path.split('?')[0] ?? ''}`);
  const commands = (): CommandWorld['world']['arm']['clusters']['commands'] => world.world.arm.clusters.commands;

  before(async () => {
    world = await CommandWorld.start(4, 3);
    world.seclude();
  });
  after(() => world.close());
  beforeEach(() => world.world.network.log.clear());

  it('says before anything is sent what cannot go that way: tokens, and secret values', async () => {
    const { end, agent } = await deploy({ proveFrom: 'agent', secretValues: 'password: canary-secret-value' });
    assert.equal(end.result, 'Failed');
    for (const code of ['WI4509', 'WI4517']) assert.match(told(agent), new RegExp(code));
    assert.deepEqual(writes(), []);
  });

  it('deploys into a private cluster that the agent does not reach, and proves it from inside', async () => {
    world.api.runPods(/tools\/curl/, () => Promise.resolve({ exitCode: 0, message: 'token ok' }));
    const { end, agent } = await deploy({ proveFrom: 'pod', proofImage: 'contoso.azurecr.io/tools/curl:8.10.1' });
    assert.deepEqual(end, { result: 'Succeeded', message: '' }, told(agent));
    assert.match(agent.log.join('\n'), /Connect {2}aks-1: run command, it is private/);
    assert.match(agent.log.join('\n'), /2 of 2 running pods of orders\/orders have client id [^]*; token from inside a pod/);
    const [account] = world.api.list('ServiceAccount', 'orders').filter(({ metadata }) => metadata.name === 'api');
    assert.equal(account?.metadata.annotations?.['azure.workload.identity/client-id'], world.clientId);
    const [secret] = world.api.list('Secret', 'orders');
    assert.deepEqual([secret?.metadata.name, secret?.metadata.labels?.status], ['sh.helm.release.v1.orders.v1', 'deployed']);
  });

  it('writes nothing the second time', async () => {
    const { end } = await deploy();
    assert.equal(end.result, 'Succeeded');
    assert.deepEqual(writes(), []);
  });

  for (const [what, code, fault] of [
    ['a command that ends with exit code 1 and state Succeeded', 'WI4505', { kind: 'exit', exitCode: 1, logs: 'error: canary' }],
    ['output that comes back cut', 'WI4506', { kind: 'exit', exitCode: 0, logs: 'cut' }],
    ['a pod whose image cannot be pulled', 'WI4502', { kind: 'reason', reason: 'ImagePullBackoff' }],
  ] as const) {
    it(`fails at ${what}`, async () => {
      commands().knobs.faults.set('aks-1', Array.from({ length: 6 }, () => fault));
      const { end } = await deploy();
      commands().knobs.faults.clear();
      assert.equal(end.result, 'Failed');
      assert.match(end.message, new RegExp(`\\(${code}\\)`));
      assert.deepEqual(writes(), []);
    });
  }

  for (const [what, code, end] of [
    ['ends with exit code 1 and state Succeeded', 'WI4505', { exitCode: 1, output: 'error: canary' }],
    ['prints what comes back cut', 'WI4506', { exitCode: 0, output: 'cut' }],
  ] as const) {
    it(`fails where the command of helm ${what}, and says that what ran before runs still`, async () => {
      const { knobs } = commands();
      const pod = knobs.pod ?? assert.fail();
      let helms = 0;
      knobs.pod = async (record, command) => {
        if ((await filesOf(command.context)).get('calls.sh')?.includes("'helm' 'upgrade'") !== true) return pod(record, command);
        helms += 1;
        return end;
      };
      const { end: ended } = await deploy({ values: `{${values}, image: {tag: next}}` });
      knobs.pod = pod;
      assert.deepEqual([ended.result, helms], ['Failed', 1]);
      assert.match(ended.message, new RegExp(`what ran before runs still \\(${code}\\)`));
      const labels = world.api.list('Secret', 'orders').map(({ metadata }) => metadata.labels?.status);
      assert.deepEqual(labels, ['deployed']);
    });
  }

  it('has let neither a token nor a secret into a command, its files, its output or the log', async () => {
    const secrets = new Set(['canary-secret-value', ...world.secrets, await world.azure.token(aksServerApplication), await world.azure.token(world.azure.cloud.resourceManagerAudience), ...commands().ran.flatMap(({ token }) => token ?? [])]);
    assert.ok(secrets.size >= 3);
    const sent = await Promise.all(commands().ran.map(async ({ command, context, output }) => [command, output ?? '', ...(await filesOf(context)).values()].join('\n')));
    const seen = [...sent, ...agents.map(told), JSON.stringify(world.world.network.log.all()), ...world.notices].join('\n');
    assert.ok(seen.length > 10_000);
    for (const secret of secrets) assert.ok(!seen.includes(secret), 'a secret was seen');
  });
});
