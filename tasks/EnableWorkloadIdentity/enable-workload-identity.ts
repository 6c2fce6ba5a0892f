import type { PlannedTask } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import { ClusterFeatures, type FeatureRules } from '../_shared/azure/cluster-features.js';
import { stateOf } from '../_shared/reconcile/run.js';
import { readInputs } from './inputs.js';

/** Switches the OIDC issuer and workload identity on where they are missing. */
export const enableWorkloadIdentity: PlannedTask<FeatureRules, Services> = {
  name: 'EnableWorkloadIdentity',
  read: (inputs) => readInputs(inputs),
  desire: (rules, { clusters }, { azure }) => {
    const features = clusters.map((entry) => ({ label: entry.label, resource: new ClusterFeatures(azure, entry, rules) }));
    return {
      resources: features.map(({ resource }) => resource),
      proofs: [],
      outputs: (result) => {
        const issuers = features.flatMap(({ label, resource }) => {
          const issuer = stateOf(result, resource)?.issuerUrl;
          return issuer === undefined ? [] : [[label, issuer] as const];
        });
        return { issuerUrl: issuers.length === 1 ? (issuers[0]?.[1] ?? '') : '', issuers: JSON.stringify(Object.fromEntries(issuers)) };
      },
    };
  },
};
