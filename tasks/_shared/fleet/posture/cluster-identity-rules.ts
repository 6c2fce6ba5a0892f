import { isWithin, lastPart, sameId } from '../arm-id.js';
import { object, text, type Json } from '../json.js';
import { many, some } from '../wording.js';
import { broadRole, excessiveness, isPullRole, isUnnamed } from './cluster-roles.js';
import { holds, properties, seen, verdict, word } from './cluster-values.js';
import { procedures } from './procedures.js';
import type { ClusterFacts, ClusterRule, GrantFact, Verdict } from './rule.js';

const { authnAuthz, enterpriseScale } = procedures;
const forClusterIdentity = `${enterpriseScale}, Design recommendations for cluster identity`;

/** Wire names of this file: npm @azure/arm-containerservice 25.5.0. */
const controlPlaneIdentity: ClusterRule = {
  id: 'cluster-control-plane-identity',
  title: 'The control plane runs as a user-assigned identity',
  severity: 'medium',
  source: [forClusterIdentity],
  remedy: 'az aks update -g <group> -n <cluster> --enable-managed-identity --assign-identity <identity id>, after giving the identity the roles that the present one has',
  dependants: ['cluster-no-service-principal'],
  judge: ({ raw }) => {
    const { type, userAssignedIdentities } = object(raw.identity);
    const names = Object.keys(object(userAssignedIdentities)).map(lastPart);
    return holds(word(type) === 'userassigned', names.length === 0 ? seen('identity.type', type) : `${seen('identity.type', type)}: ${some(names)}`);
  },
};

function servicePrincipal(raw: Json): string | undefined {
  return text(object(properties(raw).servicePrincipalProfile).clientId);
}

/** A cluster with managed identities has the word `msi` for its service principal. Source: AKS docs, use-managed-identity. */
const managed = 'msi';

const noServicePrincipal: ClusterRule = {
  id: 'cluster-no-service-principal',
  title: 'The cluster has no service principal whose secret someone has to keep',
  severity: 'high',
  source: [`${enterpriseScale}, Design considerations for cluster identity`],
  remedy: 'az aks update -g <group> -n <cluster> --enable-managed-identity --assign-identity <identity id>, then replace the nodes (az aks nodepool upgrade --node-image-only)',
  dependants: ['cluster-kubelet-nothing-else', 'cluster-kubelet-pull'],
  judge: ({ raw }) => {
    const clientId = servicePrincipal(raw);
    const type = text(object(raw.identity).type);
    if (clientId !== undefined) return holds(clientId.toLowerCase() === managed, seen('servicePrincipalProfile.clientId', clientId));
    if (type === undefined || type.toLowerCase() === 'none') return verdict('unknown', 'the cluster names neither a service principal nor a managed identity');
    return verdict('pass', `servicePrincipalProfile.clientId is absent, ${seen('identity.type', type)}`);
  },
};

/** A verdict that rests on what the lists do not show counts only where all of them could be read; every other one stands. */
function bySilence(outcome: Verdict['outcome'], { unread }: ClusterFacts['grants'], judged: Verdict): Verdict {
  return judged.outcome === outcome && unread.length > 0 ? verdict('unknown', `role assignments could not be read: ${some(unread, 3, '; ')}`) : judged;
}

/** Judges the grants of the kubelet identity by {@link bySilence}. Where nodes run as a service principal there is none. */
function ofKubelet({ raw, grants }: ClusterFacts, silent: Verdict['outcome'], judge: (own: readonly GrantFact[]) => Verdict): Verdict {
  const objectId = text(object(object(properties(raw).identityProfile).kubeletidentity).objectId);
  const clientId = servicePrincipal(raw);
  if (objectId !== undefined) return bySilence(silent, grants, judge(grants.found.filter(({ principalId }) => sameId(principalId, objectId))));
  if (clientId !== undefined && clientId.toLowerCase() !== managed) return verdict('notApplicable', 'nodes run as a service principal, so there is no kubelet identity');
  return verdict('unknown', 'identityProfile.kubeletidentity is absent');
}

function told({ role, scope }: GrantFact): string {
  return `${role} on ${scope}`;
}

const registry = /\/providers\/Microsoft\.ContainerRegistry\/registries\/[^/]+$/i;

const kubeletPull: ClusterRule = {
  id: 'cluster-kubelet-pull',
  title: 'The kubelet identity may pull images, so that no pull secret is needed',
  severity: 'low',
  source: [forClusterIdentity],
  remedy: 'az role assignment create --assignee-object-id <object id of the kubelet identity> --assignee-principal-type ServicePrincipal --role AcrPull --scope <registry id>; on a registry with repository permissions the role is Container Registry Repository Reader',
  dependants: ['cluster-kubelet-nothing-else'],
  judge: (facts) =>
    ofKubelet(facts, 'fail', (own) => {
      const pulls = own.filter(({ role }) => isPullRole(role));
      return pulls.length > 0 ? verdict('pass', some(pulls.map(told), 3, '; ')) : verdict('fail', `no pull role among the ${many(own.length, 'grant')} of the kubelet identity that can be seen`);
    }),
};

