import { clusters } from '../../tests/simulators/world/contoso.js';
import type { KubernetesApi, KubernetesObject } from '../../tests/simulators/kubernetes/kubernetes-api.js';
import type { World } from '../../tests/simulators/world/world.js';

/** A text that is in a Secret of the example, and must be nowhere else. */
export const secretCanary = 'canary0billing0storage0key0c0ffee0';

/** Adds what teams have in the clusters: the namespace `orders` in good order, `billing` in production as it was made by hand. */
export function addNamespaces(world: World): void {
  for (const { name } of Object.values(clusters)) secureOrders(clusterNamed(world, name));
  const production = clusterNamed(world, clusters.prd.name);
  production.put({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { namespace: 'orders', name: 'compute' }, spec: { hard: { 'requests.cpu': '4', 'requests.memory': '8Gi', 'limits.memory': '8Gi' } } });
  for (const object of billing()) production.put(object);
  leaveNamespace(clusterNamed(world, clusters.test.name), 'campaign');
}

function clusterNamed(world: World, name: string): KubernetesApi {
  const found = world.clusters.get(name);
  if (found === undefined) throw new Error(`no cluster ${name}`);
  return found;
}

function secureOrders(api: KubernetesApi): void {
  api.edit('Namespace', undefined, 'orders', ({ metadata }) => {
    metadata.labels = { ...metadata.labels, 'pod-security.kubernetes.io/enforce': 'restricted' };
  });
  api.put({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace: 'orders', name: 'default-deny' }, spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } });
}

/** A namespace that somebody deleted, and that a finalizer keeps. */
function leaveNamespace(api: KubernetesApi, name: string): void {
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, finalizers: ['contoso.example/archive'] } });
  api.remove('Namespace', undefined, name);
}

/** The namespace of another team, and the binding of somebody who once helped there. */
function billing(): KubernetesObject[] {
  const namespace = 'billing';
  const labels = { app: 'billing-web' };
  const key = Buffer.from(secretCanary.padEnd(64, '0')).toString('base64');
  const connection = `DefaultEndpointsProtocol=https;AccountName=stcontosobilling;AccountKey=${key};EndpointSuffix=core.windows.net`;
  const api = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'invoices-storage' }, type: 'Opaque', data: { connection: Buffer.from(connection).toString('base64') } },
    { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name: 'billing-web' }, spec: { type: 'LoadBalancer', selector: labels, ports: [{ port: 443 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name: 'billing-web' },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'crcontosoprd.azurecr.io/billing/web:4.2.0' }] } } },
    },
    {
      apiVersion: `${api}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'migration-helper' },
      roleRef: { apiGroup: api, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: api, kind: 'User', name: 'robin@contoso.example' }],
    },
  ];
}
