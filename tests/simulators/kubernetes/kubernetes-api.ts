import type { Service, SimRequest, SimResponse } from '../kernel/service.js';
import type { KubernetesUser, RequestAttributes } from './access.js';
import { ControlContext, type ImageBehaviour, type PodRunner } from './controllers/control-context.js';
import { ControlPlane } from './controllers/control-plane.js';
import { Identifiers } from './objects/identifiers.js';
import { KindRegistry } from './objects/kinds.js';
import { ApiError, methodNotAllowed, notFound, unauthorized } from './objects/status.js';
import { ObjectStore } from './objects/store.js';
import { copy, type Fields, type KubernetesObject } from './objects/values.js';
import type { KubernetesApiOptions } from './options.js';
import { checkBinding } from './escalation.js';
import { Rbac } from './rbac.js';
import { impersonated } from './impersonation.js';
import { furnish } from './initial-objects.js';
import { ServiceAccountTokens } from './service-account-tokens.js';
import { attributesOf, isDryRun, isServedGroup, kindNamed, managerOf, namedBy, readObject, verbOf, type Call } from './serving/call.js';
import { discovery, openApi } from './serving/discovery.js';
import { forbidden, serveResource, type ServingContext } from './serving/resources.js';
import { review } from './serving/reviews.js';
import { Deleter } from './writing/deletion.js';
import { internal, Writer } from './writing/writer.js';

export type { PodEnd, PodRunner } from './controllers/control-context.js';
export type { KubernetesObject } from './objects/values.js';
export type { KubernetesApiOptions, WebhookSetting } from './options.js';

const anonymous: KubernetesUser = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** A simulated Kubernetes API server with its controllers and nodes. What it does and does not do is in BEHAVIOUR.md. */
export class KubernetesApi implements Service {
  readonly name: string;
  readonly #store = new ObjectStore();
  readonly #kinds = new KindRegistry();
  readonly #writer: Writer;
  readonly #deleter: Deleter;
  readonly #context: ControlContext;
  readonly #control: ControlPlane;
  readonly #rbac: Rbac;
  readonly #tokens: ServiceAccountTokens;
  readonly #logs = new Map<string, readonly string[]>();
  readonly #serving: ServingContext;

