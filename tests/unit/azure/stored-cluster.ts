import assert from 'node:assert/strict';
import { isRecord } from '../../simulators/kernel/service.js';
import type { Rig } from './azure-world.js';

/** The resource as ARM has it now, as plain JSON. */
export function stored(rig: Rig): Record<string, unknown> {
  const copy: unknown = JSON.parse(JSON.stringify(rig.world.arm.clusters.find('aks-1').resource));
  assert.ok(isRecord(copy));
  return copy;
}

export function part(holder: unknown, name: string): Record<string, unknown> {
  const found = isRecord(holder) ? holder[name] : undefined;
  assert.ok(isRecord(found), name);
  return found;
}

/** Etags, of pools too, are the service's to change. Keys in alphabetical order. */
export function withoutEtags(value: unknown): string {
  return JSON.stringify(value, (key, entry: unknown) => {
    if (key === 'eTag') return undefined;
    return isRecord(entry) ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => a.localeCompare(b))) : entry;
  });
}
