import { BlockList, isIPv6 } from 'node:net';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { AccessControl, Caller, TokenAuthority } from '../azure/authority.js';
import { Replicas } from '../azure/replicas.js';
import { notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';
import { challenge, forbiddenByConnection, forbiddenByFirewall, forbiddenByPolicy, forbiddenByRbac, itemNotFound, refusal, vaultName } from './refusals.js';
import { SecretStore, type SecretVersion } from './secret-store.js';
import type { Section, VaultKnobs, VaultSettings } from './settings.js';

/** Both spellings of the data plane's resource. */
const audiences = ['https://vault.azure.net', 'https://vault.azure.net/', 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093'];
/** Versions of the data plane; others are refused. Source: @azure/keyvault-secrets, ServiceVersion. */
const apiVersions = ['7.0', '7.1', '7.2', '7.3', '7.4', '7.5', '7.6', '2025-07-01'];
const largestPage = 25;

/** What a simulated vault is made of. */
export interface VaultParts {
  readonly name: string;
  readonly clock: Clock;
  readonly authority: TokenAuthority;
  readonly access: AccessControl;
  /** Read on each request, so that a change of the ARM resource acts at once. */
  readonly settings: () => VaultSettings;
  readonly knobs?: Partial<VaultKnobs>;
}

interface Operation {
  /** Word of the access policies. */
  readonly permission: 'get' | 'list';
  readonly action: string;
  readonly section: Section;
  /** Name of the item; absent for the vault as a whole. */
  readonly item?: string;
  answer(): SimResponse;
}

/** The data plane of one key vault: reading secrets, and keys and certificates without their private parts. See BEHAVIOUR.md. */
export class Vault implements Service {
  readonly name: string;
  readonly knobs: VaultKnobs;
  readonly secrets: SecretStore;
  readonly keys: SecretStore;
  readonly certificates: SecretStore;
  readonly #recent: number[] = [];
  readonly #replicas: Replicas;

  constructor(private readonly parts: VaultParts) {
    this.name = parts.name;
    const store = (): SecretStore => new SecretStore(() => Math.floor(parts.clock.now().getTime() / 1000));
    this.secrets = store();
    this.keys = store();
    this.certificates = store();
    this.knobs = {
      replicas: 1,
      replicaLagMs: 0,
      clientAddress: '127.0.0.1',
      requestsPerTenSeconds: 4000,
      retryAfter: undefined,
      loginEndpoint: 'https://login.microsoftonline.com',
      policyRefusalCode: 'AccessDenied',
      ...parts.knobs,
    };
    this.#replicas = new Replicas(this.knobs);
  }

  handle(request: SimRequest): Promise<SimResponse> {
    return Promise.resolve(this.#route(request));
  }

  #route(request: SimRequest): SimResponse {
    const operation = this.#operation(request);
    if (operation === undefined) return notSimulated(this.name, request);
    const settings = this.parts.settings();
    const { authorization } = request.headers;
    const caller = this.parts.authority.verify(authorization, audiences);
    if (caller === undefined) return challenge(settings, this.knobs, authorization !== undefined);
    const refused = this.#versionRefusal(request) ?? this.#throttled() ?? this.#forbidden(settings, caller, operation);
    return { ...(refused ?? operation.answer()), principal: caller.objectId };
  }

  #operation(request: SimRequest): Operation | undefined {
    if (request.method !== 'GET') return undefined;
    const { pathname } = request.url;
    const provider = 'Microsoft.KeyVault/vaults';
    const gone = /^\/deletedsecrets\/([0-9a-zA-Z-]{1,127})\/?$/.exec(pathname)?.[1];
    if (gone !== undefined) return { permission: 'get', section: 'secrets', action: `${provider}/secrets/readMetadata/action`, item: gone, answer: () => this.#getDeleted(gone) };
    const single = /^\/(keys|certificates)\/([0-9a-zA-Z-]{1,127})(?:\/([0-9a-z]+))?\/?$/.exec(pathname);
    if (single !== null) {
      const [, section = '', item = '', version] = single;
      const of = section === 'keys' ? 'keys' : 'certificates';
      return version === 'versions' ? undefined : { permission: 'get', section: of, action: `${provider}/${of}/read`, item, answer: () => this.#getPublic(of, item, version) };
    }
    const match = /^\/secrets(?:\/([0-9a-zA-Z-]{1,127})(?:\/([0-9a-z]+))?)?\/?$/.exec(pathname);
    if (match === null) return undefined;
    const [, name, version] = match;
    const list = { permission: 'list', section: 'secrets', action: `${provider}/secrets/readMetadata/action` } as const;
    if (name === undefined) return { ...list, answer: () => this.#list(request) };
    if (version === 'versions') return { ...list, item: name, answer: () => this.#listVersions(request, name) };
    return { permission: 'get', section: 'secrets', action: `${provider}/secrets/getSecret/action`, item: name, answer: () => this.#get(name, version) };
  }

  #versionRefusal(request: SimRequest): SimResponse | undefined {
    const version = request.url.searchParams.get('api-version');
    if (version === null) return refusal(400, 'BadParameter', 'api-version must be specified');
    if (apiVersions.includes(version)) return undefined;
    const latest = apiVersions.at(-1) ?? '';
    return refusal(400, 'BadParameter', `The specified version (${version}) is not recognized. Consider using the latest supported version (${latest}).`);
  }

  #throttled(): SimResponse | undefined {
    const now = this.parts.clock.monotonic();
    while ((this.#recent[0] ?? now) <= now - 10_000) this.#recent.shift();
    if (this.#recent.length >= this.knobs.requestsPerTenSeconds) {
      const answer = refusal(429, 'Throttled', 'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached');
      return this.knobs.retryAfter === undefined ? answer : { ...answer, headers: { 'retry-after': String(this.knobs.retryAfter) } };
    }
    this.#recent.push(now);
    return undefined;
  }

  #forbidden(settings: VaultSettings, caller: Caller, { permission, section, action, item }: Operation): SimResponse | undefined {
    if (settings.publicNetworkAccess === 'Disabled') return forbiddenByConnection(settings, caller);
    if (!passesFirewall(settings, this.knobs.clientAddress)) return forbiddenByFirewall(settings, caller, this.knobs.clientAddress);
    if (settings.enableRbacAuthorization === true) {
      const scope = item === undefined ? settings.armId : `${settings.armId}/${section}/${item}`;
      const names: Record<string, string> = item === undefined || section !== 'secrets' ? {} : { 'Microsoft.KeyVault/vaults/secrets:name': item };
      const attributes = { 'Microsoft.KeyVault/vaults:name': vaultName(settings), ...names };
      const allowed = this.parts.access.allows({ objectId: caller.objectId, action, scope, data: true, attributes, behindMs: this.#replicas.next() });
      return allowed ? undefined : forbiddenByRbac(settings, caller, action, scope);
    }
    const allowed = settings.accessPolicies.some(
      (policy) =>
        policy.objectId.toLowerCase() === caller.objectId.toLowerCase() &&
        policy.tenantId.toLowerCase() === settings.tenantId.toLowerCase() &&
        policy.permissions[section]?.some((word) => ['all', permission].includes(word.toLowerCase())) === true,
    );
    return allowed ? undefined : forbiddenByPolicy(settings, caller, section, permission, this.knobs.policyRefusalCode);
  }

  #get(name: string, version: string | undefined): SimResponse {
    const found = this.secrets.find(name, version);
    if (found === undefined) return itemNotFound('secrets', version === undefined ? name : `${name}/${version}`);
    if (!found.enabled) return refusal(403, 'Forbidden', 'Operation get is not allowed on a disabled secret.', 'SecretDisabled');
    return { status: 200, body: { value: found.value, ...this.#item(`${name}/${found.version}`, found) } };
  }

  /** Without value, with when it goes for good. */
  #getDeleted(name: string): SimResponse {
    const found = this.secrets.deleted(name);
    if (found === undefined) return itemNotFound('secrets', name);
    const { vaultUri } = this.parts.settings();
    return { status: 200, body: { recoveryId: `${vaultUri}deletedsecrets/${name}`, deletedDate: found.updated, scheduledPurgeDate: found.updated + 90 * 86_400, ...this.#item(name, found) } };
  }

  #getPublic(section: 'keys' | 'certificates', name: string, version: string | undefined): SimResponse {
    const found = this[section].find(name, version);
    if (found === undefined) return itemNotFound(section, version === undefined ? name : `${name}/${version}`);
    const { attributes, tags } = this.#item(name, found);
    const id = `${this.parts.settings().vaultUri}${section}/${name}/${found.version}`;
    if (section === 'certificates') return { status: 200, body: { id, kid: id.replace('/certificates/', '/keys/'), sid: id.replace('/certificates/', '/secrets/'), cer: '', attributes, tags } };
    return { status: 200, body: { key: { kid: id, kty: 'RSA', key_ops: ['sign', 'verify'], e: 'AQAB' }, attributes, tags } };
  }

  #list(request: SimRequest): SimResponse {
    const items = this.secrets.names().map((name) => ({ id: name, current: this.secrets.find(name) }));
    return this.#page(request, items.flatMap(({ id, current }) => (current === undefined ? [] : [this.#item(id, current)])));
  }

  #listVersions(request: SimRequest, name: string): SimResponse {
    return this.#page(request, this.secrets.versions(name).map((entry) => this.#item(`${name}/${entry.version}`, entry)));
  }

  #item(path: string, { enabled, created, updated, contentType, tags }: SecretVersion): { readonly attributes: object; readonly tags: object } & Record<string, unknown> {
    const attributes = { enabled, created, updated, recoveryLevel: 'Recoverable+Purgeable', recoverableDays: 90 };
    return { id: `${this.parts.settings().vaultUri}secrets/${path}`, attributes, ...(contentType === undefined ? {} : { contentType }), tags: tags ?? {} };
  }

  #page(request: SimRequest, items: readonly object[]): SimResponse {
    const { searchParams } = request.url;
    const size = Number(searchParams.get('maxresults') ?? largestPage);
    if (!Number.isInteger(size) || size < 1 || size > largestPage) {
      return refusal(400, 'BadParameter', `invalid maxresults: it must be between 1 and ${largestPage}`);
    }
    const start = Number(Buffer.from(searchParams.get('$skiptoken') ?? '', 'base64url').toString());
    if (!Number.isInteger(start) || start < 0) return refusal(400, 'BadParameter', 'The $skiptoken is not valid.');
    const next = new URL(`${this.parts.settings().vaultUri.replace(/\/$/, '')}${request.url.pathname}`);
    next.searchParams.set('api-version', searchParams.get('api-version') ?? '');
    next.searchParams.set('$skiptoken', Buffer.from(String(start + size)).toString('base64url'));
    next.searchParams.set('maxresults', String(size));
    return { status: 200, body: { value: items.slice(start, start + size), nextLink: start + size < items.length ? next.href : null } };
  }
}

/** True when the vault's network rules let an address in. Virtual-network rules need a network and match nothing here. */
function passesFirewall({ networkAcls }: VaultSettings, address: string): boolean {
  if (networkAcls?.defaultAction !== 'Deny') return true;
  const allowed = new BlockList();
  for (const { value } of networkAcls.ipRules ?? []) {
    const [base, bits] = value.split('/');
    const family = isIPv6(base ?? '') ? 'ipv6' : 'ipv4';
    allowed.addSubnet(base ?? '', Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  return allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
