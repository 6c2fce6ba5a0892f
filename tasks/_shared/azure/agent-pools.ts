import { strings, text, texts } from '../fleet/json.js';
import type { LandingPlace, Taint } from '../fleet/node-landing.js';
import type { ClusterState } from './cluster-state.js';
import { poolsIn } from './node-pools.js';

/** A node pool of a cluster, with what pods see of its nodes. */
export interface AgentPool extends LandingPlace {
  readonly pool: string;
}

/** Taint of pools of spot machines, which AKS puts there by itself. Source: AKS docs, spot-node-pool. */
const spot: Taint = { key: 'kubernetes.azure.com/scalesetpriority', value: 'spot', effect: 'NoSchedule' };

/**
 * The node pools that a cluster has in Azure, those without nodes as well. Their nodes have more labels than Azure tells beforehand. Sources: npm
 * @azure/arm-containerservice, ManagedClusterAgentPoolProfile; AKS docs, use-labels (reserved labels).
 */
export function agentPools({ raw }: Pick<ClusterState, 'raw'>): readonly AgentPool[] {
  return poolsIn(raw).flatMap((profile) => {
    const pool = text(profile.name);
    if (pool === undefined) return [];
    const mode = text(profile.mode)?.toLowerCase();
    const labels = {
      ...strings(profile.nodeLabels),
      'kubernetes.azure.com/agentpool': pool,
      agentpool: pool,
      'kubernetes.io/os': (text(profile.osType) ?? 'Linux').toLowerCase(),
      ...(mode === undefined ? {} : { 'kubernetes.azure.com/mode': mode }),
    };
    return [{ pool, labels, taints: [...texts(profile.nodeTaints).map(taintOf), ...(profile.scaleSetPriority === 'Spot' ? [spot] : [])], open: true }];
  });
}

/** `sku=gpu:NoSchedule`, or `dedicated:NoExecute`. */
function taintOf(written: string): Taint {
  const [, key = written, value = '', effect = ''] = /^([^=:]+)(?:=([^:]*))?:(.+)$/.exec(written) ?? [];
  return { key, value, effect };
}
