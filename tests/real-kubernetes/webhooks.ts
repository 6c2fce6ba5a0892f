import jsonPatch from 'fast-json-patch';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from '../simulators/kernel/certificate-authority.js';
import type { ClusterAccess } from '../simulators/kubernetes/access.js';
import type { WebhookSetting } from '../simulators/kubernetes/options.js';
import { copy, fieldsAt, isObject, mapAt, textAt, textsAt, type Fields } from '../simulators/kubernetes/objects/values.js';
import { injectIdentity, wantsIdentity, WebhookDenial } from '../simulators/kubernetes/writing/identity-webhook.js';

/** What an API server asks others about. */
export interface WebhookParts {
  readonly certificate: Certificate;
  readonly access: ClusterAccess;
  readonly webhook: () => WebhookSetting;
  /** The annotations of a service account; empty when there is none. */
  readonly annotations: (namespace: string, serviceAccount: string) => Promise<Record<string, string>>;
}

export const webhookPaths = { authenticate: '/authenticate', authorize: '/authorize', mutate: '/mutate-v1-pod' } as const;

/**
 * What stands beside an API server on AKS: who somebody is, what they may do, and the workload-identity webhook. The answers are those of the
 * simulator's own code. Sources: Kubernetes docs, webhook token authentication, webhook mode, dynamic admission control.
 */
export class Webhooks {
  readonly #server: Server;

  constructor(private readonly parts: WebhookParts) {
    const { key, certificate: cert } = parts.certificate;
    this.#server = createServer({ key, cert }, (incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        this.#answer(incoming.url ?? '', JSON.parse(Buffer.concat(chunks).toString('utf8')) as Fields).then(
          (answer) => {
            if (answer === undefined) outgoing.destroy();
            else outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
          },
          (error: unknown) => outgoing.writeHead(500).end(String(error)),
        );
      });
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Listens on a port of the loopback interface. @returns its address. */
  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  /** Undefined: the connection breaks. */
  async #answer(url: string, review: Fields): Promise<Fields | undefined> {
    const { apiVersion, kind } = review;
    const [path] = url.split('?');
    if (path === webhookPaths.authenticate) return { apiVersion, kind, status: this.#who(textAt(review, 'spec', 'token')) };
    if (path === webhookPaths.authorize) return { apiVersion, kind, status: { allowed: this.#may(fieldsAt(review, 'spec')) } };
    if (path !== webhookPaths.mutate) throw new Error(`nothing is at ${url}`);
    const { enabled, reachable } = this.parts.webhook();
    return enabled && reachable === false ? undefined : { apiVersion, kind, response: await this.#mutate(fieldsAt(review, 'request')) };
  }

  #who(token: string): Fields {
    const user = this.parts.access.authenticate(`Bearer ${token}`);
    return user === undefined ? { authenticated: false } : { authenticated: true, user: { username: user.name, uid: user.name, groups: user.groups } };
  }

  /** Paths that are no resources, and the system's own accounts, are RBAC's alone. */
  #may(spec: Fields): boolean {
    const name = textAt(spec, 'user');
    const asked = spec.resourceAttributes;
    if (asked === undefined || name.startsWith('system:')) return false;
    const part = (field: string): string => textAt(asked, field);
    const attributes = { verb: part('verb'), group: part('group'), resource: part('resource'), subresource: part('subresource'), namespace: part('namespace'), name: part('name') };
    return this.parts.access.authorize({ name, groups: textsAt(spec, 'groups') }, attributes);
  }

  async #mutate(request: Fields): Promise<Fields> {
    const uid = textAt(request, 'uid');
    const sent = fieldsAt(request, 'object');
    const namespace = textAt(request, 'namespace');
    const before = { ...sent, apiVersion: 'v1', kind: 'Pod', metadata: { ...fieldsAt(sent, 'metadata'), name: textAt(sent, 'metadata', 'name'), namespace } };
    const setting = this.parts.webhook();
    if (!isObject(before) || !setting.enabled || !wantsIdentity(before)) return { uid, allowed: true };
    const after = copy(before);
    const annotations = await this.parts.annotations(namespace, textAt(sent, 'spec', 'serviceAccountName') || 'default');
    try {
      injectIdentity(after, annotations, setting);
    } catch (error) {
      if (!(error instanceof WebhookDenial)) throw error;
      return { uid, allowed: false, status: { message: error.message } };
    }
    return { uid, allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(jsonPatch.compare(before, after))).toString('base64') };
  }
}

/** The annotations of an object; for {@link WebhookParts.annotations}. */
export function annotationsOf(object: unknown): Record<string, string> {
  return mapAt(object, 'metadata', 'annotations');
}
