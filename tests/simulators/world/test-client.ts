import { tenantId } from '../azure/authority.js';
import { idOf, type ServicePrincipal } from '../azure/directory.js';
import { Network } from '../kernel/network.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { World } from './world.js';

export const subscriptionId = idOf('subscription of the world tests');
export const group = `/subscriptions/${subscriptionId}/resourceGroups/rg-shop`;
export const clusterPath = `${group}/providers/Microsoft.ContainerService/managedClusters/aks-shop`;
export const audience = 'api://AzureADTokenExchange';
export const kubernetesAudience = '6dae42f8-4368-4678-94ff-3960e28e3630';
const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** A world of one cluster with somebody who may do everything, asked over its network as a stranger's client would. */
export class TestClient {
  private constructor(
    readonly clock: VirtualClock,
    readonly world: World,
    readonly owner: ServicePrincipal,
  ) {}

  static async start(resource: Record<string, unknown> = {}): Promise<TestClient> {
    const clock = new VirtualClock();
    const world = await World.create({ network: new Network(clock), certificateAuthority: 'in process', organisation: { id: idOf('contoso'), name: 'contoso' } });
    world.hierarchy.addManagementGroup({ name: 'prod', displayName: 'Production' });
    world.hierarchy.addSubscription({ id: subscriptionId, displayName: 'shop', managementGroup: 'prod' });
    world.hierarchy.addResourceGroup(subscriptionId, 'rg-shop', 'westeurope');
    const owner = world.directory.add({ displayName: 'owner', kind: 'application', secrets: ['owner secret'] });
    world.assign(owner.objectId, 'Owner', `/subscriptions/${subscriptionId}`);
    world.assign(owner.objectId, 'Azure Kubernetes Service RBAC Cluster Admin', `/subscriptions/${subscriptionId}`);
    await world.addCluster({ subscriptionId, group: 'rg-shop', name: 'aks-shop', location: 'westeurope', resource });
    return new TestClient(clock, world, owner);
  }

  /** What a resource is registered with, in the group of the tests. */
  place(name: string, properties: Record<string, unknown> = {}): { subscriptionId: string; group: string; name: string; location: string; properties: Record<string, unknown> } {
    return { subscriptionId, group: 'rg-shop', name, location: 'westeurope', properties };
  }

  send(method: string, address: string, token?: string, body?: unknown): Promise<SimResponse> {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const headers = body === undefined ? authorization : { ...authorization, 'content-type': 'application/json' };
    const content = Buffer.from(body === undefined ? '' : JSON.stringify(body));
    return this.world.network.dispatch({ method, url: new URL(address), headers, body: content, signal: new AbortController().signal });
  }

  /** A token request at Entra with a secret or with a federated assertion. */
  signIn(clientId: string, proof: { secret: string } | { assertion: string }, resource: string): Promise<SimResponse> {
    const how = 'secret' in proof ? { client_secret: proof.secret } : { client_assertion_type: jwtBearer, client_assertion: proof.assertion };
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, scope: `${resource}/.default`, ...how });
    const url = new URL(`${this.world.origins.entra}/${tenantId}/oauth2/v2.0/token`);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.world.network.dispatch({ method: 'POST', url, headers, body: Buffer.from(form.toString()), signal: new AbortController().signal });
  }

  /** The owner's token for a resource, by sign-in. */
  async ownerToken(resource: string): Promise<string> {
    return String(json(await this.signIn(this.owner.appId, { secret: 'owner secret' }, resource)).access_token);
  }

  /** A request to ARM as the owner. */
  async arm(method: string, path: string, body?: unknown): Promise<SimResponse> {
    return this.send(method, `${this.world.origins.arm}${path}`, await this.ownerToken('https://management.azure.com'), body);
  }

  /** The address of the cluster's API server, as its kubeconfig says. */
  server(): string {
    return this.world.arm.clusters.find('aks-shop').endpoint().server;
  }

  /** A token of a service account of the cluster, asked for with a bearer token for the API server. */
  async accountToken(account: string, bearer: string): Promise<SimResponse> {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience], expirationSeconds: 3600 } };
    return this.send('POST', `${this.server()}/api/v1/namespaces/shop/serviceaccounts/${account}/token`, bearer, body);
  }
}

/** The JSON object of an answer, or of a part of one. */
export function json(value: unknown): Record<string, unknown> {
  const body = isRecord(value) && 'status' in value && 'body' in value ? value.body : value;
  const parsed: unknown = JSON.parse(JSON.stringify(body));
  if (!isRecord(parsed)) throw new TypeError('no JSON object');
  return parsed;
}