  constructor(private readonly options: KubernetesApiOptions) {
    const { clock, webhook, seed } = options;
    this.name = options.name;
    const ids = new Identifiers(seed);
    this.#writer = new Writer(clock, { store: this.#store, kinds: this.#kinds, ids, webhook });
    this.#deleter = new Deleter(this.#store, this.#kinds, () => this.#writer.time());
    this.#context = new ControlContext(this.#store, this.#kinds, ids, clock, this.#writer, this.#deleter, webhook, options.rolloutMs ?? 2000);
    this.#control = new ControlPlane(this.#context);
    this.#rbac = new Rbac(this.#store, this.#kinds);
    this.#tokens = new ServiceAccountTokens(clock, this.#store, this.#kinds, options.serviceAccountIssuer, options.signingKey);
    const shared = { store: this.#store, writer: this.#writer, deleter: this.#deleter, control: this.#control, logs: this.#logs };
    this.#serving = { ...shared, name: this.name, clock, allowed: (user, asked) => this.#allowed(user, asked) };
    furnish(options, (object) => this.#plant(object, 'kube-apiserver'));
    this.#control.run();
  }

  async handle(request: SimRequest): Promise<SimResponse> {
    // A program that a test runs takes no time of the world: whoever asks is answered after it.
    await this.#context.idle();
    return this.#answer(request);
  }

  /** The public keys of the service-account issuer. */
  jwks(): { keys: Fields[] } {
    return this.#tokens.jwks();
  }

  /** Rotates the signing key of service-account tokens; tokens that were signed with the old one are no longer accepted. */
  rotateSigningKey(): void {
    this.#tokens.rotate();
  }

  /** A copy of a stored object; `kind` is a kind or a plural. Controllers have run up to now. */
  find(kind: string, namespace: string | undefined, name: string): KubernetesObject | undefined {
    this.#control.run();
    const found = this.#store.get(this.#kinds.named(kind), namespace, name);
    return found === undefined ? undefined : copy(found);
  }

  /** Copies of all objects of a kind, or those of a namespace. */
  list(kind: string, namespace?: string): KubernetesObject[] {
    this.#control.run();
    return copy(this.#store.list(this.#kinds.named(kind), namespace));
  }

  /** Copies of all stored objects of every kind, ordered by kind, namespace and name. */
  all(): KubernetesObject[] {
    this.#control.run();
    return copy(this.#store.all());
  }

  /** Stores a new object as somebody else would, without a request. @throws ApiError as the server would refuse it. */
  put(object: KubernetesObject, manager = 'test'): KubernetesObject {
    const created = this.#plant(object, manager);
    this.#control.run();
    return copy(created);
  }

  /** Changes a stored object, status included, without a request. @throws ApiError 404 when it does not exist. */
  edit(kind: string, namespace: string | undefined, name: string, mutate: (object: KubernetesObject) => void, manager = 'test'): KubernetesObject {
    const row = this.#kinds.named(kind);
    const current = this.#store.get(row, namespace, name);
    if (current === undefined) throw notFound(row, name);
    const draft = copy(current);
    mutate(draft);
    delete draft.metadata.resourceVersion;
    const changed = this.#withStatus(this.#writer.update(row, current, draft, internal(manager)), draft, manager);
    this.#control.run();
    return copy(changed);
  }

  /** Deletes an object in the background, without a request. @throws ApiError 404 when it does not exist. */
  remove(kind: string, namespace: string | undefined, name: string): void {
    const row = this.#kinds.named(kind);
    const current = this.#store.get(row, namespace, name);
    if (current === undefined) throw notFound(row, name);
    this.#deleter.delete(row, current, { propagation: 'Background', uid: '', resourceVersion: '', dryRun: false });
    this.#control.run();
  }

  /** Pods with such an image cannot pull it: `reason` (e.g. ErrImagePull), then ImagePullBackOff. `when`: only on some nodes, or without some Secret. Returns what undoes it. */
  failImage(image: RegExp, reason = 'ErrImagePull', message = 'failed to pull and unpack image', when: (pod: KubernetesObject) => boolean = () => true): () => void {
    return this.#rule({ image, reason, message, when });
  }

  /** Containers of such an image end at once: CrashLoopBackOff, or a failed pod where restarts are off. Returns what undoes it. */
  crashImage(image: RegExp): () => void {
    return this.#rule({ image, reason: 'crash', message: '' });
  }

  /** Pods with such an image find no node, for the reason that the scheduler gives. Returns what undoes it. */
  holdPods(image: RegExp, message: string): () => void {
    return this.#rule({ image, reason: 'hold', message });
  }

  /** Controllers may not make pods of such a name, in the words of a quota or of a webhook. Returns what undoes it. */
  refusePods(name: RegExp, message: string): () => void {
    return added(this.#context.refusals, { name, message });
  }

  /** Runs the program of pods with such an image; their status tells how it ended. Returns what undoes it. */
  runPods(image: RegExp, run: PodRunner['run']): () => void {
    return added(this.#context.runners, { image, run });
  }

  /** Lines that `kubectl logs` shows for a pod. Without them the log of a pod is not simulated. */
  setLogs(namespace: string, pod: string, lines: readonly string[]): void {
    this.#logs.set(`${namespace}/${pod}`, lines);
  }

  /** Forgets the history of changes: watches from older resource versions get 410 Expired. */
  compact(): void {
    this.#store.compact();
  }

  #plant(object: KubernetesObject, manager: string): KubernetesObject {
    const created = this.#writer.create(this.#kinds.named(object.kind), object, internal(manager));
    return this.#withStatus(created, object, manager);
  }

  /** Takes the status over from a draft, as a second write to the status would. */
  #withStatus(stored: KubernetesObject, draft: KubernetesObject, manager: string): KubernetesObject {
    const kind = this.#kinds.byKind(stored.apiVersion, stored.kind) ?? this.#kinds.named(stored.kind);
    const { namespace, name } = stored.metadata;
    if (!kind.status || draft.status === undefined || this.#store.get(kind, namespace, name) === undefined) return stored;
    return this.#writer.update(kind, stored, { ...copy(stored), status: draft.status }, internal(manager, 'status'));
  }

  #rule(rule: ImageBehaviour): () => void {
    return added(this.#context.images, rule);
  }

  #answer(request: SimRequest): SimResponse {
    let user: KubernetesUser = anonymous;
    try {
      this.#control.run();
      user = impersonated(request, this.#authenticate(request.headers.authorization), (who, asked) => this.#allowed(who, asked));
      const response = this.#route(request, user);
      this.#control.run();
      return { ...response, principal: user.name };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { ...error.response(), principal: user.name };
    }
  }

  #authenticate(authorization: string | undefined): KubernetesUser {
    if (authorization === undefined) return anonymous;
    const token = /^bearer\s+(.+)$/i.exec(authorization)?.[1] ?? '';
    const account = this.#tokens.authenticate(token);
    if (account === 'invalid') throw unauthorized();
    const user = account ?? this.options.access.authenticate(authorization);
    if (user === undefined) throw unauthorized();
    return { name: user.name, groups: [...new Set([...user.groups, 'system:authenticated'])] };
  }

  #allowed(user: KubernetesUser, asked: RequestAttributes): boolean {
    if (this.#rbac.allows(user, asked)) return true;
    const external = user !== anonymous && !user.name.startsWith('system:serviceaccount:');
    return external && this.options.access.authorize(user, asked);
  }

  #route(request: SimRequest, user: KubernetesUser): SimResponse {
    const path = request.url.pathname;
    const isResource = /^\/(api\/[^/]+|apis\/[^/]+\/[^/]+)\/./.test(path);
    if (isResource) return this.#resource(request, user);
    if (!this.#rbac.allowsPath(user, request.method.toLowerCase(), path)) {
      throw new ApiError(403, 'Forbidden', `forbidden: User "${user.name}" cannot ${request.method.toLowerCase()} path "${path}"`, {});
    }
    if (request.method !== 'GET') throw methodNotAllowed();
    return this.#page(request, path) ?? missingPage();
  }

  #page(request: SimRequest, path: string): SimResponse | undefined {
    const cache = { 'cache-control': 'public, max-age=3600' };
    const issuer = this.options.serviceAccountIssuer();
    switch (path.replace(/\/$/, '')) {
      case '/version':
        return { status: 200, body: versionInfo(this.options.version) };
      case '/healthz':
      case '/livez':
      case '/readyz':
        return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'ok' };
      case '/.well-known/openid-configuration': {
        const types = { response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['RS256'] };
        return { status: 200, headers: { 'content-type': 'application/json', ...cache }, body: { issuer, jwks_uri: `${issuer.replace(/\/$/, '')}/openid/v1/jwks`, ...types } };
      }
      case '/openid/v1/jwks':
        return { status: 200, headers: { 'content-type': 'application/jwk-set+json', ...cache }, body: this.jwks() };
      default:
        if (path.startsWith('/openapi/v3')) return openApi(request, this.#kinds, this.options.version);
        return /^\/apis?(\/|$)/.test(path) ? discovery(request, this.#kinds) : undefined;
    }
  }

  #resource(request: SimRequest, user: KubernetesUser): SimResponse {
    const { searchParams: query, pathname } = request.url;
    const named = namedBy(pathname);
    const verb = verbOf(request.method, named, query);
    if (verb === undefined) throw methodNotAllowed();
    const asked = attributesOf(named, verb);
    if (!this.#allowed(user, asked)) throw forbidden(user, asked);
    if (!isServedGroup(pathname, this.#kinds)) return missingPage();
    const kind = kindNamed(named, this.#kinds);
    const { namespace, name, subresource } = named;
    checkAccept(request);
    const call: Call = { kind, namespace, name, subresource, request, user, query, verb, dryRun: isDryRun(query), manager: managerOf(request) };
    if (kind.ask) return review(call, this.#rbac, (who, what) => this.#allowed(who, what));
    if (kind.kind === 'ServiceAccount' && subresource === 'token') {
      if (verb !== 'create') throw methodNotAllowed();
      return { status: 201, body: this.#tokens.request(namespace ?? '', name, readObject(request)) };
    }
    checkBinding(call, this.#rbac, this.#store, this.#kinds, (who, what) => this.#allowed(who, what));
    return serveResource(call, this.#serving);
  }
}

function missingPage(): SimResponse {
  return { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: '404 page not found\n' };
}

/** @throws ApiError 406 when the caller takes nothing that this server writes. */
function checkAccept(request: SimRequest): void {
  const accept = request.headers.accept ?? '';
  if (accept === '' || /application\/json|\*\/\*|application\/\*|text\/plain/.test(accept)) return;
  throw new ApiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf');
}

function versionInfo(version: string): Fields {
  const [major = '', minor = ''] = version.replace(/^v/, '').split('.');
  const build = { gitCommit: '0000000000000000000000000000000000000000', gitTreeState: 'clean', buildDate: '2026-01-01T00:00:00Z', goVersion: 'go1.24.4', compiler: 'gc', platform: 'linux/amd64' };
  return { major, minor, gitVersion: version, ...build };
}


/** Adds a rule; gives what takes it out again. */
function added<T>(rules: T[], rule: T): () => void {
  rules.push(rule);
  return () => {
    const index = rules.indexOf(rule);
    if (index >= 0) rules.splice(index, 1);
  };
}
