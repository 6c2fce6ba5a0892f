import { objects as list, text } from '../fleet/json.js';
import { some, upperFirst } from '../fleet/wording.js';
import { Problem } from '../reconcile/problem.js';
import { kinds, nameOf } from './objects.js';
import type { RenderedObject } from './rendered-objects.js';
import type { SendFinding, Sending } from './send-checks.js';

/** Namespaces that belong to the cluster itself. Sources: Kubernetes docs, namespaces; AKS docs, azure-policy (gatekeeper-system), command invoke (aks-command). */
const systemNamespaces: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease', 'gatekeeper-system', 'aks-command'];

/** What reaches out of the release's namespace: objects in others, and bindings that let service accounts of others in. */
export function foreignObjects(sending: Sending): SendFinding[] {
  return sending.objects.flatMap((one) => [...outside(one, sending), ...strangers(one, sending)]);
}

/** The namespace of an object, of a Namespace the one that it is; undefined for what is of no namespace. */
function placeOf({ ref }: RenderedObject): string | undefined {
  return ref.kind === kinds.namespace.kind ? ref.name : ref.namespace;
}

function outside(one: RenderedObject, { namespace, policy, source }: Sending): SendFinding[] {
  const place = placeOf(one);
  if (place === undefined || place === namespace || policy.otherNamespaces.includes(place)) return [];
  const whose = systemNamespaces.includes(place) ? `${place} belongs to the cluster itself` : `it is not of namespace ${namespace}`;
  const problem = new Problem({
    code: 'WI4224',
    what: `${upperFirst(source)} would write ${nameOf(one.ref)}`,
    because: `${whose}, and ${place} is not among otherNamespaces`,
    remedy: `put it into ${namespace}, or leave it out; where it is right, list ${place} in otherNamespaces`,
  });
  return [{ severity: 'error', problem }];
}

/** The service accounts of other namespaces that a binding names, as `namespace/name`. */
export function foreignSubjects({ content, ref }: RenderedObject, namespace: string): string[] {
  if (ref.kind !== 'RoleBinding' && ref.kind !== 'ClusterRoleBinding') return [];
  return list(content.subjects).flatMap((subject) => {
    const place = text(subject.namespace) ?? ref.namespace ?? namespace;
    return subject.kind === kinds.serviceAccount.kind && place !== namespace ? [`${place}/${text(subject.name) ?? ''}`] : [];
  });
}

function strangers(one: RenderedObject, { namespace, policy, source }: Sending): SendFinding[] {
  const found = foreignSubjects(one, namespace).filter((account) => !policy.otherNamespaces.includes(account.split('/')[0] ?? ''));
  if (found.length === 0) return [];
  const problem = new Problem({
    code: 'WI4225',
    what: `${upperFirst(source)} would let service accounts of other namespaces in by ${nameOf(one.ref)}`,
    because: `its subjects name ${some(found)}; whoever can make a pod there gets what the binding gives`,
    remedy: `let the binding name accounts of ${namespace}; where it is right, list their namespaces in otherNamespaces`,
  });
  return [{ severity: 'error', problem }];
}
