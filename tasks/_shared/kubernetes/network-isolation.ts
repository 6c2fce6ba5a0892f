import { contains, rangesOf, type AddressRange } from '../fleet/address-range.js';
import { pickText, type EgressPlace, type Flow, type FlowEnd, type FlowPorts } from '../fleet/flows.js';
import { shorten } from '../fleet/names.js';
import type { NetworkFacts } from '../fleet/network-facts.js';
import { some } from '../fleet/wording.js';
import { Problem } from '../reconcile/problem.js';
import { ciliumPolicy, networkPolicy, type Peer, type PolicyPort, type PolicyRule } from './network-policy.js';
import type { ClusterObject } from './objects.js';
import { groupPods, pickPods, podTitles, type PodGroup } from './pod-groups.js';
import type { RenderedPods } from './rendered-chart.js';

/** What may be connected in spite of the isolation of a release. */
export interface Isolation {
  readonly flows: readonly Flow[];
  /** For pods that run as the release's service account. */
  readonly egress: readonly EgressPlace[];
  readonly apiServer: readonly AddressRange[];
  /** Where nodes answer DNS queries of their pods. */
  readonly localDns: readonly AddressRange[];
}

/** What is isolated. */
export interface IsolatedRelease {
  readonly pods: readonly RenderedPods[];
  readonly release: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** What messages call the cluster. */
  readonly cluster: string;
}

/** The policies of a release, and why they would not do what is meant. */
export interface PolicyDesign {
  readonly policies: readonly ClusterObject[];
  readonly faults: readonly Problem[];
}

/** Addresses that nobody has on the Internet. Source: RFC 1918, 3927, 4193, 4291, 6598. */
const private4 = ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'];
const private6 = ['fc00::/7', 'fe80::/10'];
/** What a name means in a namespace that this run does not render. Source: Kubernetes docs, recommended labels. */
const nameLabel = 'app.kubernetes.io/name';
/** Source: Kubernetes docs, well-known labels: every namespace has it. */
const namespaceLabel = 'kubernetes.io/metadata.name';
/** Source: Kubernetes docs, object names. */
const longestName = 253;
const dnsPorts: readonly PolicyPort[] = [{ protocol: 'UDP', port: 53 }, { protocol: 'TCP', port: 53 }];
/** Source: AKS: the deployment coredns keeps this label of its predecessor. */
const dnsPeer: Peer = { namespaceSelector: { matchLabels: { [namespaceLabel]: 'kube-system' } }, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } };

/** A side of a flow: the groups of the release that stand there, and how a rule of the other side names it. */
interface Side {
  readonly groups: readonly PodGroup[];
  readonly peers: readonly Peer[];
}

/** Makes the policies of a release: one for each group of pods, with everything that it may receive and send. Pure; equal input, equal policies. */
export function designPolicies(isolation: Isolation, of: IsolatedRelease, network: NetworkFacts): PolicyDesign {
  const { groups, unselectable } = groupPods(of.pods);
  const faults = [...engineFaults(isolation, of, network), ...unselectable.map((one) => withoutLabels(one, of))];
  const rules = new Map(groups.map((group) => [group, { ingress: [] as PolicyRule[], egress: [] as PolicyRule[] }]));
  const sides = new Sides(groups, isolation, of, network);
  for (const flow of isolation.flows) {
    const [from, to] = [sides.of(flow.from, flow), sides.of(flow.to, flow)];
    if (from instanceof Problem || to instanceof Problem) {
      faults.push(...[from, to].filter((side) => side instanceof Problem));
      continue;
    }
    if (from.groups.length === 0 && to.groups.length === 0) faults.push(unknownPods(flow, 'neither end is in the release', of));
    const ports = portsOf(flow.ports);
    for (const group of to.groups) rules.get(group)?.ingress.push({ peers: from.peers, ports });
    for (const group of from.groups) rules.get(group)?.egress.push({ peers: to.peers, ports });
  }
  return { policies: faults.length > 0 ? [] : [...rules].flatMap(([group, own]) => policiesOf(group, own, isolation, of, network)), faults };
}

