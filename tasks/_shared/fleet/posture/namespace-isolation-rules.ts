import { object, objects, strings, texts, text, type Json } from '../json.js';
import { some } from '../wording.js';
import { fail, gather, judged, labelsOf, nameIn, pass, wherePodsRun, type Verdicts } from './namespace-view.js';
import { section } from './procedures.js';
import type { NamespaceFacts, NamespaceRule, Verdict } from './rule.js';

const directions = ['ingress', 'egress'] as const;
type Direction = (typeof directions)[number];

/** A network policy that selects all pods of its namespace. */
interface WidePolicy {
  readonly name: string;
  /** The directions in which it lets through only what a rule names. */
  readonly closes: readonly Direction[];
  /** Those in which one of its own rules lets everything through again. */
  readonly opens: readonly Direction[];
}

/**
 * Policies add up: once one selects a pod in a direction, only what some policy allows gets through there. So all pods are closed by any policy
 * that selects them all, and open again by any of its rules, or another's, that names no peer and no port. Source: Kubernetes docs, network policies.
 */
function defaultDeny(facts: NamespaceFacts): Verdicts {
  const { found, unread } = gather(facts.objects, ['NetworkPolicy'], (raw) => raw);
  if (unread.length > 0) return judged([], unread, () => pass(''));
  const wide = found.flatMap(widePolicy);
  const faults = directions.flatMap((direction): Verdict[] => {
    const open = wide.filter(({ opens }) => opens.includes(direction)).map(({ name }) => name);
    if (open.length > 0) return [fail(`network policy ${some(open)} lets all ${direction} of all pods through`)];
    if (wide.some(({ closes }) => closes.includes(direction))) return [];
    return [fail(`no network policy selects all pods for ${direction} (${found.length === 0 ? 'there is none at all' : `there are: ${some(found.map(nameIn))}`})`)];
  });
  return judged(faults, [], () => pass(`all pods are closed in both directions by network policy ${some(wide.map(({ name }) => name))}`));
}

function widePolicy(raw: Json): WidePolicy[] {
  const spec = object(raw.spec);
  const selector = object(spec.podSelector);
  if (Object.keys(strings(selector.matchLabels)).length > 0 || objects(selector.matchExpressions).length > 0) return [];
  // Without types: ingress always, egress where there are rules for it. Source: Kubernetes API reference, NetworkPolicySpec.
  const types = spec.policyTypes === undefined ? ['Ingress', ...(spec.egress === undefined ? [] : ['Egress'])] : texts(spec.policyTypes);
  const closes = directions.filter((direction) => types.some((type) => type.toLowerCase() === direction));
  return [{ name: nameIn(raw), closes, opens: closes.filter((direction) => objects(spec[direction]).some((rule) => letsAllThrough(rule, direction))) }];
}

function letsAllThrough(rule: Json, direction: Direction): boolean {
  const peers = objects(direction === 'ingress' ? rule.from : rule.to);
  return objects(rule.ports).length === 0 && (peers.length === 0 || peers.some(isAnybody));
}

/** Every address, or every pod of the cluster. */
function isAnybody(peer: Json): boolean {
  const { cidr, except } = object(peer.ipBlock);
  if ((cidr === '0.0.0.0/0' || cidr === '::/0') && texts(except).length === 0) return true;
  const selectors = [peer.namespaceSelector, peer.podSelector].map((selector) => (selector === undefined ? undefined : Object.keys(object(selector)).length));
  return selectors[0] === 0 && (selectors[1] ?? 0) === 0;
}

const computed = ['cpu', 'memory'] as const;

/** Entries of a quota: `requests.cpu`, `limits.memory`, or `cpu` for the request. Source: Kubernetes docs, resource quotas. */
function quota(facts: NamespaceFacts): Verdicts {
  const { found, unread } = gather(facts.objects, ['ResourceQuota'], (raw) => raw);
  // A quota with scopes counts only some of the pods.
  const whole = found.filter(({ spec }) => texts(object(spec).scopes).length === 0 && object(spec).scopeSelector === undefined);
  const limited = new Set(whole.flatMap(({ spec }) => Object.keys(object(object(spec).hard))));
  const missing = computed.filter((what) => ![what, `requests.${what}`, `limits.${what}`].some((entry) => limited.has(entry)));
  if (missing.length === 0) return [pass(`${some([...limited].sort())} ${limited.size === 1 ? 'is' : 'are'} limited by resource quota ${some(whole.map(nameIn))}`)];
  const seen = found.length === 0 ? 'there is no resource quota' : `resource quota ${some(found.map(nameIn))} does not limit ${missing.join(' and ')} of all pods`;
  return judged(unread.length > 0 ? [] : [fail(seen)], unread, () => pass(''));
}

const enforceLabel = 'pod-security.kubernetes.io/enforce';

/** Source: Kubernetes docs, pod security admission: levels privileged, baseline, restricted; without the label nothing is enforced. */
function podSecurity({ raw }: NamespaceFacts): Verdicts {
  const level = labelsOf(raw)[enforceLabel];
  if (level === 'baseline' || level === 'restricted') return [pass(`${enforceLabel} is ${level}`)];
  return [fail(level === undefined ? `the namespace has no label ${enforceLabel}` : `${enforceLabel} is ${text(level) ?? 'empty'}`)];
}

/** What keeps the pods of a namespace apart from others and from the nodes. */
export const isolationRules: readonly NamespaceRule[] = [
  {
    id: 'namespace-default-deny',
    title: 'Network policies deny what they do not allow, in both directions, for all pods',
    severity: 'high',
    source: [section('authnAuthz', 'Network'), section('sop', 'Network Policies'), section('auth', 'Network'), section('sop', 'Network')],
    remedy: 'Add a network policy with an empty podSelector, policyTypes Ingress and Egress and no rules, then one for each connection that is needed; take back rules for all pods that name no peer',
    dependants: [],
    judge: (facts) => wherePodsRun(facts, () => defaultDeny(facts)),
  },
  {
    id: 'namespace-quota',
    title: 'A quota limits what all pods together take of CPU and memory',
    severity: 'low',
    source: [section('enterpriseScale', 'Design considerations for operator access')],
    remedy: 'Add a ResourceQuota without scopes that limits CPU and memory',
    dependants: [],
    judge: (facts) => wherePodsRun(facts, () => quota(facts)),
  },
  {
    id: 'namespace-pod-security',
    title: 'Pod security is enforced at level baseline or restricted',
    severity: 'medium',
    source: [section('authnAuthz', 'Auditing'), section('enterpriseScale', 'Design considerations for operator access')],
    remedy: `Label the namespace ${enforceLabel}: baseline (or restricted), after its warn and audit labels have shown what would be refused`,
    dependants: [],
    judge: (facts) => wherePodsRun(facts, () => podSecurity(facts)),
  },
];
