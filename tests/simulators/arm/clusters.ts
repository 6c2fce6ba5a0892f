import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId } from '../azure/authority.js';
import { idOf } from '../azure/directory.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { Buckets } from './buckets.js';
import { adminCredential, userCredential } from './cluster-credentials.js';
import { defaultCluster, merged, readOnly, type ClusterRecord, type ClusterResource, type Operation } from './cluster-record.js';
import { flat, notFound, throttled, wrapped } from './refusals.js';
import { at, groupOf, paged, pieces, type ArmCall, type Parts, type Provider } from './route.js';

const type = 'Microsoft.ContainerService/managedClusters';
/** Source: npm @azure/arm-containerservice 25.3.0 (2026-04-01) and 25.5.0 (2026-06-01); older ones are stable and sent by the az command line. */
const versions = ['2026-06-01', '2026-04-01', '2025-10-01', '2024-09-01', '2022-11-01'];
const clusterPath = `${pieces.group}/providers/microsoft.containerservice/managedclusters/(?<n>[^/]+)`;

/** What a cluster is registered with. */
export interface NewCluster {
  readonly subscriptionId: string;
  readonly group: string;
  readonly name: string;
  readonly location: string;
  /** Merged over the defaults, e.g. `{properties: {kubernetesVersion: '1.26.3'}}`. */
  readonly resource?: Record<string, unknown>;
  readonly endpoint: ClusterRecord['endpoint'];
  readonly issuerUrl: ClusterRecord['issuerUrl'];
}

/** Knobs of the AKS resource provider. */
export interface ClusterKnobs {
  /** How long an update takes. Milliseconds. */
  updateMs: number;
  /** Enforces the published token buckets (AKS docs, quotas-skus-regions). */
  buckets: boolean;
  /** Makes the next update of a cluster end as Failed. */
  failNext?: { readonly name: string; readonly code: string; readonly message: string };
  pageSize: number;
}

/** The AKS resource provider: clusters, their operations and credentials. */
export class Clusters implements Provider {
  readonly knobs: ClusterKnobs = { updateMs: 20_000, buckets: false, pageSize: 50 };
  readonly #records = new Map<string, ClusterRecord>();
  readonly #operations = new Map<string, ClusterRecord>();
  readonly #buckets: Buckets;

  constructor(private readonly clock: Clock) {
    this.#buckets = new Buckets(clock);
  }

  add(cluster: NewCluster): ClusterRecord {
    const id = `/subscriptions/${cluster.subscriptionId}/resourceGroups/${cluster.group}/providers/${type}/${cluster.name}`;
    const kubelet = { clientId: idOf(`kubelet client ${id}`), objectId: idOf(`kubelet ${id}`) };
    const base = defaultCluster(id, cluster.name, cluster.group, cluster.location, { tenantId, kubelet });
    const resource = merged(base, cluster.resource ?? {}) as ClusterResource;
    const record: ClusterRecord = { ...cluster, id, resource, revision: 1, adminToken: idOf(`admin ${id}`) };
    this.#records.set(id.toLowerCase(), record);
    this.#stamp(record);
    return record;
  }

