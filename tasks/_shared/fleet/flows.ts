import { parseRange, type AddressRange } from './address-range.js';
import { shown } from './shown.js';

/** How pods are picked out of a namespace: all of them, by a name, or by labels that they all have. */
export type PodPick = 'all' | { readonly name: string } | { readonly labels: Readonly<Record<string, string>> };

/** One end of a connection. */
export type FlowEnd =
  /** Pods of the release itself. */
  | { readonly kind: 'release'; readonly pick: PodPick }
  /** Pods of a namespace that is named. */
  | { readonly kind: 'pods'; readonly namespace: string; readonly pick: PodPick }
  | { readonly kind: 'range'; readonly range: AddressRange }
  /** The addresses of the cluster's API server. */
  | { readonly kind: 'apiServer' }
  /** Every address that is not private. */
  | { readonly kind: 'internet' };

export const protocols = ['TCP', 'UDP', 'SCTP'] as const;
export type Protocol = (typeof protocols)[number];

/** Ports of the pods or machines that a connection goes to. */
export interface FlowPorts {
  readonly first: number;
  /** Equal to `first` for a single port. */
  readonly last: number;
  readonly protocol: Protocol;
}

/** A connection that may be opened from one end to the other; answers go with it. */
export interface Flow {
  /** As it was written. */
  readonly text: string;
  readonly from: FlowEnd;
  readonly to: FlowEnd;
  /** `all`: every port of every protocol. */
  readonly ports: FlowPorts | 'all';
}

/** Where pods with the identity may open connections besides their flows: Entra, Key Vault, whatever the identity is for. */
export type EgressPlace = ({ readonly kind: 'range'; readonly range: AddressRange } | { readonly kind: 'host'; readonly host: string } | { readonly kind: 'internet' }) & { readonly port: number };

type Read<T> = T | { readonly because: string };

