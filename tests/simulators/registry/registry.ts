import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { AccessControl, TokenAuthority } from '../azure/authority.js';
import { notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { Grants, type Grant } from './grants.js';
import { ImageStore } from './image-store.js';
import { pull } from './pull.js';
import { push } from './push.js';
import { challenge, insufficient } from './refusals.js';
import type { Route } from './route.js';
import type { RegistryKnobs, RegistrySettings } from './settings.js';
import { TokenService } from './token-service.js';

/** What a simulated registry is made of. */
export interface RegistryParts {
  readonly name: string;
  readonly clock: Clock;
  readonly authority: TokenAuthority;
  readonly access: AccessControl;
  /** Read on each request, so that a change of the ARM resource acts at once. */
  readonly settings: () => RegistrySettings;
  readonly knobs?: Partial<RegistryKnobs>;
}

/** The data plane of one container registry. See BEHAVIOUR.md. */
export class Registry implements Service {
  readonly name: string;
  readonly images = new ImageStore();
  readonly knobs: RegistryKnobs;
  readonly #settings: () => RegistrySettings;
  readonly #tokens: TokenService;

  constructor(parts: RegistryParts) {
    this.name = parts.name;
    this.#settings = parts.settings;
    this.knobs = { replicas: 1, replicaLagMs: 0, exchangeRefusal: 401, insufficientScope: 401, strangersMayExchange: true, adminPassword: 'canary-admin-password', ...parts.knobs };
    this.#tokens = new TokenService({
      clock: parts.clock,
      authority: parts.authority,
      grants: new Grants(parts.access, parts.settings),
      settings: parts.settings,
      knobs: this.knobs,
      repositories: () => this.images.repositories(),
    });
  }

  /** Plants a minimal image, as if somebody had pushed it; its digest. */
  addImage(repository: string, tag: string): string {
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }));
    const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: this.images.putBlob(repository, config), size: config.length };
    const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: descriptor, layers: [] }));
    return this.images.putManifest(repository, mediaType, manifest, tag);
  }

  /**
   * Plants a packed chart, as `helm push` would: under its version, `+` as `_`. Source: helm docs, use OCI-based registries.
   * @returns the digest of its manifest
   */
  addChart(repository: string, version: string, content: Buffer): string {
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const described = (type: string, bytes: Buffer): object => ({ mediaType: type, digest: this.images.putBlob(repository, bytes), size: bytes.length });
    const config = described('application/vnd.cncf.helm.config.v1+json', Buffer.from(JSON.stringify({ apiVersion: 'v2', name: repository.split('/').at(-1), version })));
    const layers = [described('application/vnd.cncf.helm.chart.content.v1.tar+gzip', content)];
    return this.images.putManifest(repository, mediaType, Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers })), version.replace('+', '_'));
  }

  handle(request: SimRequest): Promise<SimResponse> {
    return Promise.resolve(this.#route(request));
  }

  #route(request: SimRequest): SimResponse {
    const operation = `${request.method} ${request.url.pathname}`;
    if (operation === 'POST /oauth2/exchange') return this.#tokens.exchange(request);
    if (operation === 'POST /oauth2/token') return this.#tokens.token(request);
    if (operation === 'GET /oauth2/token') return this.#tokens.dockerToken(request);
    if (/^\/v2(\/|$)/.test(request.url.pathname)) return this.#images(request);
    return notSimulated(this.name, request);
  }

  #images(request: SimRequest): SimResponse {
    if (/^basic /i.test(request.headers.authorization ?? '')) return notSimulated(`${this.name} (basic authentication)`, request);
    const route = routeOf(request);
    if (route === undefined) return notSimulated(this.name, request);
    const bearer = this.#tokens.bearer(request.headers.authorization);
    if (bearer === undefined) return challenge(this.#settings(), route.needs);
    const { needs } = route;
    const held = (grant: Grant): boolean =>
      grant.type === needs?.type && grant.name === needs.name && grant.actions.includes(needs.action);
    if (needs !== undefined && !bearer.access.some(held)) {
      return { ...insufficient(this.#settings(), needs, this.knobs.insufficientScope), principal: bearer.objectId };
    }
    return { ...route.answer(this.images, request), principal: bearer.objectId };
  }
}

function routeOf(request: SimRequest): Route | undefined {
  return pull(request) ?? push(request);
}