  /** A cluster by name; throws when there is none, so that a test cannot pass by a typing error. */
  find(name: string): ClusterRecord {
    const found = [...this.#records.values()].find((record) => record.name === name);
    if (found === undefined) throw new Error(`no cluster ${name}`);
    return found;
  }

  /** Changes a cluster as an operator would, outside of any request. */
  edit(name: string, properties: Record<string, unknown>): void {
    const record = this.find(name);
    record.resource = { ...record.resource, properties: merged(record.resource.properties, properties) };
    this.#stamp(record);
  }

  /** Starts an operation of somebody else that lasts `milliseconds`. */
  begin(name: string, kind: string, milliseconds: number): void {
    this.#start(this.find(name), kind, milliseconds);
  }

  readonly operations: Provider['operations'] = [
    this.#route('GET', clusterPath, 'read', (_call, record) => ({ status: 200, body: record.resource })),
    this.#route('POST', `${clusterPath}/listclusterusercredential`, 'listClusterUserCredential/action', (_call, record) => userCredential(record)),
    this.#route('POST', `${clusterPath}/listclusteradmincredential`, 'listClusterAdminCredential/action', (_call, record) => adminCredential(record)),
    this.#route('PUT', clusterPath, 'write', (call, record) => this.#put(call, record)),
    {
      method: 'GET',
      path: at(pieces.subscription, '/providers/microsoft.containerservice/managedclusters'),
      versions,
      right: (parts: Parts) => ({ action: `${type}/read`, scope: `/subscriptions/${parts('s')}` }),
      handle: (call: ArmCall, parts: Parts) => this.#list(call, `/subscriptions/${parts('s')}/`),
    },
    {
      method: 'GET',
      path: at(pieces.group, '/providers/microsoft.containerservice/managedclusters'),
      versions,
      right: (parts: Parts) => ({ action: `${type}/read`, scope: groupOf(parts) }),
      handle: (call: ArmCall, parts: Parts) => this.#list(call, `${groupOf(parts)}/`),
    },
    {
      method: 'GET',
      path: at(pieces.subscription, '/providers/microsoft.containerservice/locations/(?<l>[^/]+)/operations/(?<o>[^/]+)'),
      versions: ['2016-03-30', ...versions],
      handle: (_call: ArmCall, parts: Parts) => this.#status(parts('s'), parts('o')),
    },
  ];

  #route(method: string, path: string, verb: string, handle: (call: ArmCall, record: ClusterRecord) => SimResponse): Provider['operations'][number] {
    const id = (parts: Parts): string => `${groupOf(parts)}/providers/${type}/${parts('n')}`;
    return {
      method,
      path: at(path),
      versions,
      right: (parts) => ({ action: `${type}/${verb}`, scope: id(parts) }),
      handle: (call, parts) => {
        const record = this.#records.get(id(parts).toLowerCase());
        if (record === undefined) return notFound(type, parts('n'), parts('rg'));
        this.#settle(record);
        return this.#limited(method, record) ?? handle(call, record);
      },
    };
  }

