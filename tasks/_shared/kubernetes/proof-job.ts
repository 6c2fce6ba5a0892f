import { object, objects, strings, type Json } from '../fleet/json.js';
import { identityKeys } from './connection.js';
import { kinds, type ClusterObject, type ObjectRef } from './objects.js';
import { podProofScript } from './pod-proof-script.js';

/** What a proof inside the cluster is made of. */
export interface ProofJob {
  readonly namespace: string;
  readonly release: string;
  readonly serviceAccount: string;
  /** Has sh and curl. */
  readonly image: string;
  /** What the token is asked for: `https://vault.azure.net/.default`. */
  readonly scope: string;
  /** Address of the vault with its closing slash, and the version of its API; absent where no secret is read. */
  readonly vault?: { readonly uri: string; readonly apiVersion: string };
  /** Names of the secrets that have to be readable. */
  readonly secrets: readonly string[];
  /** How long the script goes on asking. Milliseconds. */
  readonly timeoutMs: number;
}

/** Label of the job's pod, value: the release. */
const proofLabel = 'aks-workload-identity/proof';
const container = 'proof';
/** Where the kubelet takes the reason of a container's end from. Source: Kubernetes docs, customizing the termination message. */
const terminationLog = '/dev/termination-log';
/** Added to what the script may take, for the image and for a node. Seconds. */
const startSeconds = 120;
/** After which a finished job goes by itself, should nobody have removed it. Seconds. */
const lifeSeconds = 600;
/** Before its first probe a container counts as not ready, and this one ends before. Source: Kubernetes docs, container probes. Seconds. */
const neverReady = 86_400;

/** Name of the job of a release; equal in every run, so that a later one finds what an earlier one left. A release has at most 53 characters, a job 63. */
export function proofJobRef({ namespace, release }: Pick<ProofJob, 'namespace' | 'release'>): ObjectRef {
  return { ...kinds.job, namespace, name: `wi-proof-${release}` };
}

/** Selects the job's pod. */
export function proofSelector(release: string): string {
  return `${proofLabel}=${release}`;
}

/** The labels of the job's pod: those of the workload, so that its network policies apply, with the identity's. */
export function proofLabels(template: Json, release: string): Record<string, string> {
  return { ...strings(object(template.metadata).labels), [identityKeys.use]: 'true', [proofLabel]: release };
}

/**
 * A job whose one pod is the workload as far as network and identity go: its labels, its service account, its nodes. It is never ready, so that no Service sends anything to it although
 * its labels match; it keeps to the Pod Security level `restricted`; and it ends by itself whatever becomes of the run that made it.
 * @param template pod template of the workload
 */
export function proofJob(job: ProofJob, template: Json): ClusterObject {
  const { apiVersion, kind, name, namespace } = proofJobRef(job);
  const seconds = Math.ceil(job.timeoutMs / 1_000);
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, labels: { [proofLabel]: job.release } },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: seconds + startSeconds,
      ttlSecondsAfterFinished: lifeSeconds,
      template: { metadata: { labels: proofLabels(template, job.release) }, spec: podSpec(job, object(template.spec), seconds) },
    },
  };
}

function podSpec(job: ProofJob, of: Json, seconds: number): Json {
  const { nodeSelector, tolerations, imagePullSecrets } = of;
  const environment = { WI_VERDICT: terminationLog, WI_SCOPE: encodeURIComponent(job.scope), WI_SECONDS: String(seconds), WI_PAUSE: '5', WI_VAULT: (job.vault?.uri ?? '').replace(/\/$/, ''), WI_API: job.vault?.apiVersion ?? '', WI_SECRETS: job.secrets.join(' ') };
  return {
    restartPolicy: 'Never',
    serviceAccountName: job.serviceAccount,
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(imagePullSecrets === undefined ? {} : { imagePullSecrets }),
    securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [{
      name: container,
      image: job.image,
      command: ['sh', '-c', podProofScript],
      env: Object.entries(environment).map(([name, value]) => ({ name, value })),
      terminationMessagePath: terminationLog,
      terminationMessagePolicy: 'File',
      readinessProbe: { exec: { command: ['sh', '-c', 'exit 1'] }, initialDelaySeconds: neverReady },
      resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
    }],
  };
}

/** What the script said last; undefined while it runs, empty where it ended without a word. */
export function verdictOf(pod: ClusterObject): string | undefined {
  const own = objects(object(pod.status).containerStatuses).find(({ name }) => name === container);
  const ended = object(object(own?.state).terminated);
  if (ended.exitCode === undefined) return undefined;
  return typeof ended.message === 'string' ? ended.message.trim() : '';
}
