import { parseArmId } from '../fleet/arm-id.js';
import type { Reader } from '../reconcile/resource.js';

/** From so many objects of one place on, a list is tried first. */
const worthwhile = 5;

/**
 * The objects that a run is going to read, told before its first read, so that one list can serve where it takes fewer requests than
 * reading each.
 */
export class Expected {
  readonly #members = new Map<string, Set<string>>();

  /** Announces that `member` of a place will be read. */
  add(kind: string, place: string, member: string): void {
    const key = `${kind} ${place.toLowerCase()}`;
    const members = this.#members.get(key) ?? new Set();
    members.add(member.toLowerCase());
    this.#members.set(key, members);
  }

  /** Announces an object under both places that could list it: its resource group and its subscription. */
  addResource(kind: string, id: string): void {
    for (const place of placesOf(id)) this.add(kind, place, id);
  }

  count(kind: string, place: string): number {
    return this.#members.get(`${kind} ${place.toLowerCase()}`)?.size ?? 0;
  }
}

/** What a list showed. */
export interface Listed<T> {
  readonly items: readonly T[];
  /** False when it failed, or was left off because it became more expensive than reading each object. */
  readonly complete: boolean;
}

/** Pages of a list; asked for the next one only when it is needed. */
export type Pages<T> = AsyncIterable<readonly T[]>;

/**
 * Reads a list that serves `expected` objects, once per run. It may take about a quarter of the requests that reading each would: a place
 * may hold far more than was asked for. A list that fails, e.g. for want of rights at its scope, shows nothing: then each object is read by itself.
 * @returns undefined where a list is not worth it, and for strong reads.
 */
export function listOnce<T>(reader: Reader, key: string, expected: number, signal: AbortSignal, pages: () => Pages<T>): Promise<Listed<T>> | undefined {
  if (reader.strong || expected < worthwhile) return undefined;
  return reader.once(key, async () => {
    const items: T[] = [];
    let left = Math.max(1, Math.floor(expected / 4));
    try {
      for await (const page of pages()) {
        if (left === 0) return { items, complete: false };
        left -= 1;
        items.push(...page);
      }
      return { items, complete: true };
    } catch {
      signal.throwIfAborted();
      return { items, complete: false };
    }
  });
}

/** What {@link readByList} needs to know of a kind of object. */
export interface Kind<T> {
  readonly name: string;
  readonly expected: Expected;
  readonly signal: AbortSignal;
  idOf(item: T): string;
  /** The objects of a resource group or a subscription. */
  pages(place: string): Pages<T>;
  /** False for what a list says that is better asked of the object itself: lists may be behind. Default: all is believed. */
  believes?(item: T): boolean;
  /** Reads one object. */
  read(id: string): Promise<T | undefined>;
}

/** Reads an object, from a list where that is cheaper. What no list shows is read by itself: only that tells that it is not there. */
export async function readByList<T>(reader: Reader, id: string, kind: Kind<T>): Promise<T | undefined> {
  const place = placesOf(id).find((candidate) => kind.expected.count(kind.name, candidate) >= worthwhile);
  if (place !== undefined && !reader.strong) {
    const found = await reader.once(`${kind.name} by id in ${place}`, () => index(reader, place, kind));
    const item = found.get(id.toLowerCase());
    if (item !== undefined && (kind.believes?.(item) ?? true)) return item;
  }
  return reader.once(`${kind.name} ${id.toLowerCase()}`, () => kind.read(id));
}

async function index<T>(reader: Reader, place: string, kind: Kind<T>): Promise<ReadonlyMap<string, T>> {
  const expected = kind.expected.count(kind.name, place);
  const listed = await listOnce(reader, `${kind.name} in ${place}`, expected, kind.signal, () => kind.pages(place));
  return new Map((listed?.items ?? []).map((item) => [kind.idOf(item).toLowerCase(), item]));
}

/** The resource group and the subscription that an object lies in, lower case; none for what is no resource. */
function placesOf(id: string): string[] {
  const place = parseArmId(id);
  if (place === undefined) return [];
  const subscription = `/subscriptions/${place.subscriptionId.toLowerCase()}`;
  return [`${subscription}/resourcegroups/${place.resourceGroup.toLowerCase()}`, subscription];
}
