import type { Clock } from '../../../../tasks/_shared/reconcile/clock.js';
import type { ControlPlane } from '../controllers/control-plane.js';
import type { Matcher } from '../objects/selectors.js';
import { ApiError, badRequest, expired } from '../objects/status.js';
import type { Change, ObjectStore } from '../objects/store.js';
import type { Fields, KubernetesObject } from '../objects/values.js';
import type { Call } from './call.js';
import { selectionOf } from './reading.js';
import { tableOf, wantsTable } from './tables.js';

const bookmarkEveryMs = 60_000;

/** What a watch needs from the server. */
export interface WatchContext {
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly control: ControlPlane;
}

/** The lines of one watch. It lives until its timeout, or until the caller goes away. @throws ApiError 400, 422 for bad options. */
export function watch(call: Call, context: WatchContext): AsyncIterable<string> {
  const { query } = call;
  const asked = query.get('resourceVersion') ?? '';
  if (asked !== '' && !/^\d+$/.test(asked)) throw badRequest(`resourceVersion: Invalid value: "${asked}"`);
  const initial = query.get('sendInitialEvents');
  if (initial !== null && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    const why = 'sendInitialEvents is forbidden unless resourceVersionMatch is set to "NotOlderThan"';
    throw new ApiError(422, 'Invalid', `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: ${why}`);
  }
  const everything = initial === null ? asked === '' || asked === '0' : initial === 'true';
  return new Watch(call, context, selectionOf(call)).lines(everything, Number(asked), initial === 'true');
}

class Watch {
  #cursor: number;
  #describedColumns = false;
  readonly #end: number;
  readonly #bookmarks: boolean;

  constructor(
    private readonly call: Call,
    private readonly context: WatchContext,
    private readonly selection: Matcher,
  ) {
    const seconds = Number(call.query.get('timeoutSeconds') ?? 0);
    this.#end = context.clock.monotonic() + (seconds > 0 ? seconds : 1800) * 1000;
    this.#bookmarks = call.query.get('allowWatchBookmarks') === 'true';
    this.#cursor = context.store.version;
  }

  async *lines(everything: boolean, from: number, markEnd: boolean): AsyncGenerator<string> {
    const { store, clock, control } = this.context;
    if (everything) {
      this.#cursor = store.version;
      const present = store.list(this.call.kind, this.call.namespace).filter(this.selection);
      for (const object of present) yield this.#event('ADDED', object);
      if (markEnd && this.#bookmarks) yield this.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    } else if (from > 0) {
      this.#cursor = from;
    }
    let bookmarkAt = clock.monotonic() + bookmarkEveryMs;
    while (!this.call.request.signal.aborted) {
      control.run();
      if (this.#cursor < store.oldest) {
        yield `${JSON.stringify({ type: 'ERROR', object: expired(this.#cursor, store.oldest).status() })}\n`;
        return;
      }
      const upTo = store.version;
      for (const change of store.since(this.call.kind, this.#cursor)) {
        const line = this.#line(change);
        if (line !== undefined) yield line;
      }
      this.#cursor = Math.max(this.#cursor, upTo);
      if (store.version > this.#cursor) continue;
      if (clock.monotonic() >= this.#end) return;
      if (this.#bookmarks && clock.monotonic() >= bookmarkAt) {
        yield this.#bookmark();
        bookmarkAt = clock.monotonic() + bookmarkEveryMs;
      }
      await this.#pause(Math.min(this.#end, control.next ?? this.#end, this.#bookmarks ? bookmarkAt : this.#end));
    }
  }

  /** Waits until something is stored, the time has come or the caller is gone. */
  async #pause(until: number): Promise<void> {
    const { clock, store } = this.context;
    const { signal } = this.call.request;
    const woken = new AbortController();
    const wake = (): void => woken.abort(new Error('woken'));
    const unsubscribe = store.subscribe(wake);
    signal.addEventListener('abort', wake, { once: true });
    try {
      if (!signal.aborted) await clock.sleep(Math.max(0, until - clock.monotonic()), woken.signal);
    } catch (error) {
      if (!woken.signal.aborted) throw error;
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', wake);
    }
  }

  /** The event that a change is for this watch: an object that enters the selection was added, one that leaves it was deleted. */
  #line({ type, object, before }: Change): string | undefined {
    const { namespace } = this.call;
    if (namespace !== undefined && object.metadata.namespace !== namespace) return undefined;
    const now = type !== 'DELETED' && this.selection(object);
    const then = before !== undefined && this.selection(before);
    if (!now && !then) return undefined;
    if (now) return this.#event(then ? 'MODIFIED' : 'ADDED', object);
    return this.#event('DELETED', object);
  }

  #event(type: string, object: KubernetesObject): string {
    return `${JSON.stringify({ type, object: wantsTable(this.call.request.headers.accept ?? '') ? this.#table(object) : object })}\n`;
  }

  #table(object: KubernetesObject): Fields {
    const { resourceVersion } = object.metadata;
    const table = tableOf(this.call.kind, [object], { resourceVersion }, this.call.query.get('includeObject'), this.context.clock.now());
    const described = this.#describedColumns;
    this.#describedColumns = true;
    return described ? { ...table, columnDefinitions: null } : table;
  }

  #bookmark(annotations?: Fields): string {
    const { kind, apiVersion } = this.call.kind;
    const metadata = { resourceVersion: String(this.#cursor), creationTimestamp: null, ...(annotations === undefined ? {} : { annotations }) };
    const object: Fields = { kind, apiVersion, metadata };
    const asTable = wantsTable(this.call.request.headers.accept ?? '');
    const rows = [{ cells: [], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata } }];
    const shown = asTable ? { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata, columnDefinitions: null, rows } : object;
    return `${JSON.stringify({ type: 'BOOKMARK', object: shown })}\n`;
  }
}
