import { object, objects, text, texts, type Json } from '../json.js';
import { some } from '../wording.js';
import { annotationsOf, fail, gather, judged, nameIn, notApplicable, pass, titleOf, type Verdicts } from './namespace-view.js';
import { section } from './procedures.js';
import type { NamespaceFacts, NamespaceRule, Verdict } from './rule.js';

/** Source: AKS docs, internal load balancer (cloud-provider-azure compares with `true`). */
const internalAnnotation = 'service.beta.kubernetes.io/azure-load-balancer-internal';

function typeOf(service: Json): string {
  // Source: Kubernetes API reference, ServiceSpec.
  return text(object(service.spec).type) ?? 'ClusterIP';
}

function publicBalancers(facts: NamespaceFacts): Verdicts {
  const { found, unread } = gather(facts.objects, ['Service'], (raw) => raw);
  const balancers = found.filter((one) => typeOf(one) === 'LoadBalancer');
  const faults = balancers.filter((one) => annotationsOf(one)[internalAnnotation] !== 'true').map((one) => fail(publicEvidence(one), titleOf('Service', nameIn(one), facts.name)));
  return judged(faults, unread, () => (balancers.length === 0 ? notApplicable('no service is of type LoadBalancer') : pass(`load balancer of service ${some(balancers.map(nameIn))} is internal`)));
}

function publicEvidence(service: Json): string {
  const addresses = objects(object(object(service.status).loadBalancer).ingress).flatMap(({ ip, hostname }) => text(ip) ?? text(hostname) ?? []);
  const value = annotationsOf(service)[internalAnnotation];
  return `is of type LoadBalancer, and annotation ${internalAnnotation} is ${value ?? 'missing'}${addresses.length === 0 ? '' : `; address ${some(addresses)}`}`;
}

/** The class in the spec, or in the annotation that came before it. Source: Kubernetes docs, ingress, deprecated annotation. */
function classOf(ingress: Json): string | undefined {
  return text(object(ingress.spec).ingressClassName) ?? text(annotationsOf(ingress)['kubernetes.io/ingress.class']);
}

function firewalledIngresses(facts: NamespaceFacts): Verdicts {
  const { wafClasses } = facts.edge;
  const { found, unread } = gather(facts.objects, ['Ingress'], (raw) => raw);
  const behind = wafClasses.length === 0 ? 'no class is named as one behind a web application firewall' : `behind a web application firewall are: ${some(wafClasses)}`;
  const faults = found.filter((one) => !wafClasses.includes(classOf(one) ?? '')).map((one): Verdict => {
    const name = classOf(one);
    return fail(`${name === undefined ? 'names no class, so that the cluster’s default takes it' : `is of class ${name}`}; ${behind}`, titleOf('Ingress', nameIn(one), facts.name));
  });
  return judged(faults, unread, () => (found.length === 0 ? notApplicable('the namespace has no ingress') : pass(`ingress ${some(found.map((one) => `${nameIn(one)} (${classOf(one) ?? ''})`))}: ${behind}`)));
}

/** Names of the services that an ingress leads to. Source: Kubernetes API reference, IngressSpec; an ingress reaches only services of its own namespace. */
function backendsOf(ingress: Json): string[] {
  const { defaultBackend, rules } = object(ingress.spec);
  const paths = objects(rules).flatMap(({ http }) => objects(object(http).paths)).map(({ backend }) => backend);
  return [defaultBackend, ...paths].flatMap((backend) => text(object(object(backend).service).name) ?? []);
}

function clusterOnly(facts: NamespaceFacts): Verdicts {
  const names = facts.edge.clusterOnly.flatMap((entry) => (entry.startsWith(`${facts.name}/`) ? [entry.slice(facts.name.length + 1)] : []));
  if (names.length === 0) return [notApplicable('no service of the namespace is named as cluster-only')];
  const services = gather(facts.objects, ['Service'], (raw) => raw);
  const ingresses = gather(facts.objects, ['Ingress'], (raw) => raw);
  const present = services.found.filter((one) => names.includes(nameIn(one)));
  const faults = present.flatMap((service): Verdict[] => {
    const seen = exposures(service, ingresses.found);
    return seen.length === 0 ? [] : [fail(seen.join('; '), titleOf('Service', nameIn(service), facts.name))];
  });
  const absent = names.filter((name) => !present.some((one) => nameIn(one) === name)).map((name) => `service ${name} does not exist`);
  return judged(faults, [...services.unread, ...ingresses.unread], () =>
    present.length === 0 ? notApplicable(some(absent)) : pass(some([`service ${some(present.map(nameIn))} has only an address within the cluster and is behind no ingress`, ...absent], 5, '; ')));
}

function exposures(service: Json, ingresses: readonly Json[]): string[] {
  const type = typeOf(service);
  const addresses = texts(object(service.spec).externalIPs);
  const leading = ingresses.filter((one) => backendsOf(one).includes(nameIn(service))).map(nameIn);
  return [
    ...(type === 'ClusterIP' ? [] : [`is of type ${type}`]),
    ...(addresses.length === 0 ? [] : [`has externalIPs ${some(addresses)}`]),
    ...(leading.length === 0 ? [] : [`is behind ingress ${some(leading)}`]),
  ];
}

/** What is reachable from outside. */
export const edgeRules: readonly NamespaceRule[] = [
  {
    id: 'namespace-no-public-load-balancer',
    title: 'No service has a public load balancer',
    severity: 'high',
    source: [section('auth', 'Network'), section('sop', 'Ingress'), section('authnAuthz', 'Ingress')],
    remedy: `Set annotation ${internalAnnotation}: "true", or make the service ClusterIP, and let requests in through the web application firewall`,
    dependants: ['namespace-cluster-only-services'],
    judge: publicBalancers,
  },
  {
    id: 'namespace-ingress-behind-waf',
    title: 'Every ingress is of a class behind a web application firewall',
    severity: 'high',
    source: [section('auth', 'Network'), section('authnAuthz', 'Ingress'), section('sop', 'Ingress'), section('sop', 'Network')],
    remedy: 'Set ingressClassName to a class behind a web application firewall, or name the class as such where it is one',
    dependants: [],
    judge: firewalledIngresses,
  },
  {
    id: 'namespace-cluster-only-services',
    title: 'Services that are named as cluster-only are reachable within the cluster only',
    severity: 'high',
    source: [section('sop', 'Ingress'), section('authnAuthz', 'Ingress')],
    remedy: 'Make the service ClusterIP without external addresses and take it out of every ingress',
    dependants: ['namespace-no-public-load-balancer'],
    judge: clusterOnly,
  },
];
