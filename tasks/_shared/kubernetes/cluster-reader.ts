import type { Json } from '../fleet/json.js';
import type { Read } from '../fleet/posture/rule.js';
import { Limiter } from '../reconcile/limits.js';
import { toProblem, type Problem } from '../reconcile/problem.js';
import { isAboutRequest, missingCode, refusedCode } from './api-errors.js';
import type { ClusterConnection, ListOptions } from './connection.js';
import { metadataOf, type ObjectKind } from './objects.js';

/** What one request found, or why it failed. */
export type Asked<T> = { readonly found: T } | { readonly problem: Problem };

/** Something in a namespace; `''` for what belongs to the whole cluster. */
interface Placed<T> {
  readonly namespace: string;
  readonly value: T;
}

/** The objects of one kind, as far as they could be listed. */
export interface KindLists<T> {
  /** In the whole cluster. */
  readonly everywhere: Read<readonly Placed<T>[]>;
  /** In one of the namespaces that they were asked for. */
  in(namespace: string): Read<readonly T[]>;
}

/** How a kind is listed. */
export interface KindQuery<T> {
  readonly kind: ObjectKind;
  /** True to ask for the whole cluster at once, and for single namespaces only where that is refused. */
  readonly wide: boolean;
  /** Namespaces whose objects are wanted. */
  readonly namespaces: readonly string[];
  /** What is kept of an object. */
  readonly keep: (raw: Json) => T;
  readonly options?: ListOptions;
  /** For a kind that a cluster need not know: the version that is asked for where it does not know this one. It has none where it knows neither. */
  readonly optional?: { readonly otherVersion: string };
}

/** Requests that one cluster is sent at a time. */
const requestsAtATime = 5;

/** Asks one cluster, and gives what fails as a value: only a cancelled run throws. */
export class ClusterReader {
  readonly #limiter = new Limiter(requestsAtATime);
  /** Why nothing more is asked: each request would wait for its own patience to end. */
  #lost: Problem | undefined;

  constructor(
    private readonly connection: ClusterConnection,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws the signal's reason when the run is cancelled. */
  ask<T>(request: (connection: ClusterConnection) => Promise<T>): Promise<Asked<T>> {
    return this.#limiter.run(async () => {
      this.signal.throwIfAborted();
      if (this.#lost !== undefined) return { problem: this.#lost };
      try {
        return { found: await request(this.connection) };
      } catch (error) {
        this.signal.throwIfAborted();
        const problem = toProblem(error);
        if (!isAboutRequest(problem)) this.#lost ??= problem;
        return { problem };
      }
    });
  }

  /** Lists a kind: in one request where it may, with one for each namespace otherwise. @throws the signal's reason when the run is cancelled. */
  async lists<T>(query: KindQuery<T>): Promise<KindLists<T>> {
    if (!query.wide) return byNamespace(await this.#each(query), { unread: 'nothing asked for those of the whole cluster' });
    const all = await this.#list(query, undefined);
    if ('found' in all) return { everywhere: all, in: splitOf(all.found) };
    const everywhere = { unread: all.problem.parts.because };
    if (all.problem.code !== refusedCode) return { everywhere, in: () => everywhere };
    return byNamespace(await this.#each(query), everywhere);
  }

  #each<T>(query: KindQuery<T>): Promise<[string, Read<readonly T[]>][]> {
    return Promise.all(
      query.namespaces.map(async (namespace): Promise<[string, Read<readonly T[]>]> => {
        const listed = await this.#list(query, namespace);
        return [namespace, 'found' in listed ? { found: listed.found.map(({ value }) => value) } : { unread: listed.problem.parts.because }];
      }),
    );
  }

  async #list<T>({ kind, keep, options, optional }: KindQuery<T>, namespace: string | undefined): Promise<Asked<readonly Placed<T>[]>> {
    const list = (of: ObjectKind): Promise<Asked<readonly Placed<T>[]>> =>
      this.ask(async (connection) => {
        const objects = await connection.list(of, namespace, undefined, options);
        return objects.map((raw) => ({ namespace: metadataOf(raw).namespace ?? '', value: keep(raw) }));
      });
    const asked = await list(kind);
    if (optional === undefined || !isUnknown(asked)) return asked;
    const other = await list({ ...kind, apiVersion: optional.otherVersion });
    return isUnknown(other) ? { found: [] } : other;
  }
}

/** True where the cluster does not know the kind: a list of a kind that it knows is not 404 even in a namespace that it does not have, as was observed on kube-apiserver 1.20. */
function isUnknown(asked: Asked<unknown>): boolean {
  return 'problem' in asked && asked.problem.code === missingCode;
}

function splitOf<T>(placed: readonly Placed<T>[]): (namespace: string) => Read<readonly T[]> {
  const parts = new Map<string, T[]>();
  for (const { namespace, value } of placed) {
    const part = parts.get(namespace);
    if (part === undefined) parts.set(namespace, [value]);
    else part.push(value);
  }
  return (namespace) => ({ found: parts.get(namespace) ?? [] });
}

function byNamespace<T>(lists: readonly (readonly [string, Read<readonly T[]>])[], everywhere: KindLists<T>['everywhere']): KindLists<T> {
  const parts = new Map(lists);
  return { everywhere, in: (namespace) => parts.get(namespace) ?? { unread: 'nothing asked for them' } };
}
