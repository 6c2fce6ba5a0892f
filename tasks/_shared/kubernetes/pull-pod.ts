import { object, objects, text, type Json } from '../fleet/json.js';
import { ownKeys } from './connection.js';
import { kinds, metadataOf, type ClusterObject, type ObjectRef } from './objects.js';

/** One pull that is tried. */
export interface PullPod {
  readonly namespace: string;
  readonly release: string;
  readonly serviceAccount: string;
  readonly image: string;
  readonly pool: string;
  readonly node: string;
  /** Names of the Secrets that the pods go on pulling with. */
  readonly pullSecrets: readonly string[];
  /** How long it may take. Milliseconds. */
  readonly timeoutMs: number;
}

const container = 'pull';
/** Of a program that no image has, so that nothing of the image runs. */
const nothing = '/aks-workload-identity-pulls-and-runs-nothing';
/** Of a container that waits for something that comes after the pull. Source: kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go, startContainer: pull, create, start. */
const afterPull: readonly string[] = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'CrashLoopBackOff'];

/** Selects the pods of a release. */
export function pullSelector(release: string): string {
  return `${ownKeys.pull}=${release}`;
}

/** The pod of a pool; equal in every run, so that a later one finds what an earlier one left. */
export function pullPodRef({ namespace, release, pool }: Pick<PullPod, 'namespace' | 'release' | 'pool'>): ObjectRef {
  return { ...kinds.pod, namespace, name: `wi-pull-${release}-${pool}` };
}

/**
 * A pod that makes one node pull an image with what the workload's pods will pull it with, and that then ends. It is bound to its node without a scheduler, has no label of
 * the workload, so that no Service knows it, and keeps to the Pod Security level `restricted`. `Always` lets the kubelet ask the registry, with its credentials, whatever
 * the node has: absence from the list in a node's status proves little, since that list is cut off. Sources: Kubernetes docs, images, image pull policy;
 * kubelet reference, nodeStatusMaxImages.
 */
export function pullPod(pull: PullPod): ClusterObject {
  const { apiVersion, kind, name, namespace } = pullPodRef(pull);
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, labels: { [ownKeys.pull]: pull.release } },
    spec: {
      nodeName: pull.node,
      restartPolicy: 'Never',
      activeDeadlineSeconds: Math.ceil(pull.timeoutMs / 1_000),
      serviceAccountName: pull.serviceAccount,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      tolerations: [{ operator: 'Exists' }],
      ...(pull.pullSecrets.length === 0 ? {} : { imagePullSecrets: pull.pullSecrets.map((secret) => ({ name: secret })) }),
      securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{
        name: container,
        image: pull.image,
        imagePullPolicy: 'Always',
        command: [nothing],
        resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '100m', memory: '32Mi' } },
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
      }],
    },
  };
}

/** Names of the Secrets that a pod, or a pod template, pulls its images with. */
export function pullSecretsOf(spec: unknown): string[] {
  return objects(object(spec).imagePullSecrets).flatMap(({ name }) => text(name) ?? []);
}

/**
 * True once the node has the image: it is known by its id, or what comes after the pull was tried. An end alone says nothing: a pod that is ended before it pulled gets
 * one, too. Source: kubernetes pkg/kubelet/status/status_manager.go, TerminatePod (ContainerStatusUnknown).
 */
export function hasPulled(pod: ClusterObject): boolean {
  const own = ownStatus(pod);
  const { waiting, running } = object(own.state);
  return text(own.imageID) !== undefined || running !== undefined || afterPull.includes(text(object(waiting).reason) ?? '');
}

/** Why the kubelet turned a pod away, or ended it before it had pulled; undefined where it did not. */
export function turnedAway(pod: ClusterObject): string | undefined {
  const { phase, reason, message } = object(pod.status);
  if (phase !== 'Failed' || hasPulled(pod)) return undefined;
  return [text(reason), text(message)].filter((part) => part !== undefined).join(': ') || 'it failed without a reason';
}

/** True where the list in a node's status names the image. */
export function isCached(node: Json, image: string): boolean {
  return objects(object(node.status).images).some(({ names }) => Array.isArray(names) && names.some((name) => name === image));
}

function ownStatus(pod: ClusterObject): Json {
  return objects(object(pod.status).containerStatuses).find(({ name }) => name === container) ?? {};
}

/** Name of the node pool of a node: its label, which AKS or node autoprovisioning puts there; the node itself where there is none. Sources: AKS docs, use-labels; Karpenter docs, nodepools. */
export function poolOf(node: ClusterObject): string {
  const { labels, name } = metadataOf(node);
  return labels['kubernetes.azure.com/agentpool'] ?? labels.agentpool ?? labels['karpenter.sh/nodepool'] ?? name;
}
