import type { HttpLibrary } from '@kubernetes/client-node';
import type { Agent } from 'node:http';
import type { Clock } from '../reconcile/clock.js';
import { Problem } from '../reconcile/problem.js';
import { once } from '../reconcile/once.js';
import { until, type Attempt as Try, type Patience } from '../reconcile/retry.js';
import { isPassingFault, proxyProblem } from '../network/proxy-fault.js';
import { straight, type ClientCertificate, type Route } from '../network/route.js';
import { answerProblem, isPassing, unreachable } from './api-errors.js';
import {
  fieldManager,
  managerOf,
  type AccessAttributes,
  type ApplyOptions,
  type ClusterConnection,
  type HelmArgument,
  type HelmOptions,
  type ListOptions,
  type PodLogQuery,
  type RemoveOptions,
  type ServedKind,
} from './connection.js';
import { withDeadline } from '../reconcile/deadline.js';
import { HelmProcess, type HelmTools } from './helm-process.js';
import { object, objects, parseJson, text, type Json } from '../fleet/json.js';
import { kinds, nameOf, pathOf, refOf, typed, type ClusterObject, type ObjectKind, type ObjectRef } from './objects.js';
import type * as sdkModule from './sdk.js';
import { discoveryPath, servedKinds } from './served-kinds.js';

/** Where a cluster is and how to sign in to it. */
export interface ClusterEndpoint {
  readonly label: string;
  readonly clusterId: string;
  /** `https://…:443`, from the user kubeconfig. */
  readonly server: string;
  /** Base64 of the PEM text, as in a kubeconfig. */
  readonly certificateAuthority: string;
  /** A token for the AKS server application; asked for before every request, so the giver caches. Absent where a certificate signs in. */
  readonly token?: () => Promise<string>;
  /** Of a cluster without Entra integration. */
  readonly clientCertificate?: ClientCertificate;
}

/** What a direct connection works with. */
export interface DirectTools extends HelmTools {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The way to the API server; absent: straight. */
  readonly route?: Route;
  /** How long requests are repeated that got no answer; absent: {@link patience}. */
  readonly patience?: RequestPatience;
  /** What the API server said of its version before; absent: it is asked. */
  readonly version?: string;
  /** Replaces the network in tests. */
  readonly http?: HttpLibrary;
}

/** How long an API server is asked. */
export interface RequestPatience extends Patience {
  /** How long one request may take, its answer's last byte included; then it counts as not answered and is repeated. Milliseconds. */
  readonly requestMs: number;
}

type Sdk = typeof sdkModule;

interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly contentType?: string;
  /** Default: plain JSON. */
  readonly accept?: string;
  readonly tried: string;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How long requests are repeated that the API server, or the way to it, could not answer for the moment. Milliseconds. */
const patience: RequestPatience = { deadlineMs: 60_000, firstWaitMs: 500, longestWaitMs: 8_000, requestMs: 30_000 };
/** How long a request may take that is sent after the run was cancelled. Milliseconds. */
const lastWordsMs = 4_000;
const pageSize = '500';
/** Bytes. */
const longestLog = '16384';
const plainJson = 'application/json';
/** Plain objects are welcome too, where a server cannot leave out their content. Source: Kubernetes API concepts, metadata-only fetches. */
const metadataJson = `application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,${plainJson}`;

/** Prepares a connection; nothing is sent yet. The client library is loaded now, so that tasks which fail before pay nothing. */
export async function openDirect(endpoint: ClusterEndpoint, tools: DirectTools): Promise<ClusterConnection> {
  return new DirectConnection(await import('./sdk.js'), endpoint, tools);
}

/**
 * Talks to the API server over HTTPS. Objects go as plain JSON both ways, because typed models drop fields they do not know.
 * Every request here may be repeated without harm: reads, applies of whole objects, deletes by name, reviews and token requests.
 */
class DirectConnection implements ClusterConnection {
  readonly label: string;
  readonly clusterId: string;
  readonly #route: Route;
  readonly #agent: Agent | undefined;
  readonly #helm: HelmProcess;
  /** Asked once: it stays what it is for as long as a run lasts. */
  readonly version: () => Promise<string>;