function policiesOf(group: PodGroup, { ingress, egress }: { readonly ingress: readonly PolicyRule[]; readonly egress: readonly PolicyRule[] }, isolation: Isolation, of: IsolatedRelease, network: NetworkFacts): ClusterObject[] {
  const acting = group.members.some(({ serviceAccount }) => serviceAccount === of.serviceAccount);
  const places = acting ? isolation.egress : [];
  const hosts = places.flatMap((place) => (place.kind === 'host' ? [place] : []));
  const direct = places.flatMap((place): PolicyRule[] => {
    if (place.kind === 'host') return [];
    return [{ peers: place.kind === 'range' ? [blockOf(place.range)] : internet(network), ports: [{ protocol: 'TCP', port: place.port }] }];
  });
  const nodes = isolation.localDns.map(blockOf);
  const dns: PolicyRule[] = [{ peers: [dnsPeer], ports: dnsPorts }, ...(nodes.length === 0 ? [] : [{ peers: nodes, ports: dnsPorts }])];
  const place = { name: nameOfPolicy(group, of.release), namespace: of.namespace, release: of.release, selector: group.selector };
  // Names are learnt from DNS answers that pass Cilium's proxy: a plain rule for DNS beside the one with the proxy would take its effect away.
  const plain = networkPolicy(place, { ingress, egress: [...egress, ...direct, ...(hosts.length === 0 ? dns : [])] }, hosts.length > 0);
  return hosts.length === 0 ? [plain] : [plain, ciliumPolicy(place, hosts)];
}

/** Distinct for each group, since no two objects of a kind share a name; dots keep its parts apart, as release names have none. */
function nameOfPolicy({ members }: PodGroup, release: string): string {
  const [first] = members.map(({ ref }) => `aks-wi.${release}.${ref.kind.toLowerCase()}.${ref.name}`).sort();
  return shorten(first ?? '', longestName);
}

/** How flows' ends are looked up. */
class Sides {
  readonly #pods: readonly RenderedPods[];

  constructor(
    private readonly groups: readonly PodGroup[],
    private readonly isolation: Isolation,
    private readonly release: IsolatedRelease,
    private readonly network: NetworkFacts,
  ) {
    this.#pods = groups.flatMap(({ members }) => members);
  }

  /** One end of a flow, or why it is none. */
  of(end: FlowEnd, flow: Flow): Side | Problem {
    switch (end.kind) {
      case 'range':
        return { groups: [], peers: [blockOf(end.range)] };
      case 'apiServer':
        return { groups: [], peers: this.isolation.apiServer.map(blockOf) };
      case 'internet':
        return { groups: [], peers: internet(this.network) };
      case 'pods':
        return end.namespace === this.release.namespace ? this.#inOwnNamespace(end, flow) : { groups: [], peers: [podsPeer(end)] };
      case 'release': {
        const groups = this.#groupsOf(end.pick, flow);
        if (groups instanceof Problem) return groups;
        if (groups.length === 0) return unknownPods(flow, `${pickText(end.pick)} is none of them`, this.release);
        return { groups, peers: groups.map(({ selector: podSelector }) => ({ podSelector })) };
      }
    }
  }

  /** Pods of the namespace whoever deploys them; those of the release among them have policies of their own. */
  #inOwnNamespace(end: FlowEnd & { readonly kind: 'pods' }, flow: Flow): Side | Problem {
    const groups = this.#groupsOf(end.pick, flow);
    if (groups instanceof Problem) return groups;
    const { podSelector = {} } = podsPeer(end);
    const named = typeof end.pick === 'object' && 'name' in end.pick && groups.length > 0;
    return { groups, peers: named ? groups.map(({ selector }) => ({ podSelector: selector })) : [{ podSelector }] };
  }

  #groupsOf(pick: (FlowEnd & { readonly kind: 'release' })['pick'], flow: Flow): readonly PodGroup[] | Problem {
    const picked = pickPods(this.#pods, pick, this.release.release);
    const groups = this.groups.filter(({ members }) => members.some((member) => picked.includes(member)));
    const torn = groups.find(({ members }) => !members.every((member) => picked.includes(member)));
    return torn === undefined ? groups : inseparable(torn, flow, this.release);
  }
}

function podsPeer({ namespace, pick }: FlowEnd & { readonly kind: 'pods' }): Peer & { readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> } } {
  const namespaceSelector = { matchLabels: { [namespaceLabel]: namespace } };
  if (pick === 'all') return { namespaceSelector };
  return { namespaceSelector, podSelector: { matchLabels: 'name' in pick ? { [nameLabel]: pick.name } : pick.labels } };
}

function blockOf({ cidr }: AddressRange): Peer {
  return { ipBlock: { cidr } };
}

function internet({ ipv6 }: NetworkFacts): Peer[] {
  return [{ ipBlock: { cidr: '0.0.0.0/0', except: private4 } }, ...(ipv6 ? [{ ipBlock: { cidr: '::/0', except: private6 } }] : [])];
}

function portsOf(ports: FlowPorts | 'all'): readonly PolicyPort[] {
  if (ports === 'all') return [];
  const { first, last, protocol } = ports;
  return [{ protocol, port: first, ...(last === first ? {} : { endPort: last }) }];
}

