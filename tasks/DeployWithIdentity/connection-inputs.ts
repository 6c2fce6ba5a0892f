import { waysToCluster, type ClusterReach } from '../_shared/agent/cluster-connections.js';
import type { InputReader } from '../_shared/agent/inputs.js';

/** Reads how the clusters are reached. */
export function readReach(inputs: InputReader): ClusterReach {
  return { way: inputs.choice('connection', waysToCluster, 'auto'), allowLocalAccounts: inputs.boolean('allowLocalAccounts') };
}
