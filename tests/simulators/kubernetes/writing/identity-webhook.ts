import { createHash } from 'node:crypto';
import { at, ensure, itemsAt, textAt, type Fields, type KubernetesObject } from '../objects/values.js';
import type { WebhookSetting } from '../options.js';

const prefix = 'azure.workload.identity/';

/** As the add-on's configuration names the webhook. */
export const webhookName = 'mutation.azure-workload-identity.io';

/** The webhook's answer when it refuses a pod; the message is its own, to which the API server adds the webhook's name. */
export class WebhookDenial extends Error {
  override readonly name = 'WebhookDenial';
}

/** True for pods that the webhook is called for. */
export function wantsIdentity({ metadata }: KubernetesObject): boolean {
  return metadata.labels?.[`${prefix}use`] === 'true' && metadata.namespace !== 'kube-system';
}

/** All containers of a pod but ephemeral ones. */
export function containersOf(spec: Fields): Fields[] {
  return [...itemsAt(spec, 'initContainers'), ...itemsAt(spec, 'containers')];
}

/** Mounts a volume where nothing is mounted yet. */
export function mount(container: Fields, added: Fields): void {
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

/**
 * What the webhook makes of a new pod, in place; nothing where it is off, in kube-system, and for pods without the label.
 * @param annotations those of the pod's service account.
 * @throws WebhookDenial for a token lifetime out of range.
 */
export function injectIdentity(pod: KubernetesObject, annotations: Readonly<Record<string, string>>, setting: WebhookSetting): void {
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
  throw new WebhookDenial(why);
}
