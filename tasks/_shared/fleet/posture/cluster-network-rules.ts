import { object, texts } from '../json.js';
import { networkProfile as network, policyEngine } from '../network-facts.js';
import { some } from '../wording.js';
import { holds, properties, seen, verdict, word } from './cluster-values.js';
import { procedures } from './procedures.js';
import type { ClusterRule } from './rule.js';

const { authnAuthz, auth, sop } = procedures;

/**
 * A range that limits nothing: the whole address space, or a part of it wider than the largest that IANA gave to one organisation (/8).
 * `0.0.0.0/32` is no such range: it stands for the cluster's own outbound address. Source: AKS docs, api-server-authorized-ip-ranges; IANA IPv4
 * address space registry.
 */
function limitsNothing(range: string): boolean {
  return /\/0*[0-7]$/.test(range.trim());
}

/** Authorized ranges and a private cluster exclude each other. Source: AKS docs, api-server-authorized-ip-ranges. */
const apiServerAccess: ClusterRule = {
  id: 'cluster-api-server-access',
  title: 'The API server is private, or answers authorized addresses only',
  severity: 'high',
  source: [`${authnAuthz}, Network`, `${sop}, Cluster`, `${auth}, Network`],
  remedy: 'az aks update -g <group> -n <cluster> --api-server-authorized-ip-ranges <ranges>, those of agents and administrators included; or create the cluster as a private one',
  dependants: [],
  judge: ({ raw }) => {
    const { enablePrivateCluster, authorizedIPRanges } = object(properties(raw).apiServerAccessProfile);
    const ranges = texts(authorizedIPRanges);
    const open = ranges.filter(limitsNothing);
    const reach = seen('enablePrivateCluster', enablePrivateCluster);
    if (enablePrivateCluster === true) return verdict('pass', reach);
    if (ranges.length === 0) return verdict('fail', `${reach}, authorizedIPRanges names none: every address reaches the API server`);
    if (open.length > 0) return verdict('fail', `${reach}, authorizedIPRanges has ${some(open)}, which limits nothing`);
    return verdict('pass', `authorizedIPRanges is ${some(ranges)}`);
  },
};

/** A cluster without a plugin of AKS (`none`) fails, too: the procedures name Azure CNI. */
const azureCni: ClusterRule = {
  id: 'cluster-azure-cni',
  title: 'Pods are connected by Azure CNI',
  severity: 'low',
  source: [`${authnAuthz}, Network`, `${sop}, Cluster`, `${sop}, Network`, `${auth}, Cluster`],
  remedy: 'from kubenet: az aks update -g <group> -n <cluster> --network-plugin azure --network-plugin-mode overlay; a cluster with a plugin of its own has to be created anew',
  dependants: ['cluster-network-policy-engine'],
  judge: ({ raw }) => holds(word(network(raw).networkPlugin) === 'azure', seen('networkPlugin', network(raw).networkPlugin)),
};

const networkPolicyEngine: ClusterRule = {
  id: 'cluster-network-policy-engine',
  title: 'A network policy engine enforces what network policies say',
  severity: 'high',
  source: [`${authnAuthz}, Network`, `${sop}, Network Policies`, `${sop}, Network`, `${auth}, Network`],
  remedy: 'az aks update -g <group> -n <cluster> --network-dataplane cilium, or --network-policy azure or calico; nodes are replaced on the way',
  dependants: [],
  judge: ({ raw }) => {
    const { networkPolicy, networkDataplane } = network(raw);
    const { engine, ownPlugin, unknownName } = policyEngine(raw);
    const told = `${seen('networkPolicy', networkPolicy)}, ${seen('networkDataplane', networkDataplane)}`;
    if (ownPlugin) return verdict('notApplicable', 'networkPlugin is none: the cluster has a network plugin of its own, and AKS installs no engine with it');
    return unknownName === undefined ? holds(engine !== undefined, told) : verdict('unknown', `${told}: no engine of that name is known`);
  },
};

/** How a cluster is reached, and how its pods are. */
export const networkRules: readonly ClusterRule[] = [apiServerAccess, azureCni, networkPolicyEngine];