/** Names of namespaces and, with dots, of objects. Source: Kubernetes docs, object names. */
const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const namespaceName = new RegExp(`^${label}$`);
/** Values of labels, and names in their keys. Source: Kubernetes docs, labels and selectors, syntax. */
const labelWord = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const labelKey = new RegExp(`^(?:${label}(?:\\.${label})*/)?${labelWord}$`);
const labelValue = new RegExp(`^(?:${labelWord})?$`);
const pickedName = new RegExp(`^${labelWord}$`);
const hostName = new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})+$`);
const httpsPort = 443;

/** The form of a flow, for messages. */
export const flowForm =
  'lines such as "api -> zep:8000", "worker -> temporal.other-ns:7233/TCP", "ingress-nginx/* -> api:8080", "app=api -> 10.1.2.0/24:5432": an end is a name, name.namespace, namespace/name, label=value, *, an address range, apiserver or internet; a port, a range such as 8000-8010, or *, and TCP, UDP or SCTP';
/** The form of an entry of the egress that goes with the identity, for messages. */
export const egressForm = 'an address range such as 10.1.4.5/32, a host name such as login.microsoftonline.com, or internet:443; each with :port where it is not 443; or none alone';

/** Reads one flow. */
export function parseFlow(text: string): Read<Flow> {
  const [left, right, ...more] = text.split('->').map((part) => part.trim());
  if (left === undefined || right === undefined || more.length > 0) return { because: 'a flow has one ->, from where connections are opened to where they go' };
  const from = parseEnd(left);
  if ('because' in from) return { because: `its source ${shown(left)}: ${from.because}` };
  const [, place = right, port] = /^(.*\]|[^:]*):([^:\]]*)$/.exec(right) ?? [];
  const to = parseEnd(place);
  if ('because' in to) return { because: `its target ${shown(place)}: ${to.because}` };
  if (isOutside(from) && isOutside(to)) return { because: 'neither end is pods, and policies are about pods' };
  const ports = parsePorts(port ?? (to.kind === 'apiServer' ? String(httpsPort) : ''));
  if (ports !== 'all' && 'because' in ports) return ports;
  if (ports === 'all' && to.kind === 'internet') return { because: 'every port of the Internet cannot be asked for: name the port' };
  return { text, from, to, ports };
}

/** Reads one place that pods with the identity may reach. */
export function parseEgress(text: string): Read<EgressPlace> {
  const [, place = text, digits] = /^(.*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  const port = digits === undefined ? httpsPort : Number(digits);
  if (!isPort(port)) return { because: 'a port is from 1 to 65535' };
  if (place === 'internet') return digits === undefined ? { because: 'the Internet is opened only with its port: internet:443' } : { kind: 'internet', port };
  const bare = withoutBrackets(place);
  if (!looksLikeRange(bare)) return hostName.test(place.toLowerCase()) ? { kind: 'host', host: place.toLowerCase(), port } : { because: 'it is neither an address range nor a host name' };
  const range = parseRange(bare);
  return 'because' in range ? range : { kind: 'range', range, port };
}

function parseEnd(text: string): Read<FlowEnd> {
  if (text === '') return { because: 'it is empty' };
  if (text === 'internet') return { kind: 'internet' };
  if (text === 'apiserver') return { kind: 'apiServer' };
  const bare = withoutBrackets(text);
  if (looksLikeRange(bare)) {
    const range = parseRange(bare);
    return 'because' in range ? range : { kind: 'range', range };
  }
  // What stands before a stroke is a namespace, unless it has a dot: then it is the prefix of a label, as in app.kubernetes.io/name=api.
  const [, namespace, rest = text] = /^([^/.=]*)\/(.*)$/.exec(text) ?? [];
  if (namespace !== undefined) return inNamespace(namespace, rest);
  const dotted = text.includes('=') ? [] : text.split('.');
  if (dotted.length > 2) return { because: 'a name has at most one dot, before its namespace; host names belong into egressAllowed' };
  if (dotted.length === 2) return inNamespace(dotted[1] ?? '', dotted[0] ?? '');
  const pick = parsePick(text);
  return typeof pick === 'object' && 'because' in pick ? pick : { kind: 'release', pick };
}

function isOutside({ kind }: FlowEnd): boolean {
  return kind !== 'release' && kind !== 'pods';
}

function inNamespace(namespace: string, text: string): Read<FlowEnd> {
  if (!namespaceName.test(namespace)) return { because: `${shown(namespace)} is no name of a namespace` };
  const pick = parsePick(text);
  return typeof pick === 'object' && 'because' in pick ? pick : { kind: 'pods', namespace, pick };
}

function parsePick(text: string): Read<Exclude<PodPick, string>> | 'all' {
  if (text === '*') return 'all';
  if (!text.includes('=')) return pickedName.test(text) ? { name: text } : { because: 'it is no name: letters, digits, - and _' };
  const labels: Record<string, string> = {};
  for (const part of text.split('&')) {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/.exec(part.trim()) ?? [];
    if (!labelKey.test(key) || !labelValue.test(value)) return { because: `${shown(part)} is no label=value` };
    labels[key] = value;
  }
  return { labels };
}

function parsePorts(text: string): Read<FlowPorts> | 'all' {
  if (text === '*') return 'all';
  const [, first, last = first, protocol = 'TCP'] = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([A-Za-z]+))?$/.exec(text) ?? [];
  if (first === undefined) return { because: text === '' ? 'it names no port; every port is :*' : 'after the colon comes a port, a range of ports such as 8000-8010, or *' };
  const known = protocols.find((candidate) => candidate === protocol.toUpperCase());
  if (known === undefined) return { because: `${shown(protocol)} is no protocol that policies know; they are ${protocols.join(', ')}` };
  const range = { first: Number(first), last: Number(last), protocol: known };
  if (!isPort(range.first) || !isPort(range.last) || range.last < range.first) return { because: 'ports are from 1 to 65535, the lower one first' };
  return range;
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

function looksLikeRange(text: string): boolean {
  return /^[\d.]+(\/\d*)?$/.test(text) || text.includes(':');
}

function withoutBrackets(text: string): string {
  return /^\[(.*)\]$/.exec(text)?.[1] ?? text;
}

/** A pick as it was written. */
export function pickText(pick: PodPick): string {
  if (pick === 'all') return '*';
  if ('name' in pick) return pick.name;
  return Object.entries(pick.labels).map(([key, value]) => `${key}=${value}`).join('&');
}
