import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, type CertificateAuthority } from '../simulators/kernel/certificate-authority.js';
import { ConnectionLost } from '../simulators/kernel/network.js';
import { rsaPrivateKey } from '../simulators/kernel/rsa-keys.js';
import type { Service, SimRequest, SimResponse } from '../simulators/kernel/service.js';
import { addOnObjects } from '../simulators/kubernetes/controllers/webhook-add-on.js';
import { node, secretProviderClass } from '../simulators/kubernetes/initial-objects.js';
import { KindRegistry } from '../simulators/kubernetes/objects/kinds.js';
import { itemsAt, type Fields, type KubernetesObject } from '../simulators/kubernetes/objects/values.js';
import type { KubernetesApiOptions } from '../simulators/kubernetes/options.js';
import { namedBy } from '../simulators/kubernetes/serving/call.js';
import { ControlPlane } from './control-plane.js';
import { HttpsClient, Refusal, whole } from './https-client.js';
import { JobScripts } from './job-scripts.js';
import { Kubelet, type ImageRules } from './kubelet.js';
import { kubernetesVersion } from './kube-assets.js';
import { annotationsOf, webhookPaths, Webhooks } from './webhooks.js';

/** What a real API server is started with: the part of the simulator's options that has a meaning for it. */
export type RealOptions = Pick<KubernetesApiOptions, 'name' | 'access' | 'serviceAccountIssuer' | 'webhook' | 'rolloutMs' | 'nodes' | 'secretsStore'> & {
  /** Environment of job scripts, besides their own. */
  readonly scripts?: Readonly<Record<string, string>>;
};

/**
 * A real etcd, kube-apiserver and kube-controller-manager on the loopback interface, with what a cluster has around them. As a service of a
 * simulated network it hands requests on as they are, so that the network's log, faults and clock are those of the simulator.
 */
export class RealKubernetes implements Service {
  readonly name: string;
  readonly #kinds = new KindRegistry();

  private constructor(
    options: RealOptions,
    private readonly parts: { readonly folder: string; readonly plane: ControlPlane; readonly webhooks: Webhooks; readonly server: HttpsClient; readonly kubelet: Kubelet; readonly keys: Fields[] },
  ) {
    this.name = options.name;
  }

