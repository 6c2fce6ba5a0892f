import { object, objects, strings, text, texts, type Json } from './json.js';

/** Where pods may land: a node, or the nodes that a pool would get. */
export interface LandingPlace {
  /** Absent for nodes that are not there yet. */
  readonly name?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** True where labels beside those that are told may have any value: a pool whose nodes are not there. */
  readonly open?: boolean;
}

/** A taint as a node has it. */
export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

/** Taints that say how a node is at the moment, and not whom it is for. Source: Kubernetes docs, taint nodes by condition. */
const passing = /^node\.kubernetes\.io\/|^node\.cloudprovider\.kubernetes\.io\//;
const repelling: readonly string[] = ['NoSchedule', 'NoExecute'];

/**
 * True where a pod of this spec may be put onto such a node some day: by node name, node selector, required node affinity, operating system and taints. How full or how
 * ready a node is does not count. Sources: Kubernetes docs, assigning pods to nodes; taints and tolerations.
 */
export function canLand(spec: Json, place: LandingPlace): boolean {
  const { nodeName, nodeSelector, os } = spec;
  if (text(nodeName) !== undefined && place.name !== undefined && nodeName !== place.name) return false;
  const system = text(object(os).name);
  const selected = { ...strings(nodeSelector), ...(system === undefined ? {} : { 'kubernetes.io/os': system }) };
  const has = Object.entries(selected).every(([key, value]) => isOne(place, { key, operator: 'In', values: [value] }));
  return has && matchesAffinity(spec, place) && place.taints.every((taint) => !repels(taint) || objects(spec.tolerations).some((toleration) => tolerates(toleration, taint)));
}

/** The terms are alternatives, what is in one of them has to be true together. A term without anything matches no node. */
function matchesAffinity({ affinity }: Json, place: LandingPlace): boolean {
  const { nodeSelectorTerms } = object(object(object(affinity).nodeAffinity).requiredDuringSchedulingIgnoredDuringExecution);
  if (nodeSelectorTerms === undefined) return true;
  return objects(nodeSelectorTerms).some(({ matchExpressions, matchFields }) => {
    const [labels, fields] = [objects(matchExpressions), objects(matchFields)];
    const named: LandingPlace = place.name === undefined ? { labels: {}, taints: [], open: true } : { labels: { 'metadata.name': place.name }, taints: [] };
    return labels.length + fields.length > 0 && labels.every((one) => isOne(place, one)) && fields.every((one) => isOne(named, one));
  });
}

function isOne({ labels, open = false }: LandingPlace, { key, operator, values }: Json): boolean {
  const name = text(key) ?? '';
  const own = labels[name];
  if (own === undefined && open) return true;
  const wanted = texts(values);
  switch (operator) {
    case 'In':
      return own !== undefined && wanted.includes(own);
    case 'NotIn':
      return own === undefined || !wanted.includes(own);
    case 'Exists':
      return own !== undefined;
    case 'DoesNotExist':
      return own === undefined;
    case 'Gt':
      return own !== undefined && Number(own) > Number(wanted[0]);
    case 'Lt':
      return own !== undefined && Number(own) < Number(wanted[0]);
    default:
      // An operator of a later Kubernetes: the place counts, so that it is looked at.
      return true;
  }
}

function repels({ key, effect }: Taint): boolean {
  return repelling.includes(effect) && !passing.test(key);
}

function tolerates({ key, operator, value, effect }: Json, taint: Taint): boolean {
  if (text(effect) !== undefined && effect !== taint.effect) return false;
  if (text(key) === undefined) return operator === 'Exists';
  return key === taint.key && (operator === 'Exists' || (text(value) ?? '') === taint.value);
}
