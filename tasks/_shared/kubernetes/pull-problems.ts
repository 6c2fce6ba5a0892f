import { Problem } from '../reconcile/problem.js';
import type { PullSettings } from './pull-rehearsal.js';

/** What can be wrong with a pull. */
export interface PullProblems {
  refused(pool: string, node: string, because: string): Problem;
  untried(pool: string, node: string, because: string): Problem;
  cached(pool: string, nodes: number): Problem;
  noNode(pool: string, nodes: number): Problem;
  fromAccount(secret: string): Problem;
  nowhere(): Problem;
  stays(pod: string): Problem;
}

/** The Problems of a pull without some Secrets. Where one of them is thrown, nothing was changed for any pull. */
export function pullProblems({ connection, namespace, release, serviceAccount, image, without }: PullSettings): PullProblems {
  const { label } = connection;
  const tried = `pull ${image} without ${without.join(', ')} as service account ${namespace}/${serviceAccount}`;
  const place = `${namespace}/${release} on ${label}`;
  return {
    refused: (pool, node, because) =>
      new Problem({ code: 'WI4803', what: `Node pool ${pool} of ${label} cannot pull the images of ${namespace}/${release} without ${without.join(', ')}`, tried: `${tried} on node ${node}`, because, remedy: 'grant AcrPull on the registry to the kubelet identity of the cluster (task GrantRegistryRole with principal: kubelet), check that pullProofImage is there and that the nodes reach the registry, and run again' }),
    untried: (pool, node, because) =>
      new Problem({ code: 'WI4804', what: `It could not be tried whether node pool ${pool} of ${label} pulls without ${without.join(', ')}`, tried: `${tried} on node ${node}`, because, remedy: 'correct what the reason names, or wait until the node is well, and run again' }),
    cached: (pool, nodes) =>
      new Problem({ code: 'WI4805', what: `Every node of pool ${pool} of ${label} has ${image} already`, tried: 'find a node that has to pull it', because: `all ${nodes} ready nodes list it among their images, so that a pull would prove nothing`, remedy: 'name an image in pullProofImage that no node has, such as a new tag with another content in the same registry' }),
    noNode: (pool, nodes) =>
      new Problem({ code: 'WI4806', what: `Node pool ${pool} of ${label} has no ready node to try a pull on`, tried: 'find a node of each pool that the pods can land on', because: nodes === 0 ? 'it has no node at the moment, and the pods could land on it once it has' : `none of its ${nodes} nodes that the pods can land on is ready`, remedy: 'scale it up for this run, or keep the pods off it (nodeSelector, node affinity, or a taint on the pool)' }),
    fromAccount: (secret) =>
      new Problem({ code: 'WI4807', what: `The pods of ${place} would go on pulling with ${secret}`, tried, because: `service account ${namespace}/${serviceAccount} names it in imagePullSecrets, and Kubernetes gives that to every pod without image pull secrets of its own`, remedy: `take it out of the service account: kubectl edit serviceaccount ${serviceAccount} --namespace ${namespace}` }),
    nowhere: () =>
      new Problem({ code: 'WI4808', what: `No node pool of ${label} can take the pods of ${namespace}/${release}`, tried: 'find a node of each pool that the pods can land on', because: 'node selectors, node affinity or taints exclude all of them', remedy: 'correct where the pods may land, and run again' }),
    stays: (pod) =>
      new Problem({ code: 'WI4809', what: `Pod ${pod} of ${place} does not go`, tried: 'delete it, since an earlier run left it', because: 'it is still there a minute after it was deleted', remedy: `look at its finalizers and its node, or delete it by hand: kubectl delete pod ${pod} --namespace ${namespace} --force` }),
  };
}
