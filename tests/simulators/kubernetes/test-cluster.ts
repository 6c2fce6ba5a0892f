import assert from 'node:assert/strict';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import type { ClusterAccess } from './access.js';
import { KubernetesApi } from './kubernetes-api.js';
import { textAt, type Fields } from './objects/values.js';
import type { KubernetesApiOptions, WebhookSetting } from './options.js';

/** `Bearer admin` may do everything, `Bearer dev` nothing that RBAC does not allow. */
export const access: ClusterAccess = {
  authenticate: (authorization) => {
    if (authorization === 'Bearer admin') return { name: 'admin', groups: ['system:masters'] };
    return authorization === 'Bearer dev' ? { name: 'dev', groups: [] } : undefined;
  },
  authorize: () => false,
};

export const webhookSetting: WebhookSetting = { enabled: true, version: '1.6.0', tenantId: 'tenant-1', authorityHost: 'https://login.microsoftonline.com/' };

/** How a test asks; everything has a default. */
export interface Asking {
  readonly body?: unknown;
  readonly type?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A cluster on a virtual clock with a way to ask it over its API. */
export class TestCluster {
  readonly clock = new VirtualClock();
  issuer = 'https://issuer.test/one/';
  webhook: WebhookSetting = webhookSetting;
  readonly api: KubernetesApi;

  constructor(options: Partial<KubernetesApiOptions> = {}) {
    this.api = new KubernetesApi({ name: 'kubernetes/test', clock: this.clock, version: 'v1.33.2', access, serviceAccountIssuer: () => this.issuer, webhook: () => this.webhook, seed: 1, ...options });
    this.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ns' } });
  }

  async raw(method: string, path: string, asking: Asking = {}): Promise<SimResponse> {
    const { body, type = 'application/json', token = 'admin', headers = {}, signal = new AbortController().signal } = asking;
    const content = body === undefined ? Buffer.alloc(0) : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const all = { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': type }), 'user-agent': 'tester/1.0', ...headers };
    return this.api.handle({ method, url: new URL(path, 'https://kubernetes.test'), headers: all, body: content, signal });
  }

  /** Asks and expects a status; gives the JSON body. */
  async ask(status: number, method: string, path: string, asking: Asking = {}): Promise<Fields> {
    const response = await this.raw(method, path, asking);
    assert.equal(response.status, status, JSON.stringify(response.body));
    const body: unknown = JSON.parse(JSON.stringify(response.body ?? null));
    return isRecord(body) ? body : {};
  }

  /** Asks and expects a refusal; gives its message. */
  async refusal(status: number, method: string, path: string, asking: Asking = {}): Promise<string> {
    const body = await this.ask(status, method, path, asking);
    assert.equal(body.kind, 'Status');
    return textAt(body, 'message');
  }

  /** Server-side apply. */
  async apply(status: number, path: string, manager: string, body: Fields, force = false): Promise<Fields> {
    return this.ask(status, 'PATCH', `${path}?fieldManager=${manager}&force=${String(force)}`, { body, type: 'application/apply-patch+yaml' });
  }
}

export const configMaps = '/api/v1/namespaces/ns/configmaps';
export const deployments = '/apis/apps/v1/namespaces/ns/deployments';

export function configMap(data: Readonly<Record<string, string>>, name = 'cm', extra: Fields = {}): Fields {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...extra }, data };
}

/** A deployment of one container. */
export function deployment(name = 'web', image = 'nginx:1', replicas = 2, podLabels: Readonly<Record<string, string>> = {}): Fields {
  const labels = { app: name, ...podLabels };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image, ports: [{ containerPort: 80 }] }] } };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'ns' }, spec: { replicas, selector: { matchLabels: { app: name } }, template } };
}
