import { object, objects, strings, text, type Json } from '../json.js';
import { some } from '../wording.js';
import { annotationsOf, fail, gather, judged, labelsOf, nameIn, notApplicable, pass, podMakers, titleOf, type PodMaker, type Verdicts } from './namespace-view.js';
import { section } from './procedures.js';
import type { NamespaceFacts, NamespaceRule, Verdict } from './rule.js';

type Mesh = 'Istio' | 'Linkerd' | 'Open Service Mesh';

/** Names of the containers that meshes add to pods. */
const proxies: Readonly<Record<string, Mesh>> = { 'istio-proxy': 'Istio', 'linkerd-proxy': 'Linkerd', 'osm-init': 'Open Service Mesh' };

/**
 * The mesh that the namespace says it is in. Sources: Istio docs, installing the sidecar and ambient mode; AKS docs, Istio add-on (istio.io/rev
 * only); Linkerd docs, proxy injection; Open Service Mesh docs, sidecar injection.
 */
function declaredMesh({ raw }: NamespaceFacts): { readonly mesh: Mesh; readonly how: string } | undefined {
  const labels = labelsOf(raw);
  const inject = annotationsOf(raw)['linkerd.io/inject'];
  const revision = labels['istio.io/rev'] ?? '';
  if (labels['istio-injection'] === 'enabled') return { mesh: 'Istio', how: 'istio-injection is enabled' };
  if (revision !== '' && labels['istio-injection'] !== 'disabled') return { mesh: 'Istio', how: `istio.io/rev is ${revision}` };
  if (labels['istio.io/dataplane-mode'] === 'ambient') return { mesh: 'Istio', how: 'istio.io/dataplane-mode is ambient' };
  if (inject === 'enabled' || inject === 'ingress') return { mesh: 'Linkerd', how: `linkerd.io/inject is ${inject}` };
  const osm = labels['openservicemesh.io/monitored-by'];
  return osm === undefined ? undefined : { mesh: 'Open Service Mesh', how: `openservicemesh.io/monitored-by is ${osm}` };
}

function mutualTls(facts: NamespaceFacts): Verdicts {
  const declared = declaredMesh(facts);
  if (declared !== undefined) return judgeMesh(declared.mesh, declared.how, facts);
  const { found, unread } = gather(facts.objects, ['Pod'], (raw) => raw);
  for (const pod of found) {
    const names = ['initContainers', 'containers'].flatMap((field) => objects(object(pod.spec)[field])).map(({ name }) => text(name) ?? '');
    const proxy = names.find((name) => Object.hasOwn(proxies, name));
    const mesh = proxies[proxy ?? ''];
    if (mesh !== undefined) return judgeMesh(mesh, `pod ${nameIn(pod)} has container ${proxy ?? ''}`, facts);
  }
  return judged([], unread, () => notApplicable('neither the namespace nor a pod of it is in a mesh'));
}

function judgeMesh(mesh: Mesh, how: string, facts: NamespaceFacts): Verdicts {
  if (mesh === 'Istio') return istio(facts, how);
  if (mesh === 'Linkerd') return linkerd(facts, how);
  const evidence = `Open Service Mesh (${how}) encrypts between its own proxies; whether plain requests from elsewhere are taken is in its MeshConfig, which is not read`;
  return [{ outcome: 'unknown', evidence }];
}

/** Root namespaces, where a policy is for the whole mesh: of Istio by default, and of the AKS add-on. Sources: Istio docs, PeerAuthentication; AKS docs, Istio add-on. */
const rootNamespaces: ReadonlySet<string> = new Set(['istio-system', 'aks-istio-system']);

const selectsSome = ({ spec }: Json): boolean => Object.keys(strings(object(object(spec).selector).matchLabels)).length > 0;

/** The mode that a PeerAuthentication sets; undefined where it leaves that to the next wider one. */
function modeOf({ spec }: Json): string | undefined {
  const mode = text(object(object(spec).mtls).mode);
  return mode === 'UNSET' ? undefined : mode;
}

/** Of several policies for the same pods the oldest counts. Source: Istio docs, security concepts, peer authentication. */
function oldestWide(policies: readonly Json[]): Json | undefined {
  const created = ({ metadata }: Json): string => text(object(metadata).creationTimestamp) ?? '';
  return policies.filter((one) => !selectsSome(one)).sort((a, b) => created(a).localeCompare(created(b)))[0];
}

