import type { NetworkFacts } from '../../../tasks/_shared/fleet/network-facts.js';
import type { RenderedPods } from '../../../tasks/_shared/kubernetes/rendered-chart.js';
import type { Connection, Machine } from '../../tools/policy-evaluator.js';
import { Random } from '../../tools/random.js';

type Labels = Readonly<Record<string, string>>;

/** A release that somebody may have, what is around it, and what may be connected, in words and as a judge knows it. */
export interface IsolationCase {
  readonly pods: readonly RenderedPods[];
  readonly machines: readonly Machine[];
  readonly flows: readonly string[];
  readonly egress: readonly string[];
  /** Ports on which a rule could be off by one. */
  readonly ports: readonly number[];
  /** Whether the connection is among the flows or the exceptions; only asked for connections from or to pods of the release. */
  readonly meant: (connection: Connection) => boolean;
}

export const namespaces = { orders: 'orders', other: 'other-ns', edge: 'ingress-nginx', system: 'kube-system' } as const;
export const unenforced: NetworkFacts = { told: '', hostNames: false, localDns: false, ipv6: false, podRanges: ['10.244.0.0/16'], serviceRanges: ['10.0.0.0/16'] };
export const network: NetworkFacts = { ...unenforced, engine: 'azure' };
export const serviceAccount = 'api';
export const nodeResolver = '169.254.10.11';

/** A way to say which machines are meant, and which these are. */
interface End {
  readonly text: string;
  is(machine: Machine): boolean;
}

