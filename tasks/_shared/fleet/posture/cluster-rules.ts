import { accessRules } from './cluster-access-rules.js';
import { identityRules } from './cluster-identity-rules.js';
import { networkRules } from './cluster-network-rules.js';
import { oversightRules } from './cluster-oversight-rules.js';
import { workloadRules } from './cluster-workload-rules.js';
import type { ClusterRule } from './rule.js';

/** Every rule of the security baseline that looks at a cluster, by theme. */
export const clusterRules: readonly ClusterRule[] = [...accessRules, ...workloadRules, ...networkRules, ...oversightRules, ...identityRules];
