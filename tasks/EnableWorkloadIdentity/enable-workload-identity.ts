import type { PlannedTask } from '../_shared/agent/planned-task.js';
import type { Services } from '../_shared/agent/services.js';
import { ClusterFeatures } from '../_shared/azure/cluster-features.js';
import { AuditLogs } from '../_shared/azure/diagnostic-setting.js';
import { podIdentityUsers } from '../_shared/kubernetes/pod-identity-users.js';
import { output } from '../_shared/reconcile/ref.js';
import { stateOf } from '../_shared/reconcile/run.js';
import { readInputs, type EnableInputs } from './inputs.js';
import { FeaturesProof } from './proof.js';

/** Switches the OIDC issuer and workload identity on where they are missing, and what else is asked for. */
export const enableWorkloadIdentity: PlannedTask<EnableInputs, Services> = {
  name: 'EnableWorkloadIdentity',
  read: (inputs, shared) => readInputs(inputs, shared),
  desire: (rules, { clusters }, services) => {
    const { azure } = services;
    const wanted = clusters.map((entry) => {
      const connection = services.cluster(entry);
      const features = new ClusterFeatures(azure, entry, rules, () => podIdentityUsers(connection));
      const logs = rules.auditWorkspace === undefined ? [] : [new AuditLogs(azure, entry, rules.auditWorkspace.id, output(features, (state) => state.id))];
      return { entry, features, resources: [features, ...logs], proof: new FeaturesProof(azure, connection, entry, features, rules) };
    });
    return {
      resources: wanted.flatMap(({ resources }) => resources),
      proofs: wanted.map(({ proof }) => proof),
      outputs: (result) => {
        const issuers = wanted.flatMap(({ entry, features }) => {
          const issuer = stateOf(result, features)?.issuerUrl;
          return issuer === undefined ? [] : [[entry.label, issuer] as const];
        });
        return { issuerUrl: issuers.length === 1 ? (issuers[0]?.[1] ?? '') : '', issuers: JSON.stringify(Object.fromEntries(issuers)) };
      },
    };
  },
};
