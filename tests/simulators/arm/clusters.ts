import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { tenantId } from '../azure/authority.js';
import { idOf } from '../azure/directory.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { adminCredential, userCredential } from './cluster-credentials.js';
import { ClusterLimits, type RequestKind } from './cluster-limits.js';
import { ClusterOperations } from './cluster-operations.js';
import { changePool, defaultCluster, merged, replaced, stamp, switchedOn, type ClusterRecord, type ClusterResource, type Operation } from './cluster-record.js';
import { defaultUnconfirmed, preconditionRefusal, stateRefusal, type Unconfirmed, type Wording } from './cluster-refusals.js';
import { RunCommands } from './run-commands.js';
import { etagMismatch, flat, notFound, notHere } from './refusals.js';
import { at, groupOf, paged, pieces, type ArmCall, type Parts, type Provider } from './route.js';

const type = 'Microsoft.ContainerService/managedClusters';
/** Source: npm @azure/arm-containerservice 25.3.0 (2026-04-01) and 25.5.0 (2026-06-01); older ones are stable and sent by the az command line. */
const versions = ['2026-06-01', '2026-04-01', '2025-10-01', '2024-09-01', '2022-11-01'];
const listPath = '/providers/microsoft.containerservice/managedclusters';
const clusterPath = `${pieces.group}${listPath}/(?<n>[^/]+)`;

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
  /** Makes the next update of each of these clusters end as Failed. */
  readonly failNext: Map<string, { readonly code: string; readonly message: string }>;
  /** The cluster of this name answers the next PUT with 409 `EtagMismatch`, as when a write raced ours. */
  raceNext?: string;
  /** Text of the 409 while an operation runs: that of 2025, or the older one. */
  wording: Wording;
  /** Status and code of refusals that no source confirms. */
  unconfirmed: Unconfirmed;
  pageSize: number;
}

/** The AKS resource provider: clusters, their operations and credentials. */
export class Clusters implements Provider {
  readonly knobs: ClusterKnobs = { updateMs: 20_000, buckets: false, wording: 'current', unconfirmed: defaultUnconfirmed(), pageSize: 50, failNext: new Map() };
  readonly #records = new Map<string, ClusterRecord>();
  readonly #operations: ClusterOperations;
  readonly #limits: ClusterLimits;
  /** What is run in clusters. */
  readonly commands: RunCommands;

  constructor(clock: Clock) {
    this.commands = new RunCommands(clock, () => this.knobs.unconfirmed);
    this.#operations = new ClusterOperations(clock);
    this.#limits = new ClusterLimits(clock);
  }

  add(cluster: NewCluster): ClusterRecord {
    const id = `/subscriptions/${cluster.subscriptionId}/resourceGroups/${cluster.group}/providers/${type}/${cluster.name}`;
    const kubelet = { clientId: idOf(`kubelet client ${id}`), objectId: idOf(`kubelet ${id}`) };
    const base = defaultCluster(id, cluster.name, cluster.group, cluster.location, { tenantId, kubelet });
    const wanted = merged(base, cluster.resource ?? {});
    const properties = isRecord(wanted.properties) ? wanted.properties : {};
    if (switchedOn(properties, 'oidcIssuerProfile')) properties.oidcIssuerProfile = { enabled: true, issuerURL: cluster.issuerUrl() };
    const resource: ClusterResource = { ...wanted, properties };
    const record: ClusterRecord = { ...cluster, id, resource, revision: 1, adminToken: idOf(`admin ${id}`) };
    this.#records.set(id.toLowerCase(), record);
    stamp(record);
    return record;
  }

