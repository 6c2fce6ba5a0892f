import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startContoso, type ContosoStage } from '../demo/contoso-run.js';
import { ConnectProxy } from '../simulators/kernel/connect-proxy.js';
import { LoopbackNetwork } from '../simulators/kernel/loopback-network.js';
import type { IngestionRule } from '../simulators/log-ingestion/log-ingestion.js';
import { clusterId, clusters } from '../simulators/world/contoso.js';
import { kubeTools } from '../tools/kube-tools.js';
import { builtTasks } from './built-tasks.js';
import { runBundled, type TaskRun } from './bundled-task.js';
import { connection, goodEnd, goodInputs, taskNames, writingTasks, type TaskName } from './task-inputs.js';

const username = 'agent@contoso';
/** Every kind of character that an address would misunderstand. */
const password = 'p@ss:w%rd/ü#%41-canary';
const spellings = [password, encodeURIComponent(password), Buffer.from(`${username}:${password}`).toString('base64')];

describe('the bundled tasks behind a proxy', () => {
  let stage: ContosoStage;
  let network: LoopbackNetwork;
  let proxy: ConnectProxy;
  let folder: string;
  let refuse: string | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'behind a proxy-'));
    await builtTasks();
    const programs = await spiedHelm(folder);
    stage = await startContoso(programs === undefined ? {} : { programs });
    const known = stage.world.network;
    assert.ok(known instanceof LoopbackNetwork);
    network = known;
    proxy = await ConnectProxy.start({ username, password, refuse: (target) => (target === refuse ? 403 : undefined) });
  });

  beforeEach(() => {
    refuse = undefined;
    proxy.tunnels.length = 0;
    network.connections.length = 0;
  });

  after(async () => {
    await stage.close();
    await proxy.close();
    rmSync(folder, { recursive: true });
  });

  /** The agent's own configuration, as it hands it to tasks. Its own authority stands in for NODE_EXTRA_CA_CERTS. */
  function agent(changes: Readonly<Record<string, string | undefined>> = {}): Record<string, string | undefined> {
    return {
      AGENT_PROXYURL: proxy.address,
      AGENT_PROXYUSERNAME: username,
      SECRET_AGENT_PROXYPASSWORD: password,
      VSTS_SECRET_VARIABLES: '["Agent.ProxyPassword"]',
      AGENT_CAINFO: stage.environment.NODE_EXTRA_CA_CERTS,
      NODE_EXTRA_CA_CERTS: undefined,
      ...changes,
    };
  }

  /** A data collection rule that the tests' connection may send to. */
  function ledgerRule(): IngestionRule {
    const { world } = stage;
    const armId = `${clusterId('prd').split('/providers/')[0] ?? ''}/providers/Microsoft.Insights/dataCollectionRules/dcr-ledger`;
    const { objectId } = world.directory.all().find(({ displayName }) => displayName === connection.name) ?? assert.fail();
    world.assign(objectId, 'Monitoring Metrics Publisher', armId);
    return world.addLedgerRule(armId);
  }

  function run(task: TaskName, environment: Record<string, string | undefined>, temp?: string, more: Readonly<Record<string, string>> = {}): Promise<TaskRun> {
    return runBundled(stage, task, connection.name, { inputs: { ...goodInputs('prd')[task], ...more }, environment, ...(temp === undefined ? {} : { temp }) });
  }

  it('send everything through it, helm included, and its password nowhere else', async () => {
    const temp = mkdtempSync(join(folder, 'temp-'));
    const rule = ledgerRule();
    for (const task of taskNames) {
      const ended = await run(task, agent(), temp, !writingTasks.includes(task) ? {} : { ledgerEndpoint: stage.world.origins.logIngestion, ledgerRuleId: rule.immutableId });
      assert.ok(ended.lines.at(-1)?.includes(`result=${goodEnd(task)};`), ended.lines.join('\n'));
      assertHidden(ended);
    }
    const tunnelled = new Set(proxy.tunnels.map(({ from }) => from));
    assert.deepEqual(network.connections.filter(({ from }) => !tunnelled.has(from)), [], 'something went past the proxy');
    const { origins, vaults, registries, arm } = stage.world;
    const expected = [origins.arm, origins.entra, origins.devops, origins.logIngestion, arm.clusters.find(clusters.prd.name).endpoint().server];
    const reached = new Set(proxy.tunnels.map(({ target }) => `https://${target}`));
    for (const origin of expected) assert.ok(reached.has(origin), `${origin} was not reached through the proxy`);
    const [sent = []] = rule.rows.values();
    assert.deepEqual([...new Set(sent.map((line) => line.task))], writingTasks.slice(1), 'who wrote has sent it');
    assert.ok(vaults.size > 0 && registries.size > 0);
    const services = new Set(network.log.all().map(({ service }) => service.split('/')[0]));
    for (const service of ['vault', 'registry', 'kubernetes']) assert.ok(services.has(service), service);
    assert.deepEqual(filesBelow(temp).filter((path) => spellings.some((text) => readFileSync(path, 'utf8').includes(text))), []);
    const spied = process.platform === 'win32' ? '' : readFileSync(join(folder, 'helm-calls'), 'utf8');
    assert.deepEqual(spellings.filter((text) => spied.includes(text)), []);
    if (process.platform !== 'win32') assert.match(spied, /^upgrade$/m);
    assert.ok(!/^(https?|no|all)_proxy=/im.test(spied), 'helm has its way from the kubeconfig');
  });

  it('reach what the bypass list or NO_PROXY names without it, and everything else through it', async () => {
    const { origins } = stage.world;
    const [arm, entra] = [new URL(origins.arm).host, new URL(origins.entra).host];
    const ended = await run('EnableWorkloadIdentity', agent({ AGENT_PROXYBYPASSLIST: JSON.stringify([`^https://LOCALHOST:${new URL(origins.arm).port}$`, '(']), NO_PROXY: `vault.azure.net,${entra}` }));
    assert.match(ended.lines.at(-1) ?? '', /result=Succeeded;/, ended.lines.join('\n'));
    const targets = new Set(proxy.tunnels.map(({ target }) => target));
    assert.deepEqual([targets.has(arm), targets.has(entra), targets.has(new URL(origins.devops).host)], [false, false, true]);
    const direct = network.connections.filter(({ from }) => !proxy.tunnels.some((tunnel) => tunnel.from === from)).map(({ origin }) => origin);
    assert.deepEqual([...new Set(direct)].sort(), [origins.arm, origins.entra].sort());
  });

  it('take the proxy of the environment, with its credentials, before the agent’s', async () => {
    const own = new URL(proxy.address);
    own.username = encodeURIComponent(username);
    own.password = encodeURIComponent(password);
    const ended = await run('SelectClusters', agent({ AGENT_PROXYURL: 'http://127.0.0.1:9', https_proxy: own.href }));
    assert.match(ended.lines.at(-1) ?? '', /result=Succeeded;/, ended.lines.join('\n'));
    assert.ok(proxy.tunnels.length > 0 && proxy.tunnels.every(({ status }) => status === 200));
    assertHidden(ended);
  });

  for (const task of ['SelectClusters', 'EnableWorkloadIdentity'] as const) {
    const ways: readonly [string, () => Record<string, string | undefined>, RegExp, RegExp][] = [
      ['does not accept the password', () => agent({ SECRET_AGENT_PROXYPASSWORD: 'wrong-canary' }), /WI2050/, /the proxy http:\/\/127\.0\.0\.1:\d+ does not accept the user name and password that it was given \(407 Proxy Authentication Required\)/],
      ['was given no credentials', () => agent({ AGENT_PROXYUSERNAME: undefined }), /WI2050/, /asks for credentials, and it was given none/],
      ['cannot be reached', () => agent({ AGENT_PROXYURL: 'http://127.0.0.1:9' }), /WI2052/, /the proxy http:\/\/127\.0\.0\.1:9 cannot be reached: connect ECONNREFUSED/],
      ['refuses the service', () => ((refuse = new URL(stage.world.origins.devops).host), agent()), /WI2051/, /does not let through to localhost:\d+ \(403 Forbidden\)/],
      ['is no address', () => agent({ HTTPS_PROXY: `socks5://${username}:wrong-canary@proxy:1080` }), /WI1050/, /HTTPS_PROXY cannot be used[^]*SOCKS/],
    ];
    for (const [what, environment, code, words] of ways) {
      it(`${task} says that the proxy ${what}`, async () => {
        const ended = await run(task, environment());
        const text = ended.lines.join('\n');
        assert.match(ended.lines.at(-1) ?? '', new RegExp(`result=Failed;.*${code.source}`), text);
        assert.match(text, words);
        assert.equal(network.connections.length, 0, 'something went past the proxy');
        assertHidden(ended);
        assert.ok(!ended.lines.some((line) => line.includes('wrong-canary') && !line.startsWith('##vso[task.setsecret]')), text);
      });
    }
  }
});

/** Outside of what hands a secret to the agent for masking, and of the library's first words, which the agent masks, no output has it. */
function assertHidden({ output, stderr }: TaskRun): void {
  const lines = `${output}\n${stderr}`.split('\n').filter((line) => !/^##vso\[task\.(setsecret\]|debug\]Agent\.ProxyPassword=)/.test(line));
  assert.deepEqual(lines.filter((line) => spellings.some((text) => line.includes(text))), []);
}

function filesBelow(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return paths.filter((path) => statSync(path).isFile());
}

/** A folder whose `helm` notes its arguments and its environment before it becomes the real one; undefined where there is no shell. */
async function spiedHelm(folder: string): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  const { helm4 } = await kubeTools();
  const calls = join(folder, 'helm-calls');
  writeFileSync(join(folder, 'helm'), `#!/bin/sh\n{ printf '%s\\n' "$@"; env; } >> '${calls}'\nexec '${helm4}' "$@"\n`, { mode: 0o755 });
  return folder;
}