/** Why policies would do nothing on a cluster, or not what they say. */
function engineFaults({ flows, egress }: Isolation, { cluster }: IsolatedRelease, network: NetworkFacts): Problem[] {
  if (network.engine === undefined) {
    return [new Problem({
      code: 'WI4401',
      what: `Cluster ${cluster} has nothing that enforces network policies`,
      because: `${network.told}; its API server would take policies, and every connection would stay open`,
      remedy: 'give it an engine (az aks update --network-dataplane cilium, or --network-policy azure or calico; nodes are replaced on the way), or set networkPolicy to none for it',
    })];
  }
  const hosts = egress.flatMap((place) => (place.kind === 'host' ? [place.host] : []));
  const written = [...flows.flatMap(({ text, from, to }) => [from, to].flatMap((end) => (end.kind === 'range' ? [{ text, range: end.range }] : []))), ...egress.flatMap((place) => (place.kind === 'range' ? [{ text: place.range.cidr, range: place.range }] : []))];
  return [...(hosts.length === 0 ? [] : hostFaults(hosts, cluster, network)), ...written.flatMap(({ text, range }) => rangeFault(text, range, cluster, network))];
}

function hostFaults(hosts: readonly string[], cluster: string, { hostNames, localDns, told }: NetworkFacts): Problem[] {
  const what = `Cluster ${cluster} cannot allow ${some(hosts)} by name`;
  if (!hostNames) {
    return [new Problem({
      code: 'WI4402',
      what,
      because: `network policies know addresses only; names need Cilium with the security features of Advanced Container Networking Services (${told})`,
      remedy: 'give address ranges in egressAllowed (a private endpoint, a firewall, a proxy), switch the features on (az aks update --enable-acns), or ask for internet:443',
    })];
  }
  if (!localDns) return [];
  return [new Problem({
    code: 'WI4403',
    what,
    because: 'a node pool of it has LocalDNS, whose answers do not pass the proxy that learns the addresses of names; AKS does not support the two together',
    remedy: 'switch LocalDNS off for the node pools that the workload runs on, or give address ranges in egressAllowed',
  })];
}

function rangeFault(text: string, range: AddressRange, cluster: string, { engine, podRanges, serviceRanges }: NetworkFacts): Problem[] {
  const within = (ranges: readonly string[]): boolean => rangesOf(ranges).some((outer) => contains(outer, range));
  const problem = (because: string): Problem[] => [new Problem({ code: 'WI4404', what: `${text} would never allow anything on cluster ${cluster}`, because, remedy: 'name the pods instead of their addresses: a name, name.namespace, or label=value' })];
  if (within(serviceRanges)) return problem(`${range.cidr} lies in the addresses of services (${some(serviceRanges)}), which are replaced by those of pods before policies are asked`);
  if (engine === 'cilium' && within(podRanges)) return problem(`${range.cidr} lies in the addresses of pods (${some(podRanges)}), and Cilium never takes a range for pods`);
  return [];
}

function unknownPods({ text }: Flow, because: string, { release, pods, namespace, cluster }: IsolatedRelease): Problem {
  const there = pods.length === 0 ? 'the rendering has no pods' : `the rendering has ${some(podTitles(pods), 8)}`;
  return new Problem({
    code: 'WI4405',
    what: `Flow "${text}" names no pods of release ${release} on ${cluster}`,
    because: `${because}; ${there}`,
    remedy: `correct the name or label; pods of another release in this namespace are written ${namespace}/name, of another namespace name.namespace`,
  });
}

function inseparable({ title }: PodGroup, { text }: Flow, { release, cluster }: IsolatedRelease): Problem {
  return new Problem({
    code: 'WI4406',
    what: `Flow "${text}" of release ${release} on ${cluster} cannot be told from others`,
    because: `it names some of ${title}, whose pods all have the same labels, and labels are all that policies see`,
    remedy: 'give them a label each of their own in the chart (app.kubernetes.io/component), or name them all',
  });
}

function withoutLabels({ ref }: RenderedPods, { release, cluster }: IsolatedRelease): Problem {
  return new Problem({
    code: 'WI4406',
    what: `${ref.kind} ${ref.name} of release ${release} on ${cluster} cannot be isolated`,
    because: 'its pods have no labels, and labels are all that policies see',
    remedy: 'give its pod template a label in the chart, such as app.kubernetes.io/name',
  });
}

/** The pods that no policy can isolate: those on the network of their node. Source: Kubernetes docs, network policies, hostNetwork pods. */
export function onHostNetwork(pods: readonly RenderedPods[]): string[] {
  return podTitles(pods.filter(({ hostNetwork }) => hostNetwork));
}
