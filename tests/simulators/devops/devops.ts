import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { isRecord, jsonBody, notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { issueJwt, lifetime, publishedJwtKey, type PublishedJwtKey } from '../kernel/jwt.js';
import { describeArea, distributedTaskArea, oidcTokens, refuseVersion, resourceAreas, variableGroups } from './locations.js';
import { includes, type Job, type Organisation, type Project, type ServiceConnection, type VariableGroup } from './model.js';
import { refusal, unauthorised, unknownProject } from './refusals.js';
import { listParameters, listVariableGroups } from './variable-groups.js';

/** Source: Azure/azure-cli#28708, token from 22:40:41 to 22:50:41. */
const oidcSeconds = 600;
/** Longest default life of a job's token: the timeout of a job on a self-hosted agent has no end, so this is generous. */
const jobTokenMs = 48 * 3_600_000;

/** What a simulated organisation is made of. */
export interface DevOpsParts {
  readonly name: string;
  readonly clock: Clock;
  readonly organisation: Organisation;
}

interface IssuedToken {
  readonly job: Job;
  readonly ends: number;
}

/** One Azure DevOps organisation: OIDC tokens for service connections, and variable groups. See BEHAVIOUR.md. */
export class DevOps implements Service {
  readonly name: string;
  readonly projects: Project[] = [];
  readonly connections: ServiceConnection[] = [];
  readonly groups: VariableGroup[] = [];
  /** What no source confirms. `connectionRefusal`: status for a connection that is unknown or not authorised. */
  readonly knobs = { connectionRefusal: 404 };
  /** Where it listens for builds, and where for releases; unset: wherever it is asked. */
  readonly addresses: { home?: string; releases?: string } = {};
  readonly #tokens = new Map<string, IssuedToken>();
  #keys: PublishedJwtKey[] = [];

  constructor(private readonly parts: DevOpsParts) {
    this.name = parts.name;
  }

  /** The opaque System.AccessToken of a job. */
  issueJobToken(job: Job, livesMs = jobTokenMs): string {
    const token = randomBytes(39).toString('base64url');
    this.#tokens.set(token, { job, ends: this.parts.clock.monotonic() + livesMs });
    return token;
  }

  /** Ends a job: its token is not accepted any more. */
  endJob(token: string): void {
    this.#tokens.delete(token);
  }

  /** SYSTEM_COLLECTIONURI at the origin where the service listens. */
  collectionUri(origin: string): string {
    return `${origin}/${this.parts.organisation.name}/`;
  }

  /** SYSTEM_OIDCREQUESTURI of a job. */
  oidcRequestUri(origin: string, job: Job): string {
    return `${this.collectionUri(origin)}${job.projectId}/_apis/distributedtask/hubs/${job.hub}/plans/${job.planId}/jobs/${job.jobId}/oidctoken`;
  }

  /** The `iss` claim: the older form, with our own origin in the place of vstoken.dev.azure.com. */
  issuer(origin: string): string {
    return `${origin}/${this.parts.organisation.id}`;
  }

  /** The `sub` claim of a connection's tokens, older form. Names go in as they are, case included. */
  subject(connection: ServiceConnection): string {
    const project = this.projects.find(({ id }) => id === connection.projectId);
    return `sc://${this.parts.organisation.name}/${project?.name ?? ''}/${connection.name}`;
  }

  /** Signs with another key from now on; the old one stays published. */
  rotateSigningKey(): void {
    this.#keys = [publishedJwtKey(), ...this.#keys];
  }

  handle(request: SimRequest): Promise<SimResponse> {
    return Promise.resolve(this.#route(request));
  }

  #route(request: SimRequest): SimResponse {
    const { organisation } = this.parts;
    const [first = '', ...path] = request.url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (first === organisation.id && request.method === 'GET') return this.#anonymous(request, path.join('/'));
    if (first.toLowerCase() !== organisation.name.toLowerCase()) return notSimulated(this.name, request);
    const job = this.#jobOf(request);
    if (job === undefined) return unauthorised();
    return { ...this.#api(request, job, path), principal: `pipeline ${job.pipelineId}` };
  }

  /** What Entra fetches without any token. Source: OpenID Connect discovery 1.0. */
  #anonymous(request: SimRequest, path: string): SimResponse {
    const issuer = this.issuer(this.#home(request));
    if (path === '.well-known/jwks') return { status: 200, body: { keys: this.#published().map(({ jwk }) => jwk) } };
    if (path !== '.well-known/openid-configuration') return notSimulated(this.name, request);
    const body = {
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks`,
      subject_types_supported: ['public', 'pairwise'],
      response_types_supported: ['id_token'],
      claims_supported: ['sub', 'aud', 'exp', 'iat', 'iss', 'nbf'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid'],
    };
    return { status: 200, body };
  }

  #jobOf(request: SimRequest): Job | undefined {
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const issued = this.#tokens.get(token ?? '');
    return issued !== undefined && this.parts.clock.monotonic() < issued.ends ? issued.job : undefined;
  }

  #api(request: SimRequest, job: Job, path: readonly string[]): SimResponse {
    const { method } = request;
    const text = path.join('/').replace(/\/$/, '');
    const area = /^_apis\/(\w+)$/i.exec(text)?.[1];
    if (area !== undefined && method === 'OPTIONS') return describeArea(area);
    if (area?.toLowerCase() === 'resourceareas' && method === 'GET') return refuseVersion(request, resourceAreas) ?? this.#resourceAreas(request);
    const [project = '', apis, distributedTask, resource, ...rest] = path;
    if (apis?.toLowerCase() !== '_apis' || distributedTask?.toLowerCase() !== 'distributedtask') return notSimulated(this.name, request);
    if (!this.#reaches(job, project)) return unknownProject(project);
    if (resource === 'variablegroups' && rest.join('') === '' && method === 'GET' && !this.#isReleases(request)) return this.#variableGroups(request, job);
    if (resource === 'hubs' && method === 'POST') {
      const route = /^([^/]+)\/plans\/([^/]+)\/jobs\/([^/]+)\/oidctoken$/.exec(rest.join('/'));
      if (route !== null) return refuseVersion(request, oidcTokens) ?? this.#oidcToken(request, job, route.slice(1));
    }
    return notSimulated(this.name, request);
  }

  #resourceAreas(request: SimRequest): SimResponse {
    const locationUrl = this.collectionUri(this.#home(request));
    const value = [{ id: distributedTaskArea, name: 'distributedtask', locationUrl }];
    return { status: 200, body: { count: value.length, value } };
  }

  /** A job's token reaches its own project only (the default job authorisation scope), by id or by name. */
  #reaches(job: Job, project: string): boolean {
    const found = this.projects.find(({ id, name }) => [id, name].some((word) => word.toLowerCase() === project.toLowerCase()));
    return found?.id === job.projectId;
  }

  #variableGroups(request: SimRequest, job: Job): SimResponse {
    const strange = [...request.url.searchParams.keys()].find((parameter) => !listParameters.includes(parameter));
    if (strange !== undefined) return notSimulated(`${this.name} (query parameter ${strange})`, request);
    const own = this.groups.filter(({ projectId }) => projectId === job.projectId);
    return refuseVersion(request, variableGroups) ?? listVariableGroups(request, own, job.pipelineId);
  }

  #oidcToken(request: SimRequest, job: Job, [hub, planId, jobId]: readonly string[]): SimResponse {
    const body = jsonBody(request);
    if (request.body.length > 0 && !isRecord(body)) return refusal(400, 'VssPropertyValidationException', 'The request body is not a JSON object.');
    if (hub?.toLowerCase() !== job.hub.toLowerCase() || planId !== job.planId || jobId !== job.jobId) {
      return refusal(403, 'AccessDeniedException', `Access denied: the token does not belong to job ${jobId ?? ''} of plan ${planId ?? ''}.`);
    }
    const { releases } = this.addresses;
    if (releases !== undefined && this.#isReleases(request) !== (job.hub === 'release')) {
      return refusal(404, 'TaskOrchestrationPlanNotFoundException', `No plan found for identifier ${planId}.`);
    }
    const connectionId = request.url.searchParams.get('serviceConnectionId');
    if (connectionId === null) return notSimulated(`${this.name} (tokens without serviceConnectionId)`, request);
    const connection = this.connections.find(({ id, projectId }) => id.toLowerCase() === connectionId.toLowerCase() && projectId === job.projectId);
    if (connection === undefined || !includes(connection.pipelines, job.pipelineId)) {
      const message = `Service connection with id ${connectionId} could not be found or is not authorized for use by this pipeline.`;
      return refusal(this.knobs.connectionRefusal, 'ServiceEndpointNotFoundException', message);
    }
    const [key] = this.#published();
    const claims = {
      jti: randomUUID(),
      sub: this.subject(connection),
      aud: 'api://AzureADTokenExchange',
      iss: this.issuer(this.#home(request)),
      ...lifetime(this.parts.clock.now(), oidcSeconds),
    };
    return { status: 200, body: { oidcToken: issueJwt(key, claims) } };
  }

  #home(request: SimRequest): string {
    return this.addresses.home ?? request.url.origin;
  }

  #isReleases(request: SimRequest): boolean {
    return request.url.origin === this.addresses.releases;
  }

  /** Keys, the signing one first. Made on first use, because that takes a while. */
  #published(): [PublishedJwtKey, ...PublishedJwtKey[]] {
    const [first = publishedJwtKey(), ...rest] = this.#keys;
    this.#keys = [first, ...rest];
    return [first, ...rest];
  }
}