const keys = ['app', 'app.kubernetes.io/component', 'tier', 'track'] as const;
const values = ['a', 'b'] as const;
const kindsOfPods = ['Deployment', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob'] as const;

/** What pods of an object are labelled with once they run. Source: Kubernetes docs, jobs. */
function livingLabels({ ref, labels }: RenderedPods): Labels {
  if (ref.kind === 'Job') return { ...labels, 'batch.kubernetes.io/job-name': ref.name };
  return ref.kind === 'CronJob' ? { ...labels, 'batch.kubernetes.io/job-name': `${ref.name}-29331000` } : { ...labels, 'pod-template-hash': 'abc12' };
}

/** Objects with labels out of a small stock, so that the selectors of some would pick the pods of others as well. */
function podsOfRelease(random: Random): RenderedPods[] {
  const pods: RenderedPods[] = [];
  const seen = new Set<string>();
  const count = 2 + random.below(4);
  for (let index = 0; index < count; index++) {
    const kind = random.pick(kindsOfPods);
    const twin = random.chance(0.4) ? pods.at(-1)?.labels : undefined;
    const labels: Record<string, string> = { app: random.pick(values), ...twin, 'helm.sh/chart': `c-${index}` };
    for (const key of keys.slice(1)) if (twin === undefined && random.chance(0.4)) labels[key] = random.pick(values);
    const lasting = JSON.stringify([kind === 'Job' ? index : kind === 'CronJob', ...keys.map((key) => labels[key] ?? null)]);
    if (seen.has(lasting)) continue;
    seen.add(lasting);
    const selector = kind === 'Job' || kind === 'CronJob' ? {} : { selector: { matchLabels: { app: labels.app ?? '', ...(random.chance(0.3) && labels.tier !== undefined ? { tier: labels.tier } : {}) } } };
    const ref = { apiVersion: 'x/v1', kind, namespace: namespaces.orders, name: `w${index}` };
    pods.push({ ref, labels, ...selector, serviceAccount: random.chance(0.5) ? serviceAccount : 'default', hostNetwork: false });
  }
  return pods;
}

interface Member {
  readonly of: RenderedPods;
  readonly machine: Machine;
}

const foreign: readonly Machine[] = [
  { ip: '10.244.9.1', pod: { namespace: namespaces.other, labels: { 'app.kubernetes.io/name': 'temporal', app: 'a' } } },
  { ip: '10.244.9.2', pod: { namespace: namespaces.other, labels: { app: 'b', tier: 'b' } } },
  { ip: '10.244.9.3', pod: { namespace: namespaces.edge, labels: { 'app.kubernetes.io/name': 'ingress-nginx' } } },
  { ip: '10.244.9.4', pod: { namespace: namespaces.system, labels: { 'k8s-app': 'kube-dns' } } },
  { ip: '10.244.9.5', pod: { namespace: namespaces.system, labels: { 'k8s-app': 'metrics-server' } } },
  { ip: '10.244.9.6', pod: { namespace: namespaces.orders, labels: { app: 'stranger', 'app.kubernetes.io/name': 'zep' } } },
];
const outside: readonly Machine[] = ['10.1.2.4', '10.1.2.200', '10.1.3.1', '20.50.60.70', '52.1.2.3', '192.168.7.7', nodeResolver].map((ip) => ({ ip }));

function ends(members: readonly Member[], random: Random): { own: End; any: End } {
  const [first, ...more] = members;
  if (first === undefined) throw new Error('a release has pods');
  const { of } = random.pick([first, ...more]);
  const pairs = Object.entries(of.labels).filter(([key]) => key !== 'helm.sh/chart');
  const [pair = ['', ''], other] = random.chance(0.5) ? pairs : [...pairs].reverse();
  const both = random.chance(0.5) && other !== undefined ? [pair, other] : [pair];
  const of_ = (machine: Machine): Member | undefined => members.find((member) => member.machine === machine);
  const inNamespace = (namespace: string, labels: Labels) => ({ pod }: Machine): boolean => pod?.namespace === namespace && Object.entries(labels).every(([key, value]) => pod.labels[key] === value);
  const own: readonly [End, ...End[]] = [
    { text: of.ref.name, is: (machine) => of_(machine)?.of === of },
    { text: '*', is: (machine) => of_(machine) !== undefined },
    { text: both.map(([key, value]) => `${key}=${value}`).join('&'), is: (machine) => both.every(([key, value]) => of_(machine)?.of.labels[key] === value) },
  ];
  const elsewhere: readonly [End, ...End[]] = [
    { text: 'temporal.other-ns', is: inNamespace('other-ns', { 'app.kubernetes.io/name': 'temporal' }) },
    { text: 'other-ns/app=b&tier=b', is: inNamespace('other-ns', { app: 'b', tier: 'b' }) },
    { text: 'ingress-nginx/*', is: inNamespace('ingress-nginx', {}) },
    { text: 'orders/zep', is: inNamespace('orders', { 'app.kubernetes.io/name': 'zep' }) },
    { text: 'orders/*', is: inNamespace('orders', {}) },
    { text: 'orders/app=a', is: inNamespace('orders', { app: 'a' }) },
    { text: '10.1.2.0/24', is: ({ ip }) => ip.startsWith('10.1.2.') },
    { text: '10.1.2.4', is: ({ ip }) => ip === '10.1.2.4' },
    { text: 'apiserver', is: ({ ip }) => ip === '20.50.60.70' },
    { text: 'internet', is: ({ ip }) => ip === '20.50.60.70' || ip === '52.1.2.3' },
  ];
  return { own: random.pick(own), any: random.chance(0.4) ? random.pick(own) : random.pick(elsewhere) };
}

/** A case that follows from its seed alone. */
export function isolationCase(seed: number): IsolationCase {
  const random = new Random(seed);
  const pods = podsOfRelease(random);
  const members: Member[] = pods.map((of, index) => ({ of, machine: { ip: `10.244.1.${index + 1}`, pod: { namespace: namespaces.orders, labels: livingLabels(of) } } }));
  const flows = Array.from({ length: random.below(6) }, () => flowOf(members, random));
  const place = random.pick([{ text: '10.1.3.1', is: '10.1.3.1', port: 443 }, { text: '192.168.7.0/24:8443', is: '192.168.7.7', port: 8_443 }, { text: 'internet:443', is: '52.1.2.3', port: 443 }]);
  const meant = ({ from, to, port, protocol }: Connection): boolean => {
    const source = members.find(({ machine }) => machine === from);
    if (flows.some((flow) => flow.from.is(from) && flow.to.is(to) && flow.fits(port, protocol))) return true;
    if (source === undefined) return false;
    if (port === 53 && protocol !== 'SCTP') return to.ip === '10.244.9.4' || to.ip === nodeResolver;
    const reached = place.text.startsWith('internet') ? to.ip === '52.1.2.3' || to.ip === '20.50.60.70' : to.ip === place.is;
    return source.of.serviceAccount === serviceAccount && reached && port === place.port && protocol === 'TCP';
  };
  const edges = flows.flatMap(({ edges: at }) => at);
  return { pods, machines: [...members.map(({ machine }) => machine), ...foreign, ...outside], flows: flows.map(({ text }) => text), egress: [place.text], ports: [...new Set([53, 443, 8_443, 7, ...edges])], meant };
}

interface MadeFlow {
  readonly text: string;
  readonly from: End;
  readonly to: End;
  readonly edges: readonly number[];
  fits(port: number, protocol: string): boolean;
}

function flowOf(members: readonly Member[], random: Random): MadeFlow {
  const { own, any } = ends(members, random);
  const [from, to] = random.chance(0.5) ? [own, any] : [any, own];
  const protocol = random.pick(['TCP', 'TCP', 'UDP', 'SCTP']);
  const first = random.pick([80, 443, 5_432, 7_233, 8_000]);
  const last = random.chance(0.3) ? first + 10 : first;
  const every = random.chance(0.1) && to.text !== 'internet';
  const port = every ? '*' : `${first}${last === first ? '' : `-${last}`}${protocol === 'TCP' && random.chance(0.5) ? '' : `/${protocol}`}`;
  return { text: `${from.text} -> ${to.text}:${port}`, from, to, edges: [first - 1, first, last, last + 1], fits: (asked, by) => every || (asked >= first && asked <= last && by === protocol) };
}
