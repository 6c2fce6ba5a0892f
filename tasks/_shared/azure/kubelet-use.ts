import { lastPart, sameId } from '../fleet/arm-id.js';
import type { ClusterState } from './cluster-state.js';

/** The cluster whose nodes run as a principal, as far as that can be seen. */
export interface KubeletUse {
  /** Its name; absent when none that is seen does. */
  readonly user?: string;
  /** Why that does not tell it for sure, in a clause. */
  readonly unclear?: string;
}

/** Looks for a cluster whose nodes run as a principal. One that does not say what its nodes run as leaves it unclear. */
export function kubeletUse(clusters: readonly ClusterState[], principalId: string): KubeletUse {
  const user = clusters.find(({ kubelet }) => kubelet !== undefined && sameId(kubelet.objectId, principalId));
  if (user !== undefined) return { user: lastPart(user.id) };
  const silent = clusters.find(({ kubelet }) => kubelet === undefined);
  return silent === undefined ? {} : { unclear: `cluster ${lastPart(silent.id)} does not say which identity its nodes run as` };
}
