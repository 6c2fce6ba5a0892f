import { controllerOf, type KubernetesObject } from '../objects/values.js';
import type { ControlContext } from './control-context.js';

const namespace = 'kube-system';
const labels = { 'azure-workload-identity.io/system': 'true', app: 'workload-identity-webhook' };

/** The objects of the workload-identity add-on. Source: the azure-workload-identity chart; AKS puts them into kube-system. */
export function addOnObjects(version: string, tenant: string): KubernetesObject[] {
  const metadata = (name: string): KubernetesObject['metadata'] => ({ name, namespace, labels });
  const container = { name: 'manager', image: `mcr.microsoft.com/oss/azure/workload-identity/webhook:v${version}`, ports: [{ containerPort: 9443, name: 'webhook-server' }] };
  const service = { name: 'azure-wi-webhook-webhook-service', namespace, path: '/mutate-v1-pod', port: 443 };
  const webhook = {
    name: 'mutation.azure-workload-identity.io',
    admissionReviewVersions: ['v1', 'v1beta1'],
    clientConfig: { service },
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    objectSelector: { matchLabels: { 'azure.workload.identity/use': 'true' } },
    reinvocationPolicy: 'IfNeeded',
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: '*' }],
    sideEffects: 'None',
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata('azure-wi-webhook-admin') },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('azure-wi-webhook-config'), data: { AZURE_ENVIRONMENT: 'AzurePublicCloud', AZURE_TENANT_ID: tenant } },
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata('azure-wi-webhook-server-cert') },
    { apiVersion: 'v1', kind: 'Service', metadata: metadata('azure-wi-webhook-webhook-service'), spec: { ports: [{ port: 443, targetPort: 9443 }], selector: labels } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: metadata('azure-wi-webhook-controller-manager'),
      spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { serviceAccountName: 'azure-wi-webhook-admin', containers: [container] } } },
    },
    { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration', metadata: { name: 'azure-wi-webhook-mutating-webhook-configuration', labels }, webhooks: [webhook] },
  ];
}

/** Puts the add-on's objects into the cluster while the webhook is enabled and takes them away when it is not. */
export function runWebhookAddOn(context: ControlContext): void {
  const setting = context.webhook();
  for (const object of addOnObjects(setting.version, setting.tenantId)) {
    const kind = context.kinds.named(object.kind);
    const found = context.store.get(kind, object.metadata.namespace, object.metadata.name);
    if (setting.enabled && found === undefined) context.create(object.kind, object);
    if (!setting.enabled && found !== undefined && controllerOf(found) === undefined) context.remove(found);
  }
}
