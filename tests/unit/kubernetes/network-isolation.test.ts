import assert from 'node:assert/strict';
import { rangesOf } from '../../../tasks/_shared/fleet/address-range.js';
import { parseEgress, parseFlow, type EgressPlace, type Flow } from '../../../tasks/_shared/fleet/flows.js';
import { designPolicies, type Isolation, type PolicyDesign } from '../../../tasks/_shared/kubernetes/network-isolation.js';
import type { RenderedPods } from '../../../tasks/_shared/kubernetes/rendered-chart.js';
import { lets, type Machine, type PolicyWorld } from '../../tools/policy-evaluator.js';
import { isolationCase, namespaces, network, nodeResolver, serviceAccount, unenforced } from './isolation-cases.js';

const labelled = Object.fromEntries(Object.values(namespaces).map((name) => [name, { 'kubernetes.io/metadata.name': name }]));

function isolation(flows: readonly string[], egress: readonly string[] = []): Isolation {
  const sound = <T extends object>(found: T | { readonly because: string }): T => {
    if ('because' in found) throw new Error(found.because);
    return found;
  };
  return { flows: flows.map((text) => sound<Flow>(parseFlow(text))), egress: egress.map((text) => sound<EgressPlace>(parseEgress(text))), apiServer: rangesOf(['20.50.60.70']), localDns: rangesOf(['169.254.10.10', nodeResolver]) };
}

function design(wanted: Isolation, pods: readonly RenderedPods[], facts = network): PolicyDesign {
  return designPolicies(wanted, { pods, release: 'orders', namespace: namespaces.orders, serviceAccount, cluster: 'aks-1' }, facts);
}

const deployment = (name: string, labels: Readonly<Record<string, string>>, more: Partial<RenderedPods> = {}): RenderedPods => ({
  ref: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: namespaces.orders, name },
  labels,
  selector: { matchLabels: labels },
  serviceAccount,
  hostNetwork: false,
  ...more,
});
const machine = (ip: string, labels: Readonly<Record<string, string>>, namespace: string = namespaces.orders): Machine => ({ ip, pod: { namespace, labels } });
const faultsOf = (found: PolicyDesign): string[] => found.faults.map(({ parts }) => `${parts.code} ${parts.what}: ${parts.because} → ${parts.remedy}`);

