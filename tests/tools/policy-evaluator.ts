import { BlockList, isIPv6 } from 'node:net';

/**
 * Says whether a connection is let through, as the Kubernetes documentation defines it (concepts, network policies; API reference, NetworkPolicySpec).
 * Written from those texts alone, so that it can judge what makes policies. Answers to a connection are always let through, so that only its opening
 * is judged.
 */
export interface PolicyWorld {
  /** Labels by namespace. */
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly policies: readonly Policy[];
  /** True for an engine that never takes an address range for a pod, as Cilium. */
  readonly rangesPassPodsOver?: boolean;
}

/** A pod, or an address that is no pod's. */
export interface Machine {
  readonly ip: string;
  /** Absent for what is no pod. */
  readonly pod?: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  /** The name under which its address was looked up. */
  readonly host?: string;
}

export interface Connection {
  readonly from: Machine;
  readonly to: Machine;
  readonly port: number;
  readonly protocol: string;
}

/** An object of kind NetworkPolicy or CiliumNetworkPolicy, as the API server answers it. */
export interface Policy {
  readonly kind?: string;
  readonly metadata: { readonly namespace?: unknown };
  readonly spec?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;
type Direction = 'Ingress' | 'Egress';

/** True when the connection is allowed at both of its ends. */
export function lets(world: PolicyWorld, connection: Connection): boolean {
  const { from, to } = connection;
  return passes(world, 'Egress', from, to, connection) && passes(world, 'Ingress', to, from, connection);
}

/** A pod is isolated in a direction when a policy of that type selects it; what any such policy allows is then allowed, and nothing else. */
function passes(world: PolicyWorld, direction: Direction, subject: Machine, peer: Machine, connection: Connection): boolean {
  if (subject.pod === undefined) return true;
  const { namespace, labels } = subject.pod;
  const isolating = world.policies.filter((policy) => policy.metadata.namespace === namespace && matches(selectorOf(policy), labels) && typesOf(policy).includes(direction));
  if (isolating.length === 0) return true;
  return isolating.some((policy) => rulesOf(policy, direction).some((rule) => (isCilium(policy) ? ciliumRule(rule, peer, connection) : plainRule(world, namespace, rule, direction, peer, connection))));
}

function plainRule(world: PolicyWorld, namespace: string, rule: Fields, direction: Direction, peer: Machine, { port, protocol }: Connection): boolean {
  const peers = list(direction === 'Ingress' ? rule.from : rule.to);
  const ports = list(rule.ports);
  const onPort = ports.length === 0 || ports.some((one) => (one.protocol ?? 'TCP') === protocol && inPorts(one, port));
  return onPort && (peers.length === 0 || peers.some((one) => isPeer(world, namespace, one, peer)));
}

function inPorts({ port: first, endPort }: Fields, port: number): boolean {
  if (first === undefined) return true;
  if (typeof first !== 'number') throw new Error('named ports are not judged');
  return port >= first && port <= (typeof endPort === 'number' ? endPort : first);
}

/** `podSelector` alone picks pods of the policy's own namespace; with `namespaceSelector`, pods in the namespaces that it picks. */
function isPeer({ namespaces, rangesPassPodsOver = false }: PolicyWorld, namespace: string, one: Fields, peer: Machine): boolean {
  if (one.ipBlock !== undefined) return (peer.pod === undefined || !rangesPassPodsOver) && inBlock(fields(one.ipBlock), peer.ip);
  if (peer.pod === undefined) return false;
  const place = one.namespaceSelector === undefined ? peer.pod.namespace === namespace : matches(fields(one.namespaceSelector), namespaces[peer.pod.namespace] ?? {});
  return place && (one.podSelector === undefined || matches(fields(one.podSelector), peer.pod.labels));
}

function inBlock({ cidr, except }: Fields, ip: string): boolean {
  const excepted = Array.isArray(except) ? except.some((one) => within(String(one), ip)) : false;
  return within(String(cidr), ip) && !excepted;
}

function within(cidr: string, ip: string): boolean {
  const [address = '', prefix = ''] = cidr.split('/');
  if (isIPv6(address) !== isIPv6(ip)) return false;
  const type = isIPv6(ip) ? 'ipv6' : 'ipv4';
  const block = new BlockList();
  block.addSubnet(address, Number(prefix), type);
  return block.check(ip, type);
}

/** Cilium: names of hosts, and endpoints with their namespace among their labels. Source: Cilium docs, layer 3 policies. */
function ciliumRule(rule: Fields, peer: Machine, { port, protocol }: Connection): boolean {
  const ports = list(rule.toPorts).flatMap((one) => list(one.ports));
  if (!ports.some((one) => Number(one.port) === port && (one.protocol === 'ANY' || one.protocol === protocol))) return false;
  const named = list(rule.toFQDNs).some(({ matchName, matchPattern }) => (matchName === undefined ? patternFits(String(matchPattern), peer.host) : matchName === peer.host));
  const endpoint = peer.pod === undefined ? {} : { 'k8s:io.kubernetes.pod.namespace': peer.pod.namespace, ...Object.fromEntries(Object.entries(peer.pod.labels).map(([key, value]) => [`k8s:${key}`, value])) };
  return named || (peer.pod !== undefined && list(rule.toEndpoints).some((one) => matches(one, endpoint)));
}

function patternFits(pattern: string, host = ''): boolean {
  return new RegExp(`^${pattern.split('*').map((part) => part.replaceAll('.', '\\.')).join('[-a-z0-9]*')}$`).test(host);
}

function isCilium({ kind }: Policy): boolean {
  return kind === 'CiliumNetworkPolicy';
}

function selectorOf(policy: Policy): Fields {
  const spec = fields(policy.spec);
  return fields(isCilium(policy) ? spec.endpointSelector : spec.podSelector);
}

/** Not said: ingress always, egress where there are rules for it. */
function typesOf(policy: Policy): readonly unknown[] {
  const { policyTypes, ingress, egress } = fields(policy.spec);
  if (isCilium(policy)) return [...(ingress === undefined ? [] : ['Ingress']), ...(egress === undefined ? [] : ['Egress'])];
  return Array.isArray(policyTypes) ? (policyTypes as unknown[]) : ['Ingress', ...(list(egress).length === 0 ? [] : ['Egress'])];
}

function rulesOf({ spec }: Policy, direction: Direction): readonly Fields[] {
  return list(direction === 'Ingress' ? fields(spec).ingress : fields(spec).egress);
}

/** An empty selector picks everything; all conditions have to hold. */
function matches(selector: Fields, labels: Readonly<Record<string, string>>): boolean {
  const equal = Object.entries(fields(selector.matchLabels)).every(([key, value]) => labels[key] === value);
  return equal && list(selector.matchExpressions).every(({ key, operator, values }) => {
    const label = labels[String(key)];
    const listed = Array.isArray(values) && values.includes(label);
    if (operator === 'In') return listed;
    if (operator === 'NotIn') return !listed;
    if (operator === 'Exists') return label !== undefined;
    if (operator === 'DoesNotExist') return label === undefined;
    throw new Error(`there is no operator ${String(operator)}`);
  });
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}
