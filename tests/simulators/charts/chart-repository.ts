import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { Service, SimRequest, SimResponse } from '../kernel/service.js';

interface Entry {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly content: Buffer;
}

/** A chart repository: an index and packages, as a web server hands them out. See BEHAVIOUR.md. */
export class ChartRepository implements Service {
  /** Where the index says that a package is; absent: beside it. */
  location: ((file: string) => string) | undefined;
  /** Where a package is handed out from: answered with a redirect. Absent: from here. */
  redirect: ((file: string) => string) | undefined;
  /** What every request is answered with instead. */
  refusal: SimResponse | undefined;
  readonly #entries: Entry[] = [];

  /** @param name in the request log */
  constructor(readonly name: string) {}

  /** Adds a packed chart; its digest, as the index has it. */
  add(name: string, version: string, content: Buffer): string {
    this.#entries.push({ name, version, file: `${name}-${version}.tgz`, content });
    return digestOf(content);
  }

  handle({ method, url: { pathname } }: SimRequest): Promise<SimResponse> {
    return Promise.resolve(this.refusal ?? this.#answer(method, pathname));
  }

  #answer(method: string, path: string): SimResponse {
    if (method !== 'GET') return page(405, 'method not allowed');
    if (path === '/charts/index.yaml') return { status: 200, headers: { 'content-type': 'text/yaml' }, body: this.#index() };
    const found = this.#entries.find(({ file }) => path === `/charts/${file}`);
    if (found === undefined) return page(404, 'not found');
    if (this.redirect !== undefined) return { status: 302, headers: { location: this.redirect(found.file) } };
    return { status: 200, headers: { 'content-type': 'application/gzip' }, body: found.content };
  }

  /** Source: helm docs, the chart repository guide, the index file. */
  #index(): string {
    const entries: Record<string, object[]> = {};
    for (const { name, version, file, content } of this.#entries) {
      const urls = [this.location?.(file) ?? file];
      (entries[name] ??= []).push({ apiVersion: 'v2', name, version, urls, digest: digestOf(content).replace('sha256:', ''), created: '2026-01-05T08:00:00Z' });
    }
    return stringify({ apiVersion: 'v1', entries, generated: '2026-01-05T08:00:00Z' });
  }
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function page(status: number, text: string): SimResponse {
  return { status, headers: { 'content-type': 'text/html' }, body: `<html>${text}</html>` };
}
