import type { InputReader } from '../_shared/agent/inputs.js';
import type { FeatureRules } from '../_shared/azure/cluster-features.js';

/** Reads the inputs that EnableWorkloadIdentity has besides the shared ones. */
export function readInputs(inputs: InputReader): FeatureRules {
  const minimumKubernetesVersion = inputs.optionalText('minimumKubernetesVersion') ?? '1.27';
  if (!/^\d+\.\d+(\.\d+)?$/.test(minimumKubernetesVersion)) {
    inputs.refuse('minimumKubernetesVersion', minimumKubernetesVersion, 'a version such as 1.27 or 1.27.3');
  }
  const minutes = inputs.integer('timeoutInMinutes', { min: 1, max: 240, fallback: 30 });
  return { minimumKubernetesVersion, deadlineMs: minutes * 60_000 };
}
