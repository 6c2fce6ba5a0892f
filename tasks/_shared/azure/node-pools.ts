import { isDeepStrictEqual } from 'node:util';
import { object, objects, text, type Json } from '../fleet/json.js';

/** What the service itself sets in a pool. Source: npm @azure/arm-containerservice 25.x, serializers (read-only), and `powerState`, which start and stop set. */
const servicesOwn = new Set(['eTag', 'provisioningState', 'currentOrchestratorVersion', 'nodeImageVersion', 'status', 'powerState']);

/** The node pools of a cluster as a PUT of the cluster carries them. */
export function poolsIn(raw: Json): readonly Json[] {
  return objects(object(raw.properties).agentPoolProfiles);
}

/**
 * True when no pool was changed between two reads. Pools have etags of their own, which an operation on a pool changes and the cluster's does not
 * show. Source: AKS docs, use-etags.
 */
export function samePools(one: Json, other: Json): boolean {
  const etags = (raw: Json): Record<string, string> => Object.fromEntries(poolsIn(raw).map(({ name, eTag }) => [text(name) ?? '', text(eTag) ?? '']));
  return isDeepStrictEqual(etags(one), etags(other));
}

/** What differs in the pools from what was sent, each in a clause: `pool np1 has count 5 instead of 3`. The count of a pool that scales by itself is its own. */
export function poolDifferences(sent: readonly Json[], now: readonly Json[]): string[] {
  const found = new Map(now.map((pool) => [text(pool.name) ?? '', pool]));
  const names = new Set(sent.map(({ name }) => text(name) ?? ''));
  return [
    ...sent.flatMap((pool) => differencesOf(pool, found.get(text(pool.name) ?? ''))),
    ...[...found.keys()].filter((name) => !names.has(name)).map((name) => `pool ${name} is new`),
  ];
}

function differencesOf(sent: Json, now: Json | undefined): string[] {
  const name = text(sent.name) ?? '';
  if (now === undefined) return [`pool ${name} is gone`];
  return Object.keys(sent)
    .filter((field) => !servicesOwn.has(field) && !(field === 'count' && sent.enableAutoScaling === true))
    .filter((field) => !isDeepStrictEqual(sent[field], now[field]))
    .map((field) => `pool ${name} has ${field} ${JSON.stringify(now[field] ?? null)} instead of ${JSON.stringify(sent[field])}`);
}