describe('network isolation', () => {
  it('allows exactly the flows and the exceptions, for any release: every pair of machines, in both directions, at the edges of every port', () => {
    let allowed = 0;
    let denied = 0;
    for (let seed = 1; seed <= 48; seed++) {
      const { pods, machines, flows, egress, ports, meant } = isolationCase(seed);
      const { policies, faults } = design(isolation(flows, egress), pods);
      assert.deepEqual(faults.map(({ message }) => message), [], `seed ${seed}: ${flows.join('; ')}`);
      const world: PolicyWorld = { namespaces: labelled, policies };
      const own = new Set(machines.slice(0, pods.length));
      for (const from of machines) for (const to of machines) {
        if (from === to || (!own.has(from) && !own.has(to))) continue;
        for (const port of ports) for (const protocol of ['TCP', 'UDP', 'SCTP']) {
          const connection = { from, to, port, protocol };
          const expected = meant(connection);
          if (lets(world, connection) !== expected) assert.fail(`seed ${seed}: ${JSON.stringify(connection)} should be ${expected ? 'allowed' : 'denied'} by ${flows.join('; ')} and ${egress.join(', ')}: ${JSON.stringify(policies)}`);
          if (expected) allowed += 1;
          else denied += 1;
        }
      }
    }
    assert.ok(allowed > 1_000 && denied > 10_000, `${allowed} allowed, ${denied} denied`);
  });

  it('is the same for the same input, in names as well', () => {
    const { pods, flows, egress } = isolationCase(5);
    assert.deepEqual(design(isolation(flows, egress), pods), design(isolation(flows, egress), [...pods]));
    const [policy] = design(isolation([]), [deployment('api', { app: 'api' })]).policies;
    assert.deepEqual(policy?.metadata, { name: 'aks-wi.orders.deployment.api', namespace: 'orders', labels: { 'aks-workload-identity/managed': 'true', 'aks-workload-identity/isolates': 'orders' } });
  });

  it('finds pods by the object’s name, then with the release before it, then by the recommended labels', () => {
    const web = deployment('orders-web', { 'app.kubernetes.io/name': 'orders', 'app.kubernetes.io/component': 'web' });
    const worker = deployment('jobs', { 'app.kubernetes.io/name': 'orders', 'app.kubernetes.io/component': 'worker' });
    const reached = (target: string): boolean[] => {
      const { policies } = design(isolation([`ingress-nginx/* -> ${target}:8080`]), [web, worker]);
      const from = machine('10.244.9.3', {}, namespaces.edge);
      return [web, worker].map(({ labels }) => lets({ namespaces: labelled, policies }, { from, to: machine('10.244.1.1', labels), port: 8_080, protocol: 'TCP' }));
    };
    assert.deepEqual(reached('jobs'), [false, true]);
    assert.deepEqual(reached('web'), [true, false]);
    assert.deepEqual(reached('worker'), [false, true]);
    assert.deepEqual(reached('orders'), [true, true]);
    assert.deepEqual(reached('app.kubernetes.io/name=orders'), [true, true]);
  });

  it('keeps the selector of a controller, so that pods of the revision before stay isolated', () => {
    const selector = { matchLabels: { app: 'api' } };
    const { policies } = design(isolation([]), [deployment('api', { app: 'api', 'helm.sh/chart': 'orders-2', tier: 'new' }, { selector })]);
    assert.deepEqual((policies[0]?.spec as { podSelector: unknown }).podSelector, selector);
  });

  it('names what is there when a flow names nothing, for every such flow', () => {
    const pods = [deployment('api', { app: 'api' })];
    const faults = faultsOf(design(isolation(['api -> zap:8000', 'app=web -> 10.1.2.0/24:5432', 'other-ns/a -> temporal.other-ns:1']), pods));
    assert.equal(faults.length, 3);
    assert.match(faults[0] ?? '', /^WI4405 Flow "api -> zap:8000" names no pods of release orders on aks-1: zap is none of them; the rendering has deployment orders\/api \(app=api\) → .*orders\/name/);
    assert.match(faults[1] ?? '', /app=web is none of them/);
    assert.match(faults[2] ?? '', /neither end is in the release/);
    assert.deepEqual(design(isolation(['api -> zap:8000']), pods).policies, []);
  });

  it('refuses what labels cannot tell apart, and pods without any', () => {
    const twins = [deployment('one', { app: 'x' }), deployment('two', { app: 'x' })];
    assert.match(faultsOf(design(isolation(['one -> 10.1.2.4:1']), twins))[0] ?? '', /^WI4406 .*it names some of deployment orders\/one and deployment orders\/two/);
    assert.equal(design(isolation(['app=x -> 10.1.2.4:1']), twins).policies.length, 1);
    const cron = { ref: { apiVersion: 'batch/v1', kind: 'CronJob', namespace: 'orders', name: 'nightly' }, labels: {}, serviceAccount, hostNetwork: false };
    assert.match(faultsOf(design(isolation([]), [cron]))[0] ?? '', /^WI4406 CronJob nightly .*its pods have no labels/);
    const job = { ...cron, ref: { ...cron.ref, kind: 'Job' } };
    assert.deepEqual((design(isolation([]), [job]).policies[0]?.spec as { podSelector: unknown }).podSelector, { matchLabels: { 'batch.kubernetes.io/job-name': 'nightly' } });
  });

  it('refuses a cluster without an engine, and ranges that would never match', () => {
    const pods = [deployment('api', { app: 'api' })];
    assert.match(faultsOf(design(isolation([]), pods, { ...unenforced, told: 'networkPolicy is none' }))[0] ?? '', /^WI4401 Cluster aks-1 .*networkPolicy is none; its API server would take policies, and every connection would stay open/);
    assert.match(faultsOf(design(isolation(['api -> 10.0.3.4:80']), pods))[0] ?? '', /^WI4404 .*lies in the addresses of services/);
    assert.deepEqual(faultsOf(design(isolation(['api -> 10.244.3.0/24:80']), pods)), []);
    assert.match(faultsOf(design(isolation(['api -> 10.244.3.0/24:80']), pods, { ...network, engine: 'cilium' }))[0] ?? '', /^WI4404 .*Cilium never takes a range for pods/);
  });

  it('allows hosts by name where Cilium can, DNS through its proxy included, and refuses it elsewhere', () => {
    const pods = [deployment('api', { app: 'api' }), deployment('ui', { app: 'ui' }, { serviceAccount: 'default' })];
    const hosts = ['login.microsoftonline.com', '*.vault.azure.net'];
    const able = { ...network, engine: 'cilium', hostNames: true } as const;
    const { policies } = design(isolation(['api -> ui:80'], hosts), pods, able);
    assert.deepEqual(policies.map(({ kind, metadata }) => `${kind} ${String(metadata.name)}`), ['NetworkPolicy aks-wi.orders.deployment.api', 'CiliumNetworkPolicy aks-wi.orders.deployment.api', 'NetworkPolicy aks-wi.orders.deployment.ui']);
    const world = { namespaces: labelled, policies, rangesPassPodsOver: true };
    const [api, ui] = [machine('10.244.1.1', { app: 'api' }), machine('10.244.1.2', { app: 'ui' })];
    const dns = machine('10.244.9.4', { 'k8s-app': 'kube-dns' }, namespaces.system);
    const may = (from: Machine, to: Machine, port: number): boolean => lets(world, { from, to, port, protocol: 'TCP' });
    const [entra, vault, else_] = ['login.microsoftonline.com', 'kv-orders.vault.azure.net', 'example.com'].map((host) => ({ ip: '20.1.1.1', host }));
    assert.ok(entra !== undefined && vault !== undefined && else_ !== undefined);
    assert.deepEqual([may(api, entra, 443), may(api, vault, 443), may(api, entra, 80), may(api, else_, 443), may(ui, entra, 443)], [true, true, false, false, false]);
    assert.deepEqual([may(api, dns, 53), may(ui, dns, 53), may(api, dns, 54), may(api, ui, 80), may(ui, api, 80)], [true, true, false, true, false]);
    assert.ok(!JSON.stringify(policies[0]?.spec).includes('kube-dns'), 'a plain rule for DNS would take the effect of the one with the proxy away');
    assert.match(faultsOf(design(isolation([], hosts), pods))[0] ?? '', /^WI4402 .*login\.microsoftonline\.com, \*\.vault\.azure\.net by name/);
    assert.match(faultsOf(design(isolation([], hosts), pods, { ...able, localDns: true }))[0] ?? '', /^WI4403 .*LocalDNS/);
  });

  it('opens the Internet without private addresses, and IPv6 where the cluster has it', () => {
    const { policies } = design(isolation(['api -> internet:443']), [deployment('api', { app: 'api' })], { ...network, ipv6: true });
    const may = (ip: string): boolean => lets({ namespaces: labelled, policies }, { from: machine('10.244.1.1', { app: 'api' }), to: { ip }, port: 443, protocol: 'TCP' });
    assert.deepEqual(['8.8.8.8', '2001:db8::1', '10.1.1.1', '172.20.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', 'fd00::1'].map(may), [true, true, false, false, false, false, false, false]);
  });

  it('never makes a rule without peers, which would let everybody through', () => {
    const wanted = { ...isolation(['api -> apiserver', 'apiserver -> api:9443']), apiServer: [] };
    assert.ok(!/"(to|from)":\[\]/.test(JSON.stringify(design(wanted, [deployment('api', { app: 'api' })]).policies)));
  });
});
