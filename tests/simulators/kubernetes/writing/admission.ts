import type { KindRegistry } from '../objects/kinds.js';
import type { Identifiers } from '../objects/identifiers.js';
import { ApiError, refused } from '../objects/status.js';
import type { ObjectStore } from '../objects/store.js';
import { ensure, itemsAt, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import type { WebhookSetting } from '../options.js';
import { containersOf, injectIdentity, mount, wantsIdentity, WebhookDenial, webhookName } from './identity-webhook.js';
import { checkPodPolicies } from './pod-policies.js';

/** What the admission of pods looks at. */
export interface AdmissionContext {
  readonly store: ObjectStore;
  readonly kinds: KindRegistry;
  readonly ids: Identifiers;
  readonly webhook: () => WebhookSetting;
}

/**
 * Admission of a new pod, in place: the ServiceAccount plugin, then the workload-identity webhook, then Pod Security and quotas.
 * @throws ApiError 403 for a missing service account and what policies refuse, 400 for a token lifetime out of range, 500 for an unreachable webhook.
 */
export function admitPod(pod: KubernetesObject, context: AdmissionContext): void {
  const account = admitServiceAccount(pod, context);
  callWebhook(pod, account, context.webhook());
  checkPodPolicies(pod, context.store, context.kinds);
}

function callWebhook(pod: KubernetesObject, account: KubernetesObject, setting: WebhookSetting): void {
  if (!setting.enabled || !wantsIdentity(pod)) return;
  if (setting.reachable === false) {
    const post = 'Post "https://azure-wi-webhook-webhook-service.kube-system.svc:443/mutate-v1-pod?timeout=10s"';
    const message = `failed calling webhook "${webhookName}": failed to call webhook: ${post}: dial tcp 10.0.0.53:443: connect: connection refused`;
    throw new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
  }
  try {
    injectIdentity(pod, account.metadata.annotations ?? {}, setting);
  } catch (error) {
    if (!(error instanceof WebhookDenial)) throw error;
    throw new ApiError(400, 'BadRequest', `admission webhook "${webhookName}" denied the request: ${error.message}`);
  }
}

function admitServiceAccount(pod: KubernetesObject, { store, kinds, ids }: AdmissionContext): KubernetesObject {
  const spec = ensure(pod, 'spec');
  const name = textAt(spec, 'serviceAccountName') || 'default';
  Object.assign(spec, { serviceAccountName: name, serviceAccount: name });
  const account = store.get(kinds.named('ServiceAccount'), pod.metadata.namespace, name);
  if (account === undefined) {
    const why = `error looking up service account ${pod.metadata.namespace ?? ''}/${name}: serviceaccount "${name}" not found`;
    throw refused(kinds.named('Pod'), pod.metadata.name, why);
  }
  if ((!Array.isArray(spec.imagePullSecrets) || spec.imagePullSecrets.length === 0) && Array.isArray(account.imagePullSecrets)) spec.imagePullSecrets = account.imagePullSecrets;
  const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  if (mounts !== false) mountApiToken(spec, `kube-api-access-${ids.suffix()}`);
  return account;
}

function mountApiToken(spec: Fields, volume: string): void {
  const path = '/var/run/secrets/kubernetes.io/serviceaccount';
  const sources = [
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
  ];
  spec.volumes = [...itemsAt(spec, 'volumes'), { name: volume, projected: { defaultMode: 420, sources } }];
  for (const container of containersOf(spec)) mount(container, { name: volume, readOnly: true, mountPath: path });
}
