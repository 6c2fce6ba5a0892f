import { object, objects, text, texts, type Json } from './json.js';
import { anyCase, properties, word } from './posture/cluster-values.js';

/** What a cluster's network can do with policies, and where its pods and services are. */
export interface NetworkFacts {
  /** Absent where nothing is seen that enforces network policies. */
  readonly engine?: PolicyEngine;
  /** What was seen of it. */
  readonly told: string;
  /** True where policies may name hosts: Cilium with the security features of Advanced Container Networking Services. */
  readonly hostNames: boolean;
  /** True when a node pool answers DNS queries on the node itself. */
  readonly localDns: boolean;
  readonly ipv6: boolean;
  /** Addresses of pods, where AKS knows them apart from those of nodes: overlay and kubenet. */
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
}

/** Source: AKS docs, use-network-policies. */
const engines = ['azure', 'calico', 'cilium'] as const;
export type PolicyEngine = (typeof engines)[number];

/** What ARM says about network policies of a cluster. */
export interface PolicyEngineFacts {
  readonly engine?: PolicyEngine;
  /** True where the cluster has a network plugin of its own, with which AKS installs no engine. */
  readonly ownPlugin: boolean;
  /** Set to a name that no engine is known by. */
  readonly unknownName?: string;
}

/** Wire names: npm @azure/arm-containerservice 25.5.0. */
export function networkProfile(raw: Json): Json {
  return object(properties(raw).networkProfile);
}

/**
 * What enforces network policies. Without an engine Kubernetes takes them and enforces none. The Cilium data plane is an engine itself.
 * Source: Kubernetes docs, network policies; AKS docs, azure-cni-powered-by-cilium.
 */
export function policyEngine(raw: Json): PolicyEngineFacts {
  const { networkPolicy, networkDataplane, networkPlugin } = networkProfile(raw);
  if (word(networkPlugin) === 'none') return { ownPlugin: true };
  const policy = word(networkPolicy);
  if (policy === undefined) return { ownPlugin: false, ...(word(networkDataplane) === 'cilium' ? { engine: 'cilium' } : {}) };
  const engine = engines.find((known) => known === policy);
  return { ownPlugin: false, ...(engine === undefined ? (policy === 'none' ? {} : { unknownName: policy }) : { engine }) };
}

/**
 * Reads what matters of a cluster as ARM answers it.
 * Source of host names and local DNS: REST reference of managed clusters and agent pools, AdvancedNetworkingSecurity (`advancedNetworkPolicies`
 * is FQDN where it is not said) and LocalDNSProfile.
 */
export function networkFacts(raw: Json): NetworkFacts {
  const profile = networkProfile(raw);
  const { engine, ownPlugin } = policyEngine(raw);
  const { enabled, security } = object(profile.advancedNetworking);
  const { enabled: secured, advancedNetworkPolicies } = object(security);
  const hostNames = engine === 'cilium' && enabled !== false && secured === true && word(advancedNetworkPolicies) !== 'none';
  const told = ['networkPlugin', 'networkPolicy', 'networkDataplane'].map((name) => `${name} is ${text(profile[name]) ?? 'absent'}`).join(', ');
  return {
    ...(engine === undefined ? {} : { engine }),
    told: ownPlugin ? `${told}: the cluster has a network plugin of its own, and AKS installs no engine with it` : told,
    hostNames,
    localDns: objects(properties(raw).agentPoolProfiles).some(hasLocalDns),
    ipv6: texts(profile.ipFamilies).some((family) => family.toLowerCase() === 'ipv6'),
    podRanges: rangesOf(profile, 'podCidr'),
    serviceRanges: rangesOf(profile, 'serviceCidr'),
  };
}

/** `Preferred` leaves it to AKS; what came of it is the state. */
function hasLocalDns(pool: Json): boolean {
  const profile = object(anyCase(pool, 'localDNSProfile'));
  return word(profile.state) === 'enabled' || (profile.state === undefined && word(profile.mode) === 'required');
}

function rangesOf(profile: Json, name: 'podCidr' | 'serviceCidr'): readonly string[] {
  const all = texts(profile[`${name}s`]);
  return all.length > 0 ? all : texts([profile[name]]);
}
