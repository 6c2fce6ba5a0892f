import type { PlannedTask } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import { ClusterFeatures, type FeatureRules } from '../_shared/azure/cluster-features.js';
import { FeaturesProof } from '../_shared/azure/features-proof.js';
import { output } from '../_shared/reconcile/ref.js';
import { stateOf } from '../_shared/reconcile/run.js';
import { readInputs } from './inputs.js';

/** Switches the OIDC issuer and workload identity on where they are missing. */
export const enableWorkloadIdentity: PlannedTask<FeatureRules, Services> = {
  name: 'EnableWorkloadIdentity',
  read: (inputs) => readInputs(inputs),
  desire: (rules, { clusters }, { azure }) => {
    const features = clusters.map((entry) => ({ entry, resource: new ClusterFeatures(azure, entry, rules) }));
    return {
      resources: features.map(({ resource }) => resource),
      proofs: features.map(({ entry, resource }) => new FeaturesProof(azure, entry, [resource.key], { cluster: output(resource, (state) => state) }, rules.deadlineMs)),
      outputs: (result) => {
        const issuers = features.flatMap(({ entry, resource }) => {
          const issuer = stateOf(result, resource)?.issuerUrl;
          return issuer === undefined ? [] : [[entry.label, issuer] as const];
        });
        return { issuerUrl: issuers.length === 1 ? (issuers[0]?.[1] ?? '') : '', issuers: JSON.stringify(Object.fromEntries(issuers)) };
      },
    };
  },
};