  /** A cluster by name; throws when there is none, so that a test cannot pass by a typing error. */
  find(name: string): ClusterRecord {
    const found = [...this.#records.values()].find((record) => record.name === name);
    if (found === undefined) throw new Error(`no cluster ${name}`);
    return found;
  }

  /** Knob: from now on the address of the API server that ARM tells leads nowhere, as that of a private cluster does from outside of its network. */
  hide(name: string, server = `https://${name}-dns.privatelink.westeurope.azmk8s.invalid:443`): void {
    this.find(name).toldServer = server;
  }

  /** Deletes a cluster as an operator would, outside of any request. */
  remove(name: string): void {
    this.#records.delete(this.find(name).id.toLowerCase());
  }

  /** Changes a cluster as an operator would, outside of any request. */
  edit(name: string, properties: Record<string, unknown>): void {
    const record = this.find(name);
    record.resource = { ...record.resource, properties: merged(record.resource.properties, properties) };
    stamp(record);
  }

  /** Changes one node pool, and only its etag, as when it scales. */
  editPool(name: string, pool: string, values: Record<string, unknown>): void {
    changePool(this.find(name), pool, values);
  }

  /** Starts an operation of somebody else that lasts `milliseconds`. */
  begin(name: string, kind: string, milliseconds: number): void {
    this.#start(this.find(name), kind, milliseconds);
  }

  readonly operations: Provider['operations'] = [
    this.#route('GET', clusterPath, 'read', 'get', (_call, record) => ({ status: 200, body: record.resource })),
    this.#route('POST', `${clusterPath}/listclusterusercredential`, 'listClusterUserCredential/action', 'other', (call, record) => userCredential(record, call.query.get('format'))),
    this.#route('POST', `${clusterPath}/listclusteradmincredential`, 'listClusterAdminCredential/action', 'other', (_call, record) => adminCredential(record, this.knobs.unconfirmed)),
    this.#route('POST', `${clusterPath}/runcommand`, 'runcommand/action', 'other', (call, record) => this.commands.start(call, record)),
    this.#route('GET', `${clusterPath}/commandresults/(?<c>[0-9a-f]{32})`, 'commandResults/read', 'other', (call, record) => this.commands.result(call, record)),
    this.#route('PUT', clusterPath, 'write', 'put', (call, record) => this.#put(call, record)),
    this.#listRoute(pieces.subscription, 'listSubscription', (parts) => `/subscriptions/${parts('s')}`),
    this.#listRoute(pieces.group, 'listGroup', groupOf),
    {
      method: 'GET',
      path: at(pieces.subscription, '/providers/microsoft.containerservice/locations/(?<l>[^/]+)/operations/(?<o>[^/]+)'),
      versions: ['2016-03-30', ...versions],
      handle: (_call: ArmCall, parts: Parts) => this.#limited('status', parts('s')) ?? this.#operations.status(parts('s'), parts('l'), parts('o')),
    },
  ];

  #route(method: string, path: string, verb: string, kind: RequestKind, handle: (call: ArmCall, record: ClusterRecord) => SimResponse): Provider['operations'][number] {
    const id = (parts: Parts): string => `${groupOf(parts)}/providers/${type}/${parts('n')}`;
    return {
      method,
      path: at(path),
      versions,
      right: (parts) => ({ action: `${type}/${verb}`, scope: id(parts) }),
      handle: (call, parts) => {
        const record = this.#records.get(id(parts).toLowerCase());
        if (record === undefined) return method === 'PUT' ? absent(call) : notFound(type, parts('n'), parts('rg'));
        this.#operations.settle(record);
        return this.#limited(kind, kind === 'other' ? parts('s') : record.id) ?? handle(call, record);
      },
    };
  }

  #listRoute(place: string, kind: RequestKind, scopeOf: (parts: Parts) => string): Provider['operations'][number] {
    return {
      method: 'GET',
      path: at(place, listPath),
      versions,
      right: (parts: Parts) => ({ action: `${type}/read`, scope: scopeOf(parts) }),
      handle: (call: ArmCall, parts: Parts) => this.#limited(kind, scopeOf(parts)) ?? this.#list(call, `${scopeOf(parts)}/`),
    };
  }

  #limited(kind: RequestKind, scope: string): SimResponse | undefined {
    return this.knobs.buckets ? this.#limits.refusal(kind, scope) : undefined;
  }

  #list(call: ArmCall, prefix: string): SimResponse {
    const found = [...this.#records.values()].filter((record) => record.id.toLowerCase().startsWith(prefix.toLowerCase()));
    for (const record of found) this.#operations.settle(record);
    return paged(call, found.map(({ resource }) => resource), this.knobs.pageSize);
  }

  #put(call: ArmCall, record: ClusterRecord): SimResponse {
    const { body, headers } = call;
    if (!isRecord(body) || !isRecord(body.properties) || typeof body.location !== 'string') {
      return flat(400, 'InvalidParameter', 'Required parameter location or properties is missing (null).');
    }
    const refusal = preconditionRefusal(headers, record, this.knobs.unconfirmed) ?? this.#raceLost(record) ?? stateRefusal(record, body.properties, this.knobs);
    if (refusal !== undefined) return refusal;
    record.resource = replaced(record, body);
    const operation = this.#start(record, 'update managed cluster', this.knobs.updateMs);
    const address = `${call.origin}/subscriptions/${record.subscriptionId}/providers/Microsoft.ContainerService/locations/${String(record.resource.location)}/operations/${operation.id}?api-version=2016-03-30`;
    return { status: 200, headers: { 'azure-asyncoperation': address }, body: record.resource, wrote: record.id };
  }

  #raceLost(record: ClusterRecord): SimResponse | undefined {
    if (this.knobs.raceNext !== record.name) return undefined;
    delete this.knobs.raceNext;
    return etagMismatch();
  }

  #start(record: ClusterRecord, kind: string, milliseconds: number): Operation {
    const failure = this.knobs.failNext.get(record.name);
    this.knobs.failNext.delete(record.name);
    return this.#operations.start(record, { kind, milliseconds, ...(failure === undefined ? {} : { failure }) });
  }
}

/** A PUT of a cluster that is not there: a condition fails as documented, creating is out of scope. Source: AKS docs, use-etags. */
function absent({ headers }: ArmCall): SimResponse {
  if ((headers['if-match'] ?? '') !== '') return flat(412, 'PreConditionFailed', 'The managed cluster does not exist.');
  return notHere('creating a managed cluster');
}
