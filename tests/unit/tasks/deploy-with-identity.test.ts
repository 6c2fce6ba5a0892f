import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { parse } from 'yaml';
import { deployWithIdentity } from '../../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { readInputs, type Inputs } from '../../../tasks/DeployWithIdentity/inputs.js';
import type { Agent } from '../../../tasks/_shared/agent/agent.js';
import { knownClouds } from '../../../tasks/_shared/agent/clouds.js';
import { InputReader } from '../../../tasks/_shared/agent/inputs.js';
import type { SharedInputs } from '../../../tasks/_shared/agent/planned-task.js';
import { connectAzure } from '../../../tasks/_shared/azure/azure.js';
import { parseClusters } from '../../../tasks/_shared/fleet/clusters.js';
import { lazyConnection } from '../../../tasks/_shared/kubernetes/lazy-connection.js';
import { Problem } from '../../../tasks/_shared/reconcile/problem.js';
import { sources } from '../../../tasks/_shared/reconcile/ref.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { chartPackage } from '../../tools/chart-package.js';

const subscriptionId = '00000000-0000-4000-8000-000000000001';
const given = { boundaryPolicy: 'none', namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', chart: 'tests/fixtures/contoso/charts/orders-api', releaseName: 'orders-api' };
const [cloud] = knownClouds;

function shared(clusters: string): SharedInputs {
  const connection = { id: 'c', name: 'contoso', tenantId: 't', subscriptionId, cloud, signIn: { kind: 'managedIdentity' as const } };
  const run = { dryRun: false, concurrency: 10, failFast: false };
  return { connection, clusters: parseClusters(clusters, subscriptionId).clusters, ...run };
}

/** An agent that has inputs and nothing else: reading inputs must not need more. */
function agentWith(inputs: Readonly<Record<string, string>>, masked?: string[]): Agent {
  const unused = (): never => {
    throw new Error('reading inputs does not need this');
  };
  const rest = { secret: masked === undefined ? unused : (text: string) => void masked.push(text), line: unused, group: unused, fold: unused, debug: unused, error: unused, warning: unused, output: unused, summary: unused, attach: unused };
  const ends = { keepFile: unused, redact: unused, saveFile: unused, scratch: unused, onEnd: unused, cleanUp: unused, complete: unused, endpoint: unused, isSecretVariable: unused };
  const { signal } = new AbortController();
  const place = { task: 'DeployWithIdentity', tempDirectory: '', runFolder: '', signal, lastCall: signal, environment: {} };
  return { ...place, ...rest, ...ends, input: (name) => inputs[name], variable: () => undefined };
}

function read(inputs: Readonly<Record<string, string>>, clusters = 'rg/aks-1, rg/aks-2', masked?: string[]): Inputs {
  const reader = new InputReader(agentWith(inputs, masked));
  const result = readInputs(reader, shared(clusters), () => undefined);
  reader.finish();
  return result;
}

function chartOf(...given: Parameters<typeof read>): Extract<Inputs['source'], { kind: 'helm' }> {
  const { source } = read(...given);
  assert.ok(source.kind === 'helm');
  return source;
}

function mistakesOf(inputs: Readonly<Record<string, string>>, clusters?: string): string[] {
  try {
    read(inputs, clusters);
  } catch (error) {
    if (error instanceof Problem) return (error.parts.details ?? []).map(({ parts }) => `${parts.what}: ${parts.because} → ${parts.remedy}`);
    throw error;
  }
  return [];
}

describe('DeployWithIdentity', () => {
  it('reads its inputs, with defaults', () => {
    const inputs = read(given);
    assert.deepEqual([chartOf(given).chart, inputs.releaseName, chartOf(given).helmPath, inputs.timeoutMs, inputs.accounts[0]?.workload], [given.chart, 'orders-api', 'helm', 600_000, 'api']);
    assert.deepEqual([...chartOf(given).values], [['aks-1', ''], ['aks-2', '']]);
    const all = { ...given, valuesFiles: `${given.chart}/values.yaml\n${given.chart}/Chart.yaml`, timeoutInMinutes: '3', helmPath: process.execPath };
    const more = chartOf(all);
    assert.deepEqual([more.valuesFiles, read(all).timeoutMs, more.helmPath], [[`${given.chart}/values.yaml`, `${given.chart}/Chart.yaml`], 180_000, process.execPath]);
  });

  it('reads the network: nothing by default, lists that a cluster may replace, and the addresses of LocalDNS', () => {
    assert.equal(read(given).isolation, undefined);
    const network = { ...given, networkPolicy: 'default-deny', egressAllowed: '10.1.4.5, internet:443', allowedFlows: 'api -> zep:8000, worker -> temporal.other-ns:7233/TCP\ningress-nginx/* -> api:8080-8081/UDP' };
    const clusters = '[{"cluster": "rg/aks-1", "allowedFlows": ["api -> apiserver"], "egressAllowed": "none", "apiServerRanges": "10.9.0.4"}, "rg/aks-2"]';
    const { isolation } = read(network, clusters);
    const [first, second] = [isolation?.get('aks-1'), isolation?.get('aks-2')];
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(first.flows.map(({ to, ports }) => [to.kind, ports]), [['apiServer', { first: 443, last: 443, protocol: 'TCP' }]]);
    assert.deepEqual([first.egress, first.apiServer.map(({ cidr }) => cidr), first.localDns.map(({ cidr }) => cidr)], [[], ['10.9.0.4/32'], ['169.254.10.10/32', '169.254.10.11/32']]);
    assert.deepEqual(second.flows.map(({ text }) => text), ['api -> zep:8000', 'worker -> temporal.other-ns:7233/TCP', 'ingress-nginx/* -> api:8080-8081/UDP']);
    assert.deepEqual(second.egress.map(({ kind, port }) => `${kind} ${port}`), ['range 443', 'internet 443']);
    assert.deepEqual(read({ ...network, localDnsAddresses: 'none' }).isolation?.get('aks-1')?.localDns, []);
  });

  it("lets a cluster's own values take the place of the input", () => {
    const inputs = chartOf({ ...given, values: 'a: 1' }, '[{"cluster": "rg/aks-1", "values": "a: 2"}, "rg/aks-2"]');
    assert.deepEqual([...inputs.values], [['aks-1', 'a: 2'], ['aks-2', 'a: 1']]);
  });

  it('knows a repository and a registry by their addresses, a package by its name', async () => {
    const pinned = `sha256:${'a'.repeat(64)}`;
    const origins = [
      { chart: 'orders', repo: 'https://charts.contoso.com/stable/', version: 'v1.2.3-rc.1+abc', chartDigest: pinned },
      { chart: 'oci://crorders.azurecr.io/charts/orders', version: '1.2.3' },
      { chart: `oci://localhost:5000/orders@${pinned}` },
    ].map((inputs) => chartOf({ ...given, ...inputs })).map(({ chartSource, origin }) => [chartSource, origin]);
    assert.deepEqual(origins, [
      ['repository', { place: { repository: 'https://charts.contoso.com/stable', name: 'orders' }, version: 'v1.2.3-rc.1+abc', digest: pinned }],
      ['oci', { place: { registry: 'crorders.azurecr.io', path: 'charts/orders' }, version: '1.2.3' }],
      ['oci', { place: { registry: 'localhost:5000', path: 'orders' }, digest: pinned }],
    ]);
    const folder = await mkdtemp(join(tmpdir(), 'aks-wi-test-'));
    const chart = join(folder, 'orders-1.0.0.tgz');
    const content = chartPackage('orders', { 'Chart.yaml': 'name: orders\nversion: 1.0.0\n' });
    await writeFile(chart, content);
    const chartDigest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    assert.equal(chartOf({ ...given, chart, chartDigest }).chartSource, 'package');
    assert.match(mistakesOf({ ...given, chart, chartDigest: pinned })[0] ?? '', /its digest is sha256:.* and chartDigest is sha256:aaa.* → find out who replaced the package/);
    await rm(folder, { recursive: true });
  });

  it('makes YAML of single values that YAML 1.1 reads as they were meant', () => {
    const { set = '' } = chartOf({ ...given, set: 'image.tag=1.10\n\nreplicas=3\non=yes\na\\.b/c.d="5, \\"x\\"=1"\nnothing=null\nrange=10.0.0.0/8,10.1.0.0/16\nempty=\nbig=12345678901234567890\nlead=007\nurl=a=b' });
    const values: unknown = parse(set, { version: '1.1' });
    assert.deepEqual(values, { image: { tag: '1.10' }, replicas: 3, on: 'yes', 'a.b/c': { d: '5, "x"=1' }, nothing: null, range: '10.0.0.0/8,10.1.0.0/16', empty: '', big: '12345678901234567890', lead: '007', url: 'a=b' });
  });

  it('masks every text of the secret values before it does anything with them', () => {
    const masked: string[] = [];
    const secretValues = 'database: {password: hunter22, port: 54321, tls: true, no: abc}\nkeys: [first-key, {second: "lo\\nng"}]\n';
    const inputs = chartOf({ ...given, secretValues }, undefined, masked);
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const texts = ['hunter22', '54321', 'first-key', 'lo\nng'];
    assert.deepEqual(new Set(masked), new Set([secretValues, ...texts, ...texts.map(base64)]));
    assert.equal(inputs.secretValues?.reveal(), secretValues);
    assert.ok(!`${inspect(inputs, { depth: 9 })}${JSON.stringify(inputs)}`.includes('hunter22'));
    assert.equal(chartOf(given).secretValues, undefined);
  });

  it('reports every mistake at once, and never repeats values', () => {
    const mistakes = mistakesOf({ ...given, chart: '', releaseName: 'Not_Valid', values: 'password: "hunter2', timeoutInMinutes: '0' });
    assert.equal(mistakes.length, 4);
    assert.match(mistakes.join('\n'), /chart is empty[^]*values has 18 characters: it is not YAML: missing char at line 1, column 19 → give a YAML mapping[^]*releaseName is "Not_Valid"/);
    assert.ok(!mistakes.join('\n').includes('hunter2'));
    assert.match(mistakesOf({ ...given, values: '- a' })[0] ?? '', /a YAML mapping/);
  });

  it('wants these things per cluster in their order, and a proof of them', async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    const tools = { clock, signal, correlationId: '0', debug: () => undefined };
    const inputs = shared('rg/aks-1, rg/aks-2');
    const azure = await connectAzure(inputs.connection, tools);
    const services = {
      azure,
      permissions: { missing: () => Promise.resolve([]) }, checks: [], run: 'unit 1', connect: () => Promise.resolve(azure),
      cluster: ({ label, id }: { label: string; id: string }) => lazyConnection(label, id, () => Promise.reject(new Error('nothing may be sent'))),
    };
    const { resources, proofs } = await deployWithIdentity.desire(read(given), inputs, services);
    const kinds = ['cluster', 'identity', 'namespace', 'service account adoption', 'helm release', 'rollout restart', 'former secret provider classes', 'network policies no longer wanted'];
    assert.deepEqual(resources.map(({ kind }) => kind), [...kinds, ...kinds]);
    assert.deepEqual(resources.map(({ cluster }) => cluster), [...kinds.map(() => 'aks-1'), ...kinds.map(() => 'aks-2')]);
    const [cluster, identity, namespace, adoption, release] = resources;
    assert.deepEqual(new Set(sources(release?.inputs ?? {})), new Set([namespace?.key, identity?.key, adoption?.key]));
    assert.deepEqual(sources(namespace?.inputs ?? {}), [cluster?.key, identity?.key]);
    assert.equal(identity?.name, 'id-api-aks-1');
    assert.deepEqual(proofs.map(({ proves }) => proves), [resources.slice(0, 5).map(({ key }) => key), resources.slice(8, 13).map(({ key }) => key)], 'of all but what comes after the release');
    const isolated = await deployWithIdentity.desire(read({ ...given, networkPolicy: 'default-deny', egressAllowed: 'internet:443' }, 'rg/aks-1'), inputs, services);
    const [policies, helm, removal] = ['network policies', 'helm release', 'network policies no longer wanted'].map((kind) => isolated.resources.find((resource) => resource.kind === kind));
    assert.ok(policies !== undefined && helm !== undefined && removal !== undefined);
    assert.deepEqual(helm.after, [policies.key], 'pods never start before their policies are there');
    assert.ok(sources(removal.inputs).includes(helm.key), 'policies that are not wanted stay for as long as the revision before may run');
    assert.ok(sources(policies.inputs).includes(cluster?.key ?? ''));
    assert.equal(isolated.proofs[1]?.proves[0], policies.key);
  });
});
