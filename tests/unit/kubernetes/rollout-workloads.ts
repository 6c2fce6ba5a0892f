import type { KubernetesObject } from '../../simulators/kubernetes/kubernetes-api.js';

const use = 'azure.workload.identity/use';

/** How a workload differs from the usual: two replicas of contoso/api:1 with the label, as service account api. */
export interface Shape {
  readonly labels?: Record<string, string>;
  readonly image?: string;
  readonly replicas?: number;
  readonly env?: readonly { name: string; value: string }[];
  readonly serviceAccount?: string;
  readonly annotations?: Record<string, string>;
  readonly sidecar?: boolean;
}

/** A workload of release orders in namespace orders, as Helm makes it. */
export function workload(kind: 'Deployment' | 'StatefulSet' | 'DaemonSet', name: string, shape: Shape): KubernetesObject {
  const { labels = { [use]: 'true' }, image = 'contoso/api:1', replicas = 2, env = [], serviceAccount = 'api' } = shape;
  const selector = { app: name };
  const containers = [{ name: 'api', image, env }, ...(shape.sidecar === true ? [{ name: 'sidecar', image: 'contoso/sidecar:1' }] : [])];
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: {
      name,
      namespace: 'orders',
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { 'meta.helm.sh/release-name': 'orders', 'meta.helm.sh/release-namespace': 'orders' },
    },
    spec: {
      ...(kind === 'DaemonSet' ? {} : { replicas }),
      ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: { ...selector, ...labels }, ...(shape.annotations === undefined ? {} : { annotations: shape.annotations }) },
        spec: { serviceAccountName: serviceAccount, containers },
      },
    },
  };
}
