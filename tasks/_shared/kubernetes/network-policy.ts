import { isDeepStrictEqual } from 'node:util';
import { number, object, objects, text, texts, type Json } from '../fleet/json.js';
import type { LabelSelector } from '../fleet/label-selector.js';
import { ownKeys } from './connection.js';
import { kinds, metadataOf, type ClusterObject } from './objects.js';
import { selectorText } from './workloads.js';

/** Who is at the other end. Source: Kubernetes API reference, NetworkPolicyPeer. */
export interface Peer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

/** Source: Kubernetes API reference, NetworkPolicyPort; `endPort` is there since Kubernetes 1.25. */
export interface PolicyPort {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly port: number;
  readonly endPort?: number;
}

/** What one rule lets through. */
export interface PolicyRule {
  readonly peers: readonly Peer[];
  /** Without any: every port. */
  readonly ports: readonly PolicyPort[];
}

/** What a policy is called, where it is and whom it isolates. */
export interface PolicyPlace {
  readonly name: string;
  readonly namespace: string;
  readonly release: string;
  readonly selector: LabelSelector;
}

/** Labels of the policies that this project makes. */
export const policyLabels = {
  /** The release whose pods the policy isolates. */
  release: 'aks-workload-identity/isolates',
  /** `true`: there is, or was, a Cilium policy beside it; only then are such policies looked for. */
  beside: 'aks-workload-identity/cilium-policy',
} as const;

/** A policy that denies its pods everything but these rules, in both directions. */
export function networkPolicy(place: PolicyPlace, rules: { readonly ingress: readonly PolicyRule[]; readonly egress: readonly PolicyRule[] }, beside: boolean): ClusterObject {
  const ingress = distinct(rules.ingress).map(({ peers, ports }) => ({ from: peers, ...withPorts(ports) }));
  const egress = distinct(rules.egress).map(({ peers, ports }) => ({ to: peers, ...withPorts(ports) }));
  const spec = { podSelector: place.selector, policyTypes: ['Ingress', 'Egress'], ...(ingress.length === 0 ? {} : { ingress }), ...(egress.length === 0 ? {} : { egress }) };
  return { ...kinds.networkPolicy, metadata: metadataFor(place, beside), spec };
}

/**
 * A policy of Cilium that allows HTTPS to hosts by name. It allows DNS as well, through the proxy that learns the names' addresses.
 * Source: Cilium docs, DNS based policies; AKS docs, how-to-apply-fqdn-filtering-policies.
 */
export function ciliumPolicy(place: PolicyPlace, hosts: readonly { readonly host: string; readonly port: number }[]): ClusterObject {
  const dns = {
    toEndpoints: [{ matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'kube-system', 'k8s:k8s-app': 'kube-dns' } }],
    toPorts: [{ ports: [{ port: '53', protocol: 'ANY' }], rules: { dns: [{ matchPattern: '*' }] } }],
  };
  const named = hosts.map(({ host, port }) => ({
    toFQDNs: [host.startsWith('*') ? { matchPattern: host } : { matchName: host }],
    toPorts: [{ ports: [{ port: String(port), protocol: 'TCP' }] }],
  }));
  return { ...kinds.ciliumNetworkPolicy, metadata: metadataFor(place, false), spec: { endpointSelector: place.selector, egress: [dns, ...named] } };
}

function metadataFor({ name, namespace, release }: PolicyPlace, beside: boolean): Json {
  return { name, namespace, labels: { [ownKeys.managed]: 'true', [policyLabels.release]: release, ...(beside ? { [policyLabels.beside]: 'true' } : {}) } };
}

function withPorts(ports: readonly PolicyPort[]): { readonly ports?: readonly PolicyPort[] } {
  return ports.length === 0 ? {} : { ports };
}

/** A rule without peers would let everybody through, so that one which names nobody is left out. */
function distinct(rules: readonly PolicyRule[]): PolicyRule[] {
  return rules.filter((rule, index) => rule.peers.length > 0 && rules.findIndex((other) => isDeepStrictEqual(rule, other)) === index);
}

/** True for a policy that this project made for a release. */
export function isPolicyOf(policy: ClusterObject, release: string): boolean {
  const { labels } = metadataOf(policy);
  return labels[ownKeys.managed] === 'true' && labels[policyLabels.release] === release;
}

/** True when a policy in a cluster says what is wanted. Labels that others add do not matter. */
export function isAsWanted(found: ClusterObject, wanted: ClusterObject): boolean {
  const { labels } = metadataOf(found);
  return isDeepStrictEqual(plain(found.spec), plain(wanted.spec)) && Object.entries(metadataOf(wanted).labels).every(([key, value]) => labels[key] === value);
}

/** As JSON has it. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

/** Every connection that a policy allows, one text for each peer and port: `in from web/* on 8080/TCP`, `out to 10.1.2.0/24 on 5432/TCP`. */
export function allowances({ kind, spec }: ClusterObject): string[] {
  if (kind === kinds.ciliumNetworkPolicy.kind) return objects(object(spec).egress).flatMap(byName);
  return (['ingress', 'egress'] as const).flatMap((direction) =>
    objects(object(spec)[direction]).flatMap((rule) => {
      const peers = objects(direction === 'ingress' ? rule.from : rule.to);
      const told = peers.length === 0 ? ['anything'] : peers.map(peerText);
      return told.flatMap((peer) => portTexts(rule).map((port) => `${direction === 'ingress' ? 'in from' : 'out to'} ${peer} on ${port}`));
    }));
}

function byName(rule: Json): string[] {
  const names = objects(rule.toFQDNs).flatMap(({ matchName, matchPattern }) => text(matchName) ?? text(matchPattern) ?? []);
  const peers = names.length > 0 ? names : objects(rule.toEndpoints).map((endpoint) => selectorText(endpoint));
  const ports = objects(rule.toPorts).flatMap((one) => objects(one.ports)).map(({ port, protocol }) => `${text(port) ?? '*'}/${text(protocol) ?? 'ANY'}`);
  return peers.flatMap((peer) => ports.map((port) => `out to ${peer} on ${port}`));
}

function peerText({ ipBlock, namespaceSelector, podSelector }: Json): string {
  const { cidr, except } = object(ipBlock);
  if (ipBlock !== undefined) return texts(except).length === 0 ? (text(cidr) ?? '') : `${text(cidr) ?? ''} except ${texts(except).join(' ')}`;
  const pods = podSelector === undefined ? '' : selectorText(object(podSelector));
  if (namespaceSelector === undefined) return pods === '' ? '*' : pods;
  const { matchLabels } = object(namespaceSelector);
  const name = text(object(matchLabels)['kubernetes.io/metadata.name']) ?? (selectorText(object(namespaceSelector)) || '*');
  return `${name}/${pods === '' ? '*' : pods}`;
}

function portTexts({ ports }: Json): string[] {
  const told = objects(ports).map(({ port, endPort, protocol }) => `${number(port) ?? text(port) ?? '*'}${number(endPort) === undefined ? '' : `-${number(endPort) ?? ''}`}/${text(protocol) ?? 'TCP'}`);
  return told.length === 0 ? ['every port'] : told;
}

/** True for an allowance of the whole Internet. */
export function isInternet(allowance: string): boolean {
  return / (0\.0\.0\.0\/0|::\/0)( |$)/.test(allowance);
}
