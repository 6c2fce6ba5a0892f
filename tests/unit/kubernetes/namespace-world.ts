import assert from 'node:assert/strict';
import type { Listed, Read } from '../../../tasks/_shared/fleet/posture/rule.js';
import { readNamespaces, type ReadCluster, type ReadNamespace } from '../../../tasks/_shared/kubernetes/namespace-facts.js';
import { metadataOf } from '../../../tasks/_shared/kubernetes/objects.js';
import type { RequestAttributes } from '../../simulators/kubernetes/access.js';
import { inProcessCluster, plantNamespace, type ClusterWorld } from './cluster-world.js';

/** In every secret of these worlds. */
export const canary = 'canary-of-a-secret';

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A cluster with namespaces, of which `orders` and `billing` have something in them. */
export class NamespaceWorld {
  private constructor(readonly world: ClusterWorld) {}

  static async start(): Promise<NamespaceWorld> {
    const given = new NamespaceWorld(await inProcessCluster());
    const { api, network } = given.world;
    for (const name of ['orders', 'billing', 'stock', 'gatekeeper-system']) plantNamespace(api, name);
    api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api' } });
    api.put({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace: 'orders', name: 'deny' }, spec: { podSelector: {} } });
    api.put({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { namespace: 'billing', name: 'allow' }, spec: { podSelector: {} } });
    given.plantSecret('registry', { '.dockerconfigjson': JSON.stringify({ auths: { 'contoso.azurecr.io': { username: 'contoso', password: canary } } }) }, 'kubernetes.io/dockerconfigjson');
    network.log.clear();
    return given;
  }

  /** A secret in `orders`, whose values kubectl left in an annotation too. */
  plantSecret(name: string, data: Readonly<Record<string, string>>, type = 'Opaque'): void {
    const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)]));
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ data: encoded, stringData: data }) };
    this.world.api.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'orders', name, annotations }, type, data: encoded });
  }

  /** The kind as Istio defines it, with one policy in its root namespace and one in `orders`. */
  plantIstio(version = 'v1'): void {
    const { api } = this.world;
    const names = { kind: 'PeerAuthentication', listKind: 'PeerAuthenticationList', plural: 'peerauthentications', singular: 'peerauthentication' };
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const spec = { group: 'security.istio.io', names, scope: 'Namespaced', versions: [{ name: version, served: true, storage: true, schema }] };
    api.put({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'peerauthentications.security.istio.io' }, spec });
    plantNamespace(api, 'aks-istio-system');
    for (const namespace of ['aks-istio-system', 'orders']) {
      api.put({ apiVersion: `security.istio.io/${version}`, kind: 'PeerAuthentication', metadata: { namespace, name: 'strict' }, spec: { mtls: { mode: 'STRICT' } } });
    }
  }

  tryRead(patterns: readonly string[], connection = this.world.connection): Promise<Read<ReadCluster>> {
    return readNamespaces(connection, { patterns }, this.world.abort.signal);
  }

  async read(...patterns: readonly string[]): Promise<ReadCluster> {
    const answer = await this.tryRead(patterns);
    assert.ok('found' in answer, JSON.stringify(answer));
    return answer.found;
  }

  /** Why nothing was read. */
  async reason(...patterns: readonly string[]): Promise<string> {
    const answer = await this.tryRead(patterns);
    assert.ok('unread' in answer);
    return answer.unread;
  }

  /** Path and query of each request that was answered. */
  paths(): string[] {
    return this.world.network.log.all('kubernetes').map(({ path }) => path);
  }

  /** Paths at which a resource was listed. */
  listsOf(resource: string): string[] {
    return this.paths().map((path) => path.split('?')[0]!).filter((path) => path.endsWith(`/${resource}`));
  }

  forbid(when: (asked: RequestAttributes) => boolean): void {
    this.world.knobs.allows = (asked) => !when(asked);
  }
}

export function namesOf({ namespaces }: ReadCluster): string[] {
  return namespaces.map(({ name }) => name);
}

export function namespaceOf(cluster: ReadCluster, name: string): ReadNamespace {
  const found = cluster.namespaces.find((each) => each.name === name);
  assert.ok(found !== undefined, `${name} was not read`);
  return found;
}

/** What was found of a kind, as `namespace/name`, or why it was not read. */
export function brief(listed: Listed, kind: string): string[] | string {
  const list = listed[kind];
  assert.ok(list !== undefined, `nothing is said of ${kind}`);
  return 'unread' in list ? list.unread : list.found.map((raw) => `${metadataOf(raw).namespace ?? ''}/${metadataOf(raw).name}`);
}
