import { number, object, objects, text } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import type { Permission } from '../reconcile/resource.js';
import { until, type Waiting } from '../reconcile/retry.js';
import { identityKeys, type ClusterConnection } from './connection.js';
import { kinds, type ClusterObject } from './objects.js';
import { rights } from './permissions.js';
import { identityFaults } from './pod-identity.js';

/** A namespace that every cluster has, and that the webhook serves. */
const namespace = 'default';
/** The webhook's own pods have to start after the features were switched on. */
const patience = { firstWaitMs: 2_000, longestWaitMs: 15_000 };

/** The rights that {@link rehearseWebhook} needs. */
export function rehearsalRights(connection: ClusterConnection): Permission[] {
  return rights(connection, ['create'], kinds.pod, namespace);
}

/**
 * Lets the API server say what it would make of a pod that wants an identity, without making it: the webhook puts a token file and the tenant into its
 * environment. A client id it would take from the service account, which here has none. Source: azure-workload-identity pkg/webhook.
 * @returns what it put there, in a clause
 * @throws Problem WI2116 when the webhook leaves the pod alone, or does not answer, until the deadline; the API server's own refusal at once.
 */
export async function rehearseWebhook(connection: ClusterConnection, tenantId: string | undefined, waiting: Waiting, deadlineMs: number): Promise<string> {
  return until({ ...patience, deadlineMs }, waiting, async () => {
    const made = await connection.rehearse(pod).catch((error: unknown) => unanswered(error));
    const fault = made instanceof Problem ? made.parts.because : faultOf(made, tenantId);
    if (fault === undefined && !(made instanceof Problem)) return { done: `pods get a token file for ${lifeOf(made)} s and tenant ${tenantOf(made)}` };
    return { wait: 'waiting for the webhook of workload identity', failure: idle(connection.label, fault ?? '') };
  });
}

/** As small as a pod can be, and within the strictest Pod Security level, so that nothing but the webhook has a say in it. */
const pod: ClusterObject = {
  ...kinds.pod,
  metadata: { name: 'aks-workload-identity-rehearsal', namespace, labels: { [identityKeys.use]: 'true' } },
  spec: {
    serviceAccountName: 'default',
    automountServiceAccountToken: false,
    restartPolicy: 'Never',
    securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{
      name: 'rehearsal',
      image: 'mcr.microsoft.com/oss/kubernetes/pause:3.9',
      resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '1m', memory: '1Mi' } },
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    }],
  },
};

/** A webhook that does not answer makes the API server fail with its name; everything else is a refusal of its own. */
function unanswered(error: unknown): Problem {
  if (error instanceof Problem && /failed calling webhook "[^"]*azure-workload-identity/.test(error.parts.because)) return error;
  throw error;
}

function faultOf(made: ClusterObject, tenantId: string | undefined): string | undefined {
  const expected = { clientId: '', tenantId: tenantId ?? tenantOf(made) };
  return identityFaults(made, expected).find(({ aspect }) => aspect !== 'clientId')?.text;
}

function tenantOf(made: ClusterObject): string {
  const variables = objects(object(made.spec).containers).flatMap(({ env }) => objects(env));
  return text(variables.find(({ name }) => name === 'AZURE_TENANT_ID')?.value) ?? '';
}

function lifeOf(made: ClusterObject): number {
  const sources = objects(object(made.spec).volumes).flatMap(({ projected }) => objects(object(projected).sources));
  return Math.max(0, ...sources.flatMap(({ serviceAccountToken }) => number(object(serviceAccountToken).expirationSeconds) ?? []));
}

function idle(cluster: string, because: string): Problem {
  return new Problem({
    code: 'WI2116',
    what: `The webhook of workload identity on ${cluster} does not serve pods`,
    tried: 'let the API server rehearse a pod with the label azure.workload.identity/use, and look at its environment',
    because,
    remedy: 'look at deployment azure-wi-webhook-controller-manager in namespace kube-system, and at the MutatingWebhookConfiguration of azure-workload-identity; pods that start meanwhile have no identity',
  });
}