/** The narrowest policy that sets a mode counts: for some pods, the namespace, the mesh; without any, plain requests are accepted too. Source: as above. */
function istio(facts: NamespaceFacts, how: string): Verdicts {
  const own = gather(facts.objects, ['PeerAuthentication'], (raw) => raw);
  const makers = podMakers(facts);
  const wide = oldestWide(own.found);
  const ownMode = wide === undefined ? undefined : modeOf(wide);
  const mesh = ownMode === undefined ? gather(facts.clusterWide, ['PeerAuthentication'], (raw) => raw) : { found: [], unread: [] };
  const root = oldestWide(mesh.found.filter(({ metadata }) => rootNamespaces.has(text(object(metadata).namespace) ?? '')));
  const mode = ownMode ?? (root === undefined ? undefined : modeOf(root));
  const origin = ownMode === undefined ? 'for the whole mesh' : `by ${titleOf('PeerAuthentication', wide === undefined ? '' : nameIn(wide), facts.name)}`;
  const said = mode === undefined ? 'no peer authentication of the namespace or of the mesh sets a mode, so that plain requests are accepted too' : `mode ${mode} is set ${origin}`;
  const unread = [...own.unread, ...mesh.unread];
  const faults = [
    ...(mode === 'STRICT' || unread.length > 0 ? [] : [fail(`Istio (${how}): ${said}`)]),
    ...own.found.filter(selectsSome).flatMap((one) => exceptions(one, facts.name)),
    ...makers.found.filter(serves).filter(leftOut).map(({ title }) => fail('is kept out of the mesh by its labels or annotations, so that it is reached without TLS', title)),
  ];
  return judged(faults, [...unread, ...makers.unread], () => pass(`Istio (${how}): ${said}`));
}

/** What a policy for some pods lets through without TLS. */
function exceptions(policy: Json, namespace: string): Verdict[] {
  const lax = (mode: string | undefined): boolean => mode === 'PERMISSIVE' || mode === 'DISABLE';
  const ports = Object.entries(object(object(policy.spec).portLevelMtls)).filter(([, one]) => lax(text(object(one).mode)));
  const mode = modeOf(policy);
  const seen = [...(lax(mode) ? [`mode ${mode ?? ''} for the pods that it selects`] : []), ...ports.map(([port, one]) => `mode ${text(object(one).mode) ?? ''} for port ${port}`)];
  return seen.length === 0 ? [] : [fail(`sets ${some(seen)}`, titleOf('PeerAuthentication', nameIn(policy), namespace))];
}

/** Jobs end and are asked nothing; many are kept out because a proxy would not let them end. */
function serves({ kind, ended }: PodMaker): boolean {
  return kind !== 'Job' && kind !== 'CronJob' && !ended;
}

/** Sources: Istio docs, installing the sidecar (label before annotation), and ambient mode. */
function leftOut({ template }: PodMaker): boolean {
  const labels = labelsOf(template);
  const inject = labels['sidecar.istio.io/inject'] ?? annotationsOf(template)['sidecar.istio.io/inject'];
  return inject === 'false' || labels['istio.io/dataplane-mode'] === 'none';
}

const inboundPolicy = 'config.linkerd.io/default-inbound-policy';
const authenticated: ReadonlySet<string> = new Set(['all-authenticated', 'cluster-authenticated', 'deny']);

/** Linkerd's proxies always use TLS among themselves; the inbound policy says whether they take plain requests too. Source: Linkerd docs, authorization policy. */
function linkerd(facts: NamespaceFacts, how: string): Verdicts {
  const makers = podMakers(facts);
  const policy = annotationsOf(facts.raw)[inboundPolicy];
  const lax = makers.found.filter(serves).flatMap(({ template, title }): Verdict[] => {
    const annotations = annotationsOf(template);
    const own = annotations[inboundPolicy];
    if (annotations['linkerd.io/inject'] === 'disabled') return [fail('is kept out of the mesh, linkerd.io/inject is disabled', title)];
    return own === undefined || authenticated.has(own) ? [] : [fail(`${inboundPolicy} is ${own}`, title)];
  });
  const faults = [...(policy === undefined || authenticated.has(policy) ? [] : [fail(`Linkerd (${how}): ${inboundPolicy} is ${policy}`)]), ...lax];
  const untold = policy === undefined ? [`Linkerd (${how}): the namespace has no annotation ${inboundPolicy}, and what the installation or Server objects say is not read`] : [];
  return judged(faults, [...untold, ...makers.unread], () => pass(`Linkerd (${how}): ${inboundPolicy} is ${policy ?? ''}`));
}

export const meshRule: NamespaceRule = {
  id: 'namespace-mutual-tls',
  title: 'Where a mesh is present, services accept each other’s requests with mutual TLS only',
  severity: 'medium',
  source: [section('sop', 'Network'), section('authnAuthz', 'Ingress')],
  remedy: `Istio: add a PeerAuthentication without selector and with mtls mode STRICT to the namespace, and take back exceptions; Linkerd: annotate the namespace ${inboundPolicy}: all-authenticated`,
  dependants: [],
  judge: mutualTls,
};
