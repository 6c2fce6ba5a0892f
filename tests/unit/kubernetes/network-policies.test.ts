import assert from 'node:assert/strict';
import { rangesOf } from '../../../tasks/_shared/fleet/address-range.js';
import { parseEgress, parseFlow } from '../../../tasks/_shared/fleet/flows.js';
import type { NetworkFacts } from '../../../tasks/_shared/fleet/network-facts.js';
import { inspectRendering } from '../../../tasks/_shared/kubernetes/rendered-chart.js';
import { NetworkIsolationProof } from '../../../tasks/_shared/kubernetes/network-isolation-proof.js';
import { NetworkPolicies } from '../../../tasks/_shared/kubernetes/network-policies.js';
import type { Blueprint } from '../../../tasks/_shared/kubernetes/release-blueprint.js';
import { NetworkPolicyRemoval } from '../../../tasks/_shared/kubernetes/network-policy-removal.js';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import { output, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { WritingChange } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { clientId, inProcessCluster, plantNamespace, tenantId, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';
import { network, unenforced } from './isolation-cases.js';
import { told } from './release-world.js';
import { strictPolicy } from './send-policies.js';

const deployment = (name: string, more = ''): string =>
  `---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec: {selector: {matchLabels: {app: ${name}}}, template: {metadata: {labels: {app: ${name}}}, spec: {serviceAccountName: ${name}, ${more}containers: [{name: a, image: a}]}}}\n`;
const both = deployment('api') + deployment('zep');

interface Wish {
  readonly manifests?: string;
  readonly flows?: readonly string[];
  readonly egress?: readonly string[];
  readonly facts?: NetworkFacts;
  /** False for a release that is not isolated. */
  readonly isolated?: boolean;
  readonly dryRun?: boolean;
  readonly release?: string;
}

const cilium: NetworkFacts = { ...network, engine: 'cilium', hostNames: true };
const path = '/apis/networking.k8s.io/v1/namespaces/orders/networkpolicies';

describe('network policies of a release', () => {
  let world: ClusterWorld;
  let keys: { policies: string; removal: string };
  beforeEach(async () => {
    world = await inProcessCluster();
  });
  afterEach(() => world.close());

  const run = async ({ manifests = both, flows = ['api -> zep:8000'], egress = ['10.1.4.5'], facts = network, isolated = true, dryRun = false, release = 'orders' }: Wish = {}): Promise<RunResult> => {
    const { connection, clock, abort } = world;
    const settings = { connection, helmPath: 'helm', clock, signal: abort.signal, release, namespace: 'orders', serviceAccount: 'api', chart: { folder: '', valuesFiles: [], values: '' }, identityMode: 'inject', policy: strictPolicy, atomic: true, timeoutMs: 1_000 } as const;
    const identity = { mode: 'inject', serviceAccount: 'api', clientId, tenantId } as const;
    const rendered: Blueprint = { settings, inspect: () => Promise.resolve(inspectRendering(manifests, { identity, namespace: 'orders', policy: { ...strictPolicy, latestImages: 'warn' }, hooks: true })) };
    const namespace = new Namespace(connection, 'orders');
    const inputs = { namespace: output(namespace, (state) => state.name), clientId: value(clientId), tenantId: value(tenantId), network: value(facts) };
    const sound = <T extends object>(found: T | { readonly because: string }): T => {
      if ('because' in found) throw new Error(found.because);
      return found;
    };
    const wanted = { flows: flows.map((text) => sound(parseFlow(text))), egress: egress.map((text) => sound(parseEgress(text))), apiServer: [], localDns: rangesOf(['169.254.10.11']) };
    const policies = isolated ? new NetworkPolicies(rendered, wanted, inputs) : undefined;
    const removal = new NetworkPolicyRemoval(rendered, { ...inputs, revision: value(1) }, policies);
    keys = { policies: policies?.key ?? '', removal: removal.key };
    return world.run([namespace, ...(policies === undefined ? [] : [policies]), removal], policies === undefined ? [] : [new NetworkIsolationProof(policies)], dryRun);
  };
  const done = async (wish?: Wish): Promise<RunResult> => {
    const result = await run(wish);
    assert.equal(result.result, 'succeeded', told(result));
    return result;
  };
  const planned = (result: RunResult, key = keys.policies): WritingChange => {
    const change = result.plan.find(({ resource }) => resource.key === key)?.change;
    assert.ok(change !== undefined && change.action !== 'keep' && change.action !== 'blocked', JSON.stringify(change));
    return change;
  };
  const names = (kind = 'NetworkPolicy'): string[] => world.api.list(kind, 'orders').map(({ metadata }) => metadata.name);
  const plant = (name: string, spec: object, labels: Record<string, string> = {}): void => {
    world.api.put({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace: 'orders', name, labels }, spec });
  };
  const plantCilium = (): void => {
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const spec = { group: 'cilium.io', names: { kind: 'CiliumNetworkPolicy', listKind: 'CiliumNetworkPolicyList', plural: 'ciliumnetworkpolicies', singular: 'ciliumnetworkpolicy' }, scope: 'Namespaced', versions: [{ name: 'v2', served: true, storage: true, schema }] };
    world.api.put({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'ciliumnetworkpolicies.cilium.io' }, spec });
  };

  it('makes one for each workload, says what each allows, and writes nothing the second time', async () => {
    const result = await done();
    const change = planned(result);
    assert.deepEqual([change.action, change.widens], ['create', false]);
    assert.deepEqual(change.fields.map(({ field, after }) => `${field}: ${after}`), [
      'network policy orders/aks-wi.orders.deployment.api: out to app=zep on 8000/TCP; out to 10.1.4.5/32 on 443/TCP; out to kube-system/k8s-app=kube-dns on 53/UDP; out to kube-system/k8s-app=kube-dns on 53/TCP; out to 169.254.10.11/32 on 53/UDP; out to 169.254.10.11/32 on 53/TCP',
      'network policy orders/aks-wi.orders.deployment.zep: in from app=api on 8000/TCP; out to kube-system/k8s-app=kube-dns on 53/UDP; out to kube-system/k8s-app=kube-dns on 53/TCP; out to 169.254.10.11/32 on 53/UDP; out to 169.254.10.11/32 on 53/TCP',
    ]);
    assert.deepEqual(result.proofs.map(({ outcome }) => 'summary' in outcome && outcome.summary), ['2 policies read back for 2 pod templates']);
    world.network.log.clear();
    const again = await done();
    assert.equal(verdictOf(again, keys.policies).action, 'keep');
    assert.deepEqual(writesOf(world), []);
  });

  it('marks what opens something, and not what only closes', async () => {
    await done({ flows: [] });
    const opened = planned(await done());
    assert.deepEqual([opened.action, opened.widens], ['update', true]);
    assert.match(opened.reason, /this opens .*out to app=zep on 8000\/TCP/);
    assert.equal(planned(await done({ flows: [] })).widens, false);
    const first = world.journal.filter(({ object }) => object.endsWith('deployment.api')).map(({ action, widens }) => `${action} ${String(widens)}`);
    assert.deepEqual(first, ['create false', 'update true', 'update false']);
  });

  it('marks the Internet even in a new policy, and what opens pods that others have isolated', async () => {
    assert.equal(planned(await run({ egress: ['internet:443'], dryRun: true })).widens, true);
    assert.equal(planned(await run({ dryRun: true })).widens, false);
    plantNamespace(world.api);
    plant('default-deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    const change = planned(await run({ dryRun: true }));
    assert.equal(change.widens, true);
    assert.match(change.reason, /this opens out to app=zep on 8000\/TCP, out to 10\.1\.4\.5\/32/);
    assert.deepEqual(writesOf(world), []);
  });

  it('corrects what somebody changed, whoever owns it now', async () => {
    await done();
    world.api.edit('NetworkPolicy', 'orders', 'aks-wi.orders.deployment.zep', (object) => {
      (object.spec as { ingress: unknown[] }).ingress = [{}];
    });
    const change = planned(await done());
    assert.equal(change.widens, true, 'what was closed by hand could be opened by it');
    assert.match(change.fields[0]?.before ?? '', /in from anything on every port/);
    assert.deepEqual(change.fields.map(({ field }) => field), ['network policy orders/aks-wi.orders.deployment.zep']);
    assert.equal(verdictOf(await done(), keys.policies).action, 'keep');
  });

  it('removes the policies of a workload that left the chart, after the others, and those of other releases never', async () => {
    await done();
    await done({ release: 'billing', manifests: deployment('web'), flows: [] });
    const result = await done({ manifests: deployment('api'), flows: [] });
    assert.deepEqual([planned(result, keys.removal).action, planned(result, keys.removal).widens], ['delete', false]);
    assert.deepEqual(names().sort(), ['aks-wi.billing.deployment.web', 'aks-wi.orders.deployment.api']);
  });

  it('removes all of them when the release is not isolated any more, and says that this opens it', async () => {
    await done();
    plant('default-deny', { podSelector: {} });
    const result = await done({ isolated: false });
    const change = planned(result, keys.removal);
    assert.deepEqual([change.action, change.widens, change.fields.length], ['delete', true, 2]);
    assert.match(change.reason, /networkPolicy is none/);
    assert.deepEqual(names(), ['default-deny']);
    world.network.log.clear();
    assert.equal(verdictOf(await done({ isolated: false }), keys.removal).action, 'keep');
    assert.deepEqual(writesOf(world), []);
  });

  it('does not mind a connection without rights on policies where nothing is isolated, and finds them missing where something is', async () => {
    plantNamespace(world.api);
    world.knobs.allows = ({ resource, verb }) => resource !== 'networkpolicies' || verb !== 'list';
    await done({ isolated: false });
    assert.equal(verdictOf(await run(), keys.policies).problem?.code, 'WI4003');
    world.knobs.allows = ({ resource, verb }) => resource !== 'networkpolicies' || verb === 'list';
    const finding = (await run()).preflight.findings[0];
    assert.match(finding?.problem.because ?? '', /lacks create networkpolicies\.networking\.k8s\.io at .*patch networkpolicies\.networking\.k8s\.io/);
    assert.deepEqual(writesOf(world), []);
  });

  it('stops before anything is sent where nothing would be enforced, or a flow names nothing', async () => {
    const blind = verdictOf(await run({ facts: unenforced }), keys.policies);
    assert.deepEqual([blind.action, blind.problem?.code], ['blocked', 'WI4401']);
    const { problem } = verdictOf(await run({ flows: ['api -> zap:1', 'app=x -> zep:2'] }), keys.policies);
    assert.deepEqual([problem?.code, problem?.details?.map(({ code }) => code)], ['WI4405', ['WI4405']]);
    assert.deepEqual(writesOf(world).filter((write) => write.includes('networkpolicies')), []);
  });

  it('leaves a policy of somebody else alone that has the name', async () => {
    plantNamespace(world.api);
    plant('aks-wi.orders.deployment.zep', { podSelector: {} });
    const { action, problem } = verdictOf(await run(), keys.policies);
    assert.deepEqual([action, problem?.code], ['blocked', 'WI4407']);
    assert.deepEqual(writesOf(world), []);
  });

  it('goes on from what a run left that ended half-way', async () => {
    plantNamespace(world.api);
    const fails = { status: 500, body: '{}' };
    world.network.faults.plant({ method: 'PATCH', path: /deployment\.zep/, times: 1, respond: fails });
    assert.equal((await run()).result, 'failed');
    assert.deepEqual(names(), ['aks-wi.orders.deployment.api']);
    await done();
    assert.deepEqual(names(), ['aks-wi.orders.deployment.api', 'aks-wi.orders.deployment.zep']);
    world.network.faults.plant({ method: 'DELETE', path: /deployment\.zep/, times: 1, respond: fails });
    assert.equal((await run({ isolated: false })).result, 'failed');
    await done({ isolated: false });
    assert.deepEqual(names(), []);
  });

  it('keeps a policy of Cilium beside the plain one for hosts by name, and finds it again when it is not wanted', async () => {
    plantCilium();
    const hosts = { facts: cilium, egress: ['login.microsoftonline.com'] };
    assert.match(planned(await done(hosts)).fields[1]?.after ?? '', /out to login\.microsoftonline\.com on 443\/TCP/);
    assert.deepEqual(names('CiliumNetworkPolicy'), ['aks-wi.orders.deployment.api']);
    world.network.log.clear();
    await done(hosts);
    assert.deepEqual(writesOf(world), []);
    const result = await done({ facts: cilium });
    assert.deepEqual(planned(result, keys.removal).fields.map(({ field }) => field), ['cilium network policy orders/aks-wi.orders.deployment.api']);
    assert.deepEqual(names('CiliumNetworkPolicy'), []);
    world.network.log.clear();
    await done({ facts: cilium });
    assert.deepEqual(writesOf(world), []);
    await done(hosts);
    await done({ isolated: false });
    assert.deepEqual([...names(), ...names('CiliumNetworkPolicy')], []);
  });

  it('tells what lets more through than the flows: policies of others, and pods on the network of their node', async () => {
    plantNamespace(world.api);
    plant('chart-made', { podSelector: { matchLabels: { app: 'zep' } }, ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 80, protocol: 'TCP' }] }] });
    plant('of-others', { podSelector: { matchLabels: { app: 'web' } }, ingress: [{}] });
    const result = await run({ manifests: both.replace('serviceAccountName: zep', 'serviceAccountName: zep, hostNetwork: true') });
    assert.equal(result.result, 'succeededWithIssues');
    const [shortfall] = result.proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? [outcome.shortfall] : []));
    assert.equal(shortfall?.code, 'WI4408');
    assert.match(shortfall.because, /: network policy chart-made lets through: in from \*\/\* on 80\/TCP$/);
    assert.deepEqual(shortfall.details?.map(({ parts }) => `${parts.code} ${parts.because}`), ['WI4409 deployment orders/zep (app=zep) share the network of their node (hostNetwork), where policies do not reach']);
  });

  it('asks for the policies of a namespace once each time, and reads them again after a write', async () => {
    plantNamespace(world.api);
    await done();
    assert.ok(world.network.log.all('kubernetes').every(({ method, path: asked }) => method !== 'GET' || !asked.startsWith(path) || asked.split('?')[0] === path));
  });
});
