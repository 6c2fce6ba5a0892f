import { accessRules } from '../_shared/fleet/posture/access-rules.js';
import { clusterRules } from '../_shared/fleet/posture/cluster-rules.js';
import { namespaceRules } from '../_shared/fleet/posture/namespace-rules.js';
import { driftRule, reachRules } from '../_shared/fleet/posture/record-rules.js';
import type { RuleText } from '../_shared/fleet/posture/rule.js';

/** Every rule that an audit judges by, in the order of reports. */
export const allRules: readonly RuleText[] = [...Object.values(reachRules), ...clusterRules, ...namespaceRules, ...accessRules, driftRule];