  /** Source: AKS docs, quotas-skus-regions (throttling of the resource provider). */
  #limited(method: string, { id }: ClusterRecord): SimResponse | undefined {
    if (!this.knobs.buckets) return undefined;
    const sizes = { PUT: { burst: 20, perSecond: 1 / 60 }, GET: { burst: 60, perSecond: 1 } };
    const size = method === 'PUT' ? sizes.PUT : sizes.GET;
    const wait = this.#buckets.take(`${method} ${id}`, size);
    return wait === 0 ? undefined : throttled('Throttled', 'The request is throttled, please retry after the given time.', wait, flat);
  }

  #list(call: ArmCall, prefix: string): SimResponse {
    const found = [...this.#records.values()].filter((record) => record.id.toLowerCase().startsWith(prefix.toLowerCase()));
    for (const record of found) this.#settle(record);
    return paged(call, found.map(({ resource }) => resource), this.knobs.pageSize);
  }

  #put(call: ArmCall, record: ClusterRecord): SimResponse {
    const { body, headers } = call;
    if (!isRecord(body) || !isRecord(body.properties) || typeof body.location !== 'string') {
      return flat(400, 'InvalidParameter', 'Required parameter location or properties is missing (null).');
    }
    if (headers['if-match'] !== undefined && headers['if-none-match'] !== undefined) return flat(400, 'BadRequest', 'If-Match and If-None-Match must not be used together.');
    if (headers['if-none-match'] !== undefined) return flat(412, 'PreConditionFailed', 'The resource exists.');
    const wanted = headers['if-match'];
    if (wanted !== undefined && wanted !== '' && wanted !== '*' && wanted !== record.resource.eTag) {
      return flat(412, 'PreConditionFailed', `The etag ${wanted} does not match the current etag of the managed cluster.`);
    }
    const refusal = this.#refused(record, body.properties);
    if (refusal !== undefined) return refusal;
    this.#store(record, body);
    const operation = this.#start(record, 'update managed cluster', this.knobs.updateMs);
    const address = `${call.origin}/subscriptions/${record.subscriptionId}/providers/Microsoft.ContainerService/locations/${String(record.resource.location)}/operations/${operation.id}?api-version=2016-03-30`;
    return { status: 200, headers: { 'azure-asyncoperation': address }, body: record.resource, wrote: record.id };
  }

  #refused(record: ClusterRecord, properties: Record<string, unknown>): SimResponse | undefined {
    const now = record.resource.properties;
    if (record.operation?.settled === false) {
      const { kind, id, startedAt } = record.operation;
      const message = `Operation is not allowed because there's an in progress ${kind} operation (operation ID: ${id}) on the managed cluster started on ${startedAt.toISOString()}. Please wait for it to finish before starting a new operation. You can also use 'az aks operation-abort ...' to abort the ongoing operation.`;
      return flat(409, 'OperationNotAllowed', message);
    }
    if (isRecord(now.powerState) && now.powerState.code === 'Stopped') {
      return flat(409, 'OperationNotAllowed', 'Operation is not allowed: the managed cluster is stopped; only start and delete are allowed.');
    }
    const issuerOn = flag(now, 'oidcIssuerProfile');
    const wantsIssuer = flag(properties, 'oidcIssuerProfile');
    if (issuerOn && !wantsIssuer) return flat(400, 'OIDCIssuerFeatureCannotBeDisabled', 'OIDC issuer feature cannot be disabled once it is enabled.');
    const security = isRecord(properties.securityProfile) ? properties.securityProfile : {};
    if (flag(security, 'workloadIdentity') && !wantsIssuer) return flat(400, 'BadRequest', 'Workload identity requires the OIDC issuer to be enabled.');
    return undefined;
  }

  /** A PUT replaces: what it does not say is gone, except what is read-only. */
  #store(record: ClusterRecord, body: Record<string, unknown>): void {
    const before = record.resource;
    const sent = isRecord(body.properties) ? body.properties : {};
    const kept = Object.fromEntries(readOnly.flatMap((key) => (key in before.properties ? [[key, before.properties[key]]] : [])));
    const properties: Record<string, unknown> = { ...sent, ...kept };
    if (flag(properties, 'oidcIssuerProfile')) properties.oidcIssuerProfile = { enabled: true, issuerURL: record.issuerUrl() };
    const { id, name, type: kind } = before;
    record.resource = { ...body, id, name, type: kind, properties };
  }

  #start(record: ClusterRecord, kind: string, milliseconds: number): Operation {
    const id = idOf(`${record.id} operation ${record.revision} ${kind}`);
    const fail = this.knobs.failNext?.name === record.name ? this.knobs.failNext : undefined;
    if (fail !== undefined) delete this.knobs.failNext;
    const operation: Operation = {
      id,
      startedAt: this.clock.now(),
      endsAt: this.clock.monotonic() + milliseconds,
      kind,
      settled: false,
      ...(fail === undefined ? {} : { failure: { code: fail.code, message: fail.message } }),
    };
    record.operation = operation;
    record.resource = { ...record.resource, properties: { ...record.resource.properties, provisioningState: 'Updating' } };
    this.#operations.set(id, record);
    this.#stamp(record);
    return operation;
  }

  /** Ends an operation whose time has come. */
  #settle(record: ClusterRecord): void {
    const { operation } = record;
    if (operation === undefined || operation.settled || this.clock.monotonic() < operation.endsAt) return;
    operation.settled = true;
    const provisioningState = operation.failure === undefined ? 'Succeeded' : 'Failed';
    record.resource = { ...record.resource, properties: { ...record.resource.properties, provisioningState } };
    this.#stamp(record);
  }

  /** The name is byte-swapped against the address, as in recordings of Azure/azure-cli. */
  #status(subscriptionId: string, id: string): SimResponse {
    const record = this.#operations.get(id);
    if (record?.operation?.id !== id || record.subscriptionId !== subscriptionId) return wrapped(404, 'NotFound', `Operation ${id} was not found.`);
    this.#settle(record);
    const { operation } = record;
    const status = !operation.settled ? 'InProgress' : operation.failure === undefined ? 'Succeeded' : 'Failed';
    const end = operation.settled ? { endTime: this.clock.now().toISOString() } : {};
    const error = operation.settled && operation.failure !== undefined ? { error: operation.failure } : {};
    return { status: 200, body: { name: swapped(id), status, startTime: operation.startedAt.toISOString(), ...end, ...error } };
  }

  #stamp(record: ClusterRecord): void {
    record.revision += 1;
    record.resource = { ...record.resource, eTag: idOf(`etag ${record.id} ${record.revision}`) };
  }
}

function flag(holder: Record<string, unknown>, key: string): boolean {
  const profile = holder[key];
  return isRecord(profile) && profile.enabled === true;
}

/** The first three groups of a GUID with their bytes reversed. */
function swapped(guid: string): string {
  const [a = '', b = '', c = '', ...rest] = guid.split('-');
  const reversed = [a, b, c].map((part) => (part.match(/../g) ?? []).reverse().join(''));
  return [...reversed, ...rest].join('-');
}
