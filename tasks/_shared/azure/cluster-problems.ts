import type { ClusterEntry } from '../fleet/clusters.js';
import { compareVersions } from '../fleet/versions.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { blocked, type Change } from '../reconcile/resource.js';
import type { ClusterState } from './cluster-state.js';

const ended = new Set(['Failed', 'Canceled']);

/** Why a cluster cannot be worked with at all; undefined when it can. */
export function unusable(state: ClusterState | undefined, cluster: ClusterEntry): Change | undefined {
  if (state === undefined) return blocked(notFound(cluster));
  if (state.power === 'Stopped') {
    return blocked({
      code: 'WI2102',
      what: `Cluster ${cluster.label} is stopped`,
      because: 'a stopped cluster accepts nothing but start and delete',
      remedy: `start it (az aks start --resource-group ${cluster.resourceGroup} --name ${cluster.name}) and run again, or take it off the list`,
    });
  }
  if (state.provisioningState === 'Deleting') {
    return blocked({
      code: 'WI2103',
      what: `Cluster ${cluster.label} is being deleted`,
      because: 'its state is Deleting',
      remedy: 'take it off the list of clusters',
    });
  }
  return undefined;
}

/** The problem of a cluster that is not there. */
export function notFound(cluster: ClusterEntry): ProblemParts {
  return {
    code: 'WI2101',
    what: `Cluster ${cluster.label} was not found`,
    tried: `read ${cluster.id}`,
    because: 'there is no such resource, or the service connection may not read it',
    remedy: 'correct the entry in the list of clusters, or grant the connection read access to the cluster',
  };
}

/**
 * Why a cluster must not be updated now, although its API server may well work; undefined when it may. What ARM says of its features
 * then is what was asked for, not what is in force.
 * Source: AKS docs, manage-abort-operations (Failed and Canceled are ends of an operation, not of the cluster).
 */
export function unchangeable(state: ClusterState, cluster: ClusterEntry): Change | undefined {
  if (!ended.has(state.provisioningState)) return undefined;
  return blocked({
    code: 'WI2103',
    what: `Cluster ${cluster.label} is in state ${state.provisioningState}`,
    because: 'its last operation did not succeed, so that AKS would refuse our change or repeat that operation with it',
    remedy: 'repair the cluster first (az aks update without arguments repeats its last state), then run again',
  });
}

/** Why a cluster is not changed now that is being upgraded: that takes long, and the change could be another one by its end. */
export function upgrading(state: ClusterState, cluster: ClusterEntry): Change | undefined {
  if (state.provisioningState !== 'Upgrading') return undefined;
  return blocked({
    code: 'WI2103',
    what: `Cluster ${cluster.label} is being upgraded`,
    because: 'its state is Upgrading, and AKS takes one operation at a time',
    remedy: 'wait until the upgrade has ended (az aks show --query provisioningState), then run again',
  });
}

/** Refuses clusters older than what workload identity is supported on by the caller's rules. */
export function tooOld(state: ClusterState, cluster: ClusterEntry, minimum: string): Change | undefined {
  if (compareVersions(state.kubernetesVersion, minimum) >= 0) return undefined;
  return blocked({
    code: 'WI2104',
    what: `Cluster ${cluster.label} runs Kubernetes ${state.kubernetesVersion}`,
    because: `at least ${minimum} is asked for (input minimumKubernetesVersion)`,
    remedy: 'upgrade the cluster and run again, or take it off the list',
  });
}