/** Every pod of a node can get tokens of the kubelet identity from the node's metadata endpoint. Source: AKS docs, use-managed-identity; Azure docs, instance metadata service. */
const kubeletNothingElse: ClusterRule = {
  id: 'cluster-kubelet-nothing-else',
  title: 'The kubelet identity may pull from registries and do nothing else',
  severity: 'high',
  source: [`${authnAuthz}, Workload Identity`, forClusterIdentity],
  remedy: 'give workloads that rely on it an identity of their own, then az role assignment delete --assignee <object id of the kubelet identity> --role <role> --scope <scope>',
  dependants: ['cluster-kubelet-pull'],
  judge: (facts) =>
    ofKubelet(facts, 'pass', (own) => {
      const others = own.filter(({ role, scope }) => !(isPullRole(role) && registry.test(scope)));
      return others.length === 0 ? verdict('pass', `${many(own.length, 'grant')} that can be seen, to pull from registries only`) : verdict('fail', some(others.map(told), 3, '; '));
    }),
};

/** An identity that AKS made for an add-on. */
interface AddOnIdentity {
  readonly addOn: string;
  readonly objectId: string;
}

function addOnIdentities(raw: Json): AddOnIdentity[] {
  const { addonProfiles, ingressProfile } = properties(raw);
  const profiles = [...Object.entries(object(addonProfiles)), ['webAppRouting', object(ingressProfile).webAppRouting] as const];
  return profiles.flatMap(([addOn, profile]) => {
    const objectId = text(object(object(profile).identity).objectId);
    return objectId === undefined ? [] : [{ addOn, objectId }];
  });
}

/**
 * Contributor where AKS itself or the add-on's documentation gives it: in the cluster's node resource group, on an application gateway (ingress
 * add-on), on a DNS zone (HTTP routing add-on). Source: AKS docs, managed-identity-overview; Application Gateway docs, ingress controller add-on.
 */
function isDocumented({ role, scope }: GrantFact, { raw, id }: ClusterFacts): boolean {
  const group = text(properties(raw).nodeResourceGroup);
  const [subscription = ''] = /^\/subscriptions\/[^/]+/i.exec(id) ?? [];
  const inNodeGroup = group !== undefined && isWithin(scope, `${subscription}/resourceGroups/${group}`);
  return broadRole(role)?.name === 'Contributor' && (inNodeGroup || /\/providers\/Microsoft\.Network\/(applicationGateways|dnsZones)\/[^/]+$/i.test(scope));
}

const addOnRoles: ClusterRule = {
  id: 'cluster-add-on-roles',
  title: 'Identities of add-ons have no role broader than their service',
  severity: 'high',
  source: [forClusterIdentity],
  remedy: 'az role assignment delete --assignee <object id of the add-on\'s identity> --role <role> --scope <scope>, after granting what the add-on\'s documentation asks for',
  dependants: [],
  judge: (facts) => {
    const identities = addOnIdentities(facts.raw);
    if (identities.length === 0) return verdict('notApplicable', 'no add-on has an identity');
    const own = facts.grants.found.flatMap((grant) => identities.filter(({ objectId }) => sameId(objectId, grant.principalId)).map(({ addOn }) => ({ addOn, grant })));
    const broad = own.filter(({ grant }) => excessiveness(grant) !== undefined && !isDocumented(grant, facts));
    const unnamed = own.filter(({ grant }) => isUnnamed(grant.role));
    if (broad.length > 0) return verdict('fail', some(broad.map(({ addOn, grant }) => `${addOn} has ${told(grant)}: ${excessiveness(grant) ?? ''}`), 3, '; '));
    if (unnamed.length > 0) return verdict('unknown', `what these roles allow could not be read: ${some(unnamed.map(({ addOn, grant }) => `${addOn} has ${told(grant)}`), 3, '; ')}`);
    return bySilence('pass', facts.grants, verdict('pass', `${many(own.length, 'grant')} of ${some(identities.map(({ addOn }) => addOn))}: ${own.length === 0 ? 'none that can be seen' : some(own.map(({ grant }) => told(grant)), 3, '; ')}`));
  },
};

/** What a cluster runs as, and what that may do. */
export const identityRules: readonly ClusterRule[] = [controlPlaneIdentity, noServicePrincipal, kubeletPull, kubeletNothingElse, addOnRoles];
