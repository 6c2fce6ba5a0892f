import assert from 'node:assert/strict';
import { resourceName, type ObjectKind } from '../../../tasks/_shared/kubernetes/objects.js';
import { reachOf } from '../../../tasks/_shared/kubernetes/predictable-kinds.js';

const reach = (apiVersion: string, kind: string): string | undefined => reachOf({ apiVersion, kind });

describe('kinds whose resource names are certain', () => {
  it('tells those of namespaces from those of the cluster', () => {
    const named: [ObjectKind, string, string][] = [
      [{ apiVersion: 'v1', kind: 'ConfigMap' }, 'namespace', 'configmaps'],
      [{ apiVersion: 'v1', kind: 'Endpoints' }, 'namespace', 'endpoints'],
      [{ apiVersion: 'v1', kind: 'Namespace' }, 'cluster', 'namespaces'],
      [{ apiVersion: 'apps/v1', kind: 'DaemonSet' }, 'namespace', 'daemonsets'],
      [{ apiVersion: 'batch/v1', kind: 'CronJob' }, 'namespace', 'cronjobs'],
      [{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' }, 'namespace', 'horizontalpodautoscalers'],
      [{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' }, 'namespace', 'poddisruptionbudgets'],
      [{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' }, 'namespace', 'ingresses'],
      [{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' }, 'namespace', 'networkpolicies'],
      [{ apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass' }, 'cluster', 'ingressclasses'],
      [{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' }, 'cluster', 'clusterrolebindings'],
      [{ apiVersion: 'storage.k8s.io/v1', kind: 'CSIStorageCapacity' }, 'namespace', 'csistoragecapacities'],
      [{ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' }, 'cluster', 'priorityclasses'],
      [{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }, 'namespace', 'leases'],
    ];
    for (const [kind, place, plural] of named) {
      assert.equal(reachOf(kind), place, kind.kind);
      assert.equal(resourceName(kind.kind), plural);
    }
  });

  it('does not guess others, whatever their group is called', () => {
    assert.equal(reach('gateway.networking.k8s.io/v1', 'Gateway'), undefined);
    assert.equal(reach('metrics.k8s.io/v1', 'NodeMetrics'), undefined);
    assert.equal(reach('keda.sh/v1alpha1', 'ScaledObject'), undefined);
    assert.equal(reach('networking.k8s.io/v1', 'Gateway'), undefined);
    assert.equal(reach('scheduling.k8s.io/v1', ''), undefined);
  });
});