  /**
   * Starts all of it and waits until it serves.
   * @param assets folder with the programs.
   * @throws Error with the last lines of the program that did not start.
   */
  static async start(options: RealOptions, assets: string): Promise<RealKubernetes> {
    const folder = await mkdtemp(join(tmpdir(), 'aks-wi-kube-'));
    const authority = await createCertificateAuthority(new Date());
    const adminToken = randomUUID();
    const plane = await ControlPlane.prepare({ assets, folder, authority, adminToken, issuer: options.serviceAccountIssuer(), signingKey: rsaPrivateKey() });
    const server = new HttpsClient(plane.port, authority.certificate, adminToken);
    const webhooks = new Webhooks({
      certificate: authority.server,
      access: options.access,
      webhook: options.webhook,
      annotations: (namespace, name) => server.json('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`).then(annotationsOf, () => ({})),
    });
    try {
      const address = await webhooks.listen();
      await plane.start(server, address);
      const nodes = options.nodes ?? ['aks-nodepool1-12345678-vmss000000', 'aks-nodepool1-12345678-vmss000001'];
      const kubelet = new Kubelet(server, nodes, options.rolloutMs ?? 300, new JobScripts(server, options.scripts ?? {}));
      const keys = itemsAt(await server.json('GET', '/openid/v1/jwks'), 'keys');
      const real = new RealKubernetes(options, { folder, plane, webhooks, server, kubelet, keys });
      await real.#furnish(nodes, options, { address, authority });
      kubelet.start();
      return real;
    } catch (error) {
      server.close();
      await webhooks.close();
      await plane.stop();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The public keys that it serves. */
  jwks(): { keys: Fields[] } {
    return { keys: this.parts.keys };
  }

  /** How images behave; tests add to it. */
  get images(): ImageRules {
    return this.parts.kubelet.rules;
  }

  /** Whether all its programs run. */
  get running(): boolean {
    return this.parts.plane.running;
  }

  async handle(request: SimRequest): Promise<SimResponse> {
    const { method, url, body, signal } = request;
    const kept = Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name));
    const length = method === 'GET' || method === 'HEAD' ? {} : { 'content-length': String(body.length) };
    const answer = await this.parts.server.send({ method, path: url.pathname + url.search, headers: { ...Object.fromEntries(kept), ...length }, signal }, body).catch((error: unknown) => {
      throw new ConnectionLost(String(error));
    });
    const status = answer.statusCode ?? 502;
    const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !['connection', 'transfer-encoding', 'keep-alive'].includes(name)).map(([name, value]) => [name, String(value)]));
    const wrote = wroteOf(request, status);
    const content = isWatch(url) ? until(answer) : await whole(answer).catch((error: unknown) => {
      throw new ConnectionLost(String(error));
    });
    // Without a body there must be no type either: a 304 that names one changes what a client remembers.
    const carried = Buffer.isBuffer(content) && content.length === 0 ? {} : { body: content };
    return { status, headers, ...carried, ...(wrote === undefined ? {} : { wrote }) };
  }

  /** As the administrator, past the network's log. @throws Refusal */
  json(method: string, path: string, content?: object): Promise<Fields> {
    return this.parts.server.json(method, path, content);
  }

  /** The path of a kind's objects, or of one. */
  path(kindName: string, namespace: string | undefined, name = ''): string {
    const { group, version, plural } = this.#kinds.named(kindName);
    const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
    return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}${name === '' ? '' : `/${name}`}`;
  }

  /** Kills the API server, which is away for so long, and starts it again with what etcd has. Resolves when it serves. */
  async restart(awayMs: number): Promise<void> {
    const { plane, server } = this.parts;
    await plane.restart(server, awayMs);
  }

  async stop(): Promise<void> {
    const { kubelet, plane, webhooks, server, folder } = this.parts;
    await kubelet.stop();
    await plane.stop();
    await webhooks.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }

  async #furnish(nodes: readonly string[], options: RealOptions, { address, authority }: { readonly address: string; readonly authority: CertificateAuthority }): Promise<void> {
    const { tenantId, version } = options.webhook();
    for (const name of nodes) {
      const { status, ...made } = node(name, `v${kubernetesVersion}`);
      await this.#make(made);
      await this.parts.server.json('PATCH', `${this.path('Node', undefined, name)}/status`, { status }, 'application/merge-patch+json');
    }
    if (options.secretsStore ?? true) await this.#make(secretProviderClass);
    // The webhook itself is at an address here, and behind a service on AKS.
    const clientConfig = { url: `${address}${webhookPaths.mutate}`, caBundle: Buffer.from(authority.certificate).toString('base64') };
    for (const made of addOnObjects(version, tenantId)) {
      await this.#make(made.webhooks === undefined ? made : { ...made, webhooks: itemsAt(made, 'webhooks').map((webhook) => ({ ...webhook, clientConfig })) });
    }
  }

  async #make(made: KubernetesObject): Promise<void> {
    const path = this.path(made.kind, made.metadata.namespace);
    await this.parts.server.json('POST', path, made).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      throw new Error(`${made.kind} ${made.metadata.name} cannot be made: ${error.message}`);
    });
  }
}

function isWatch({ searchParams, pathname }: URL): boolean {
  return ['true', '1'].includes(searchParams.get('watch') ?? '') || searchParams.get('follow') === 'true' || pathname.includes('/watch/');
}

/** The chunks of a watch as they come; it simply ends where the connection breaks. */
async function* until(answer: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer) yield chunk as Buffer;
  } catch {
    // Whoever reads it sees the end and asks again.
  }
}

/** See {@link SimResponse.wrote}: reviews, token requests and dry runs only ask. */
function wroteOf({ method, url }: SimRequest, status: number): string | undefined {
  if (method === 'GET' || method === 'HEAD' || status < 200 || status > 299 || url.searchParams.has('dryRun')) return undefined;
  const { plural, namespace = '', name, subresource } = namedBy(url.pathname);
  return plural.endsWith('reviews') || subresource === 'token' ? undefined : `${plural} ${namespace}/${name}`;
}
