import { createHash } from 'node:crypto';
import type { KindRegistry } from '../objects/kinds.js';
import type { Identifiers } from '../objects/identifiers.js';
import { ApiError, refused } from '../objects/status.js';
import type { ObjectStore } from '../objects/store.js';
import { at, ensure, itemsAt, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import type { WebhookSetting } from '../options.js';

const prefix = 'azure.workload.identity/';
const webhookName = 'mutation.azure-workload-identity.io';

/** What the admission of pods looks at. */
export interface AdmissionContext {
  readonly store: ObjectStore;
  readonly kinds: KindRegistry;
  readonly ids: Identifiers;
  readonly webhook: () => WebhookSetting;
}

/**
 * Admission of a new pod, in place: the ServiceAccount plugin, then the workload-identity webhook.
 * @throws ApiError 403 for a missing service account, 400 for a token lifetime out of range, 500 for an unreachable webhook.
 */
export function admitPod(pod: KubernetesObject, context: AdmissionContext): void {
  const account = admitServiceAccount(pod, context);
  const setting = context.webhook();
  const wanted = pod.metadata.labels?.[`${prefix}use`] === 'true';
  if (!setting.enabled || !wanted || pod.metadata.namespace === 'kube-system') return;
  if (setting.reachable === false) {
    const post = 'Post "https://azure-wi-webhook-webhook-service.kube-system.svc:443/mutate-v1-pod?timeout=10s"';
    const message = `failed calling webhook "${webhookName}": failed to call webhook: ${post}: dial tcp 10.0.0.53:443: connect: connection refused`;
    throw new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
  }
  injectIdentity(pod, account, setting);
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
  if (spec.imagePullSecrets === undefined && Array.isArray(account.imagePullSecrets)) spec.imagePullSecrets = account.imagePullSecrets;
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

function containersOf(spec: Fields): Fields[] {
  return [...itemsAt(spec, 'initContainers'), ...itemsAt(spec, 'containers')];
}

function mount(container: Fields, added: Fields): void {
  const present = itemsAt(container, 'volumeMounts');
  if (!present.some((other) => other.mountPath === added.mountPath)) container.volumeMounts = [...present, added];
}

/** Volume and mount path per version. Source: azure-workload-identity pkg/webhook/consts.go and webhook.go. */
function placeOf(pod: KubernetesObject, version: WebhookSetting['version']): { volume: string; path: string; file: string } {
  if (version === '1.5.1') {
    const path = '/var/run/secrets/azure/tokens';
    return { volume: 'azure-identity-token', path, file: `${path}/azure-identity-token` };
  }
  const path = '/var/run/secrets/azure/wi';
  const named = pod.metadata.name === '' ? `${pod.metadata.generateName ?? ''} (prefix)` : pod.metadata.name;
  const volume = `azure-workload-identity-reserved-${createHash('sha256').update(named).digest('hex')}`.slice(0, 63);
  return { volume, path, file: `${path}/token/azure-identity-token` };
}

function injectIdentity(pod: KubernetesObject, account: KubernetesObject, setting: WebhookSetting): void {
  const annotations = account.metadata.annotations ?? {};
  const expirationSeconds = lifetime(pod.metadata.annotations?.[`${prefix}service-account-token-expiration`] ?? annotations[`${prefix}service-account-token-expiration`]);
  const { volume, path, file } = placeOf(pod, setting.version);
  const variables: [string, string][] = [
    ['AZURE_CLIENT_ID', annotations[`${prefix}client-id`] ?? ''],
    ['AZURE_TENANT_ID', annotations[`${prefix}tenant-id`] ?? setting.tenantId],
    ['AZURE_FEDERATED_TOKEN_FILE', file],
    ['AZURE_AUTHORITY_HOST', setting.authorityHost],
  ];
  const skipped = (pod.metadata.annotations?.[`${prefix}skip-containers`] ?? '').split(';').map((name) => name.trim());
  const spec = ensure(pod, 'spec');
  for (const container of containersOf(spec)) {
    if (skipped.includes(textAt(container, 'name'))) continue;
    const present = itemsAt(container, 'env');
    const added = variables.filter(([name, value]) => value !== '' && !present.some((variable) => variable.name === name));
    container.env = [...present, ...added.map(([name, value]) => ({ name, value }))];
    mount(container, { name: volume, readOnly: true, mountPath: path });
  }
  const tokenPath = file.slice(path.length + 1);
  const projected = { defaultMode: 420, sources: [{ serviceAccountToken: { audience: 'api://AzureADTokenExchange', expirationSeconds, path: tokenPath } }] };
  const volumes = itemsAt(spec, 'volumes');
  if (!volumes.some((other) => at(other, 'name') === volume)) spec.volumes = [...volumes, { name: volume, projected }];
}

function lifetime(written: string | undefined): number {
  const seconds = written === undefined ? 3600 : Number(written);
  if (Number.isInteger(seconds) && seconds >= 3600 && seconds <= 86_400) return seconds;
  const why = Number.isInteger(seconds) ? `token expiration ${seconds} not valid. Expected value to be between 3600 and 86400` : `strconv.ParseInt: parsing "${written ?? ''}": invalid syntax`;
  throw new ApiError(400, 'BadRequest', `admission webhook "${webhookName}" denied the request: ${why}`);
}
