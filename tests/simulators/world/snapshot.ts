import { isRecord } from '../kernel/service.js';
import type { World } from './world.js';

/** Fields whose values depend on when, and in which order, things were made. */
const passing = new Set([
  'uid', 'resourceVersion', 'creationTimestamp', 'time', 'lastTransitionTime', 'lastUpdateTime', 'lastProbeTime', 'startTime', 'startedAt', 'createdAt', 'modifiedAt', 'etag', 'eTag',
  'podIP', 'podIPs', 'hostIP', 'hostIPs', 'clusterIP', 'clusterIPs', 'nodeName', 'containerID', 'generation', 'observedGeneration', 'aks-workload-identity/until',
]);

/**
 * Everything that the services of a world store, by service and in one canonical form: without times, versions and generated names, so that
 * two worlds compare equal when the same things are true in both.
 */
export function snapshot(world: World): Record<string, unknown> {
  const { arm, roles, directory } = world;
  const clusters = [...world.clusters].map(([name, api]) => [name, {
    resource: arm.clusters.find(name).resource,
    objects: api.all().filter(({ kind }) => kind !== 'Event'),
  }]);
  const identities = arm.identities.all().map(({ id, name, location, clientId, principalId, tags, credentials }) => ({ id, name, location, clientId, principalId, tags, credentials: sorted(credentials.views()) }));
  return canonical({
    clusters: Object.fromEntries(clusters) as Record<string, unknown>,
    identities: sorted(identities),
    assignments: sorted(roles.assignments()),
    principals: sorted(directory.all().map(({ objectId, appId, displayName, kind }) => ({ objectId, appId, displayName, kind }))),
    vaults: [...world.vaults].map(([name, vault]) => ({ ...arm.vaults.find(name), secrets: vault.secrets.names() })),
    registries: [...world.registries.keys()].map((name) => ({ ...arm.registries.find(name) })),
  }) as Record<string, unknown>;
}

function sorted<T extends object>(values: readonly T[]): T[] {
  const text = (value: object): string => JSON.stringify(canonical(value));
  return [...values].sort((one, other) => (text(one) < text(other) ? -1 : 1));
}

function canonical(value: unknown): unknown {
  if (typeof value === 'string') return stable(value);
  if (Array.isArray(value)) return value.map(canonical);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).filter(([key]) => !passing.has(key));
  const own = Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, inner]) => [stable(key), canonical(inner)]));
  return isRecord(own.metadata) && typeof own.metadata.generateName === 'string' ? { ...own, metadata: { ...own.metadata, name: `${own.metadata.generateName}*` } } : own;
}

/**
 * Generated parts of texts: volumes of service-account tokens have names with a random end (source: kube-apiserver, service account
 * admission), and managedFields name list entries by their uid or address.
 */
function stable(text: string): string {
  return text.replace(/kube-api-access-[a-z0-9]{5}/g, 'kube-api-access-*').replace(/^k:\{"(uid|ip)":"[^"]*"\}$/, 'k:{"$1":"*"}');
}