  constructor(
    private readonly sdk: Sdk,
    private readonly endpoint: ClusterEndpoint,
    private readonly tools: DirectTools,
  ) {
    this.label = endpoint.label;
    this.clusterId = endpoint.clusterId;
    this.#helm = new HelmProcess(tools);
    this.version = once(() => (tools.version === undefined ? this.#readVersion() : Promise.resolve(tools.version)));
    this.#route = tools.route ?? straight;
    this.#agent = this.#route.agentFor(endpoint.server, Buffer.from(endpoint.certificateAuthority, 'base64').toString('utf8'), endpoint.clientCertificate);
  }

  async #readVersion(): Promise<string> {
    const answer = await this.#send({ method: 'GET', path: '/version', tried: 'read its version' });
    return text(object(answer).gitVersion) ?? '';
  }

  async get(ref: ObjectRef): Promise<ClusterObject | undefined> {
    const call: Call = { method: 'GET', path: pathOf(ref), tried: `read ${nameOf(ref)}` };
    const answer = await this.#request(call);
    return answer.status === 404 ? undefined : typed(ref, accepted(this.#attempt(call), answer));
  }

  async list(kind: ObjectKind, namespace: string | undefined, labelSelector?: string, options: ListOptions = {}): Promise<readonly ClusterObject[]> {
    const bare = options.metadataOnly === true;
    const place = namespace === undefined ? '' : ` in namespace ${namespace}`;
    const what = { method: 'GET', path: pathOf({ ...kind, namespace }), accept: bare ? metadataJson : plainJson, tried: `list ${kind.kind} objects${place}` } as const;
    const found: ClusterObject[] = [];
    let next: string | undefined;
    do {
      const query = {
        limit: pageSize,
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
        ...(next === undefined ? {} : { continue: next }),
      };
      const page = await this.#send({ ...what, query });
      // Whatever else answers in its place must not pass for a list without objects.
      if (text(page.kind)?.endsWith('List') !== true) throw this.#odd(what, 'the answer is no list');
      found.push(...objects(page.items).map((item) => typed(kind, bare ? { metadata: item.metadata } : item)));
      next = text(object(page.metadata).continue);
    } while (next !== undefined);
    return found;
  }

  async apply(wanted: ClusterObject, options: ApplyOptions = {}): Promise<ClusterObject> {
    const ref = { ...refOf(wanted), ...(options.plural === undefined ? {} : { plural: options.plural }) };
    const query = { fieldManager: managerOf(options.part), force: String(options.force ?? false), fieldValidation: 'Strict', ...(options.dryRun === true ? { dryRun: 'All' } : {}) };
    const call: Call = { method: 'PATCH', path: pathOf(ref), query, body: wanted, contentType: 'application/apply-patch+yaml', tried: `${options.dryRun === true ? 'rehearse applying' : 'apply'} ${nameOf(ref)}` };
    return typed(ref, await this.#send(call));
  }

  async rehearse(wanted: ClusterObject): Promise<ClusterObject> {
    const { name, ...place } = refOf(wanted);
    const call: Call = { method: 'POST', path: pathOf(place), query: { dryRun: 'All', fieldManager }, body: wanted, tried: `rehearse making ${nameOf({ ...place, name })}` };
    return typed(place, await this.#send(call));
  }

  async served(apiVersion: string): Promise<readonly ServedKind[] | undefined> {
    const call: Call = { method: 'GET', path: discoveryPath(apiVersion), tried: `read which kinds it serves of ${apiVersion}` };
    const answer = await this.#request(call);
    return answer.status === 404 ? undefined : servedKinds(accepted(this.#attempt(call), answer));
  }

  async remove(ref: ObjectRef, { finishing = false }: RemoveOptions = {}): Promise<void> {
    const query = { propagationPolicy: 'Background' };
    const call: Call = { method: 'DELETE', path: pathOf(ref), query, tried: `delete ${nameOf(ref)}` };
    const answer = finishing && this.tools.signal.aborted ? await this.#once(call, { signal: new AbortController().signal, limitMs: lastWordsMs }) : await this.#request(call);
    if (answer.status !== 404) accepted(this.#attempt(call), answer);
  }

  async serviceAccountToken(namespace: string, name: string, audience: string, seconds: number): Promise<string> {
    const ref = { ...kinds.serviceAccount, namespace, name };
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience], expirationSeconds: seconds } };
    const call: Call = { method: 'POST', path: `${pathOf(ref)}/token`, body, tried: `make a token of ${nameOf(ref)}` };
    const token = text(object(object(await this.#send(call)).status).token);
    if (token === undefined) throw this.#odd(call, 'the answer has no token');
    return token;
  }

  async podLog({ namespace, pod, name, previous, lines }: PodLogQuery): Promise<string> {
    const query = { container: name, previous: String(previous), tailLines: String(lines), limitBytes: longestLog };
    const call: Call = { method: 'GET', path: `${pathOf({ ...kinds.pod, namespace, name: pod })}/log`, query, accept: '*/*', tried: `read the log of pod ${namespace}/${pod}` };
    const answer = await this.#once(call);
    if (answer.status !== 200) throw answerProblem(this.#attempt(call), answer.status, answer.body);
    return answer.body;
  }

  async can({ verb, group, resource, namespace, name }: AccessAttributes): Promise<boolean> {
    const [plural = '', subresource = ''] = resource.split('/');
    const attributes = { verb, group, resource: plural, subresource, namespace: namespace ?? '', ...(name === undefined ? {} : { name }) };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: attributes } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer = await this.#send({ method: 'POST', path, body, tried: `ask whether it allows to ${verb} ${resource}` });
    return object(object(answer).status).allowed === true;
  }

  helm(helmArguments: readonly HelmArgument[], { executable, signal, offline, inject }: HelmOptions): Promise<string> {
    const proxy = this.#route.proxyFor(this.endpoint.server);
    const cluster = { ...this.endpoint, ...(proxy === undefined ? {} : { proxy }) };
    return this.#helm.run(helmArguments, { executable, signal, ...(offline ? {} : { cluster }), ...(inject === undefined ? {} : { inject }) });
  }

  async #send(call: Call): Promise<Json> {
    return accepted(this.#attempt(call), await this.#request(call));
  }

  #request(call: Call): Promise<Answer> {
    const waiting = { clock: this.tools.clock, signal: this.tools.signal, progress: () => undefined };
    return until(this.tools.patience ?? patience, waiting, async (): Promise<Try<Answer>> => {
      const answer = await this.#once(call).catch((error: unknown) => {
        this.tools.signal.throwIfAborted();
        if (error instanceof Problem) throw error;
        return this.#unanswered(call, error);
      });
      if (answer instanceof Problem) return { wait: 'waiting for the API server', failure: answer };
      if (!isPassing(answer.status)) return { done: answer };
      const failure = answerProblem(this.#attempt(call), answer.status, answer.body);
      const afterMs = Number(answer.headers['retry-after']) * 1000;
      return { wait: 'waiting for the API server', failure, ...(afterMs > 0 ? { afterMs } : {}) };
    });
  }

  /** One try, the body included: a connection may break in the middle of it. */
  async #once(call: Call, { signal, limitMs }: { readonly signal: AbortSignal; readonly limitMs: number } = { signal: this.tools.signal, limitMs: (this.tools.patience ?? patience).requestMs }): Promise<Answer> {
    const { sdk } = this;
    const { clock } = this.tools;
    const request = new sdk.RequestContext(`${this.endpoint.server.replace(/\/$/, '')}${call.path}`, sdk.HttpMethod[call.method]);
    for (const [name, value] of Object.entries(call.query ?? {})) request.setQueryParam(name, value);
    request.setHeaderParam('Accept', call.accept ?? plainJson);
    const token = await this.endpoint.token?.();
    if (token !== undefined) request.setHeaderParam('Authorization', `Bearer ${token}`);
    if (call.body !== undefined) {
      request.setHeaderParam('Content-Type', call.contentType ?? plainJson);
      request.setBody(JSON.stringify(call.body));
    }
    if (this.#agent !== undefined) request.setAgent(this.#agent);
    return withDeadline({ clock, signal, limitMs }, async (limited) => {
      request.setSignal(limited);
      const { httpStatusCode: status, headers, body } = await (this.tools.http ?? new sdk.IsomorphicFetchHttpLibrary()).send(request).toPromise();
      return { status, headers, body: await body.text() };
    });
  }

  /** @throws Problem WI2050, WI2051 when a proxy will refuse the next try, too. */
  #unanswered(call: Call, error: unknown): Problem {
    const what = `The API server of ${this.label} cannot be reached`;
    const byProxy = proxyProblem(error, { what, tried: call.tried });
    if (byProxy !== undefined && !isPassingFault(object(error).code)) throw byProxy;
    return byProxy ?? unreachable(this.#attempt(call), this.endpoint.server, error);
  }

  #attempt(call: Call): { cluster: string; tried: string } {
    return { cluster: this.label, tried: call.tried };
  }

  #odd(call: Call, because: string): Problem {
    return new Problem({
      code: 'WI4007',
      what: `The cluster ${this.label} answered what this task does not understand`,
      tried: call.tried,
      because,
      remedy: 'check that the address is an API server and not a proxy or a sign-in page',
    });
  }
}

function accepted(attempt: { cluster: string; tried: string }, answer: Answer): Json {
  if (answer.status >= 200 && answer.status < 300) return object(parseJson(answer.body));
  throw answerProblem(attempt, answer.status, answer.body);
}
