import type { ClusterConnection } from './connection.js';
import { kinds, metadataOf } from './objects.js';

/** The pod label by which pod-managed identities find their pods. Source: AKS docs, use-azure-ad-pod-identity. */
const binding = 'aadpodidbinding';

/** The pods of a cluster that use a pod-managed identity, as `pod orders/api-1`. @throws Problem when the cluster does not say. */
export async function podIdentityUsers(connection: ClusterConnection): Promise<string[]> {
  const pods = await connection.list(kinds.pod, undefined, binding, { metadataOnly: true });
  return pods.map((pod) => {
    const { namespace = '', name } = metadataOf(pod);
    return `pod ${namespace}/${name}`;
  });
}
