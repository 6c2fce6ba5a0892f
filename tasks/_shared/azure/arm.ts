import { isGone, thrownServiceError } from './errors.js';
import type { AzureHttp, AzureResponse } from './http.js';
import { list, object, text, type Json } from '../fleet/json.js';

/** What a raw call is about; goes into the Problem when it fails. */
export interface Purpose {
  readonly tried: string;
  readonly what: string;
}

/** Azure Resource Manager, raw: for resources that typed models would truncate, and for those without a typed client here. */
export class Arm {
  constructor(
    private readonly http: AzureHttp,
    private readonly endpoint: string,
    private readonly signal: AbortSignal,
  ) {}

  /** The resource as JSON; undefined when there is none (404). */
  async get(id: string, apiVersion: string, purpose: Purpose): Promise<Json | undefined> {
    try {
      return object((await this.http.send({ method: 'GET', url: this.url(id, apiVersion), signal: this.signal, ...purpose })).body);
    } catch (error) {
      if (isGone(thrownServiceError(error))) return undefined;
      throw error;
    }
  }

  /** PUTs the whole resource. `ifMatch` is the etag that was read. */
  put(id: string, apiVersion: string, body: Json, ifMatch: string | undefined, purpose: Purpose): Promise<AzureResponse> {
    const headers = ifMatch === undefined ? {} : { 'if-match': ifMatch };
    return this.http.send({ method: 'PUT', url: this.url(id, apiVersion), headers, body, signal: this.signal, ...purpose });
  }

  /** Changes the properties that the body has, and no other. */
  patch(id: string, apiVersion: string, body: Json, purpose: Purpose): Promise<AzureResponse> {
    return this.http.send({ method: 'PATCH', url: this.url(id, apiVersion), body, signal: this.signal, ...purpose });
  }

  /** A POST that reads, e.g. a credential list. */
  async post(id: string, apiVersion: string, body: Json | undefined, purpose: Purpose): Promise<Json> {
    const payload = body === undefined ? {} : { body };
    const response = await this.http.send({ method: 'POST', url: this.url(id, apiVersion), signal: this.signal, ...payload, ...purpose });
    return object(response.body);
  }

  /**
   * A POST that starts what goes on by itself: the whole answer, which says where its end is told.
   * @param expect statuses besides 2xx that the caller handles itself
   */
  start(id: string, apiVersion: string, body: Json, purpose: Purpose, expect: readonly number[]): Promise<AzureResponse> {
    return this.http.send({ method: 'POST', url: this.url(id, apiVersion), body, signal: this.signal, expect, ...purpose });
  }

  /** GETs an absolute address that the service gave, e.g. of an operation. */
  follow(url: string, purpose: Purpose): Promise<AzureResponse> {
    return this.http.send({ method: 'GET', url, signal: this.signal, ...purpose });
  }

  /** All items of a list. */
  async list(id: string, apiVersion: string, purpose: Purpose): Promise<Json[]> {
    const items: Json[] = [];
    for await (const page of this.pages(id, apiVersion, purpose)) items.push(...page);
    return items;
  }

  /** A list page by page; the next one is asked for when it is wanted. */
  async *pages(id: string, apiVersion: string, purpose: Purpose): AsyncGenerator<readonly Json[]> {
    for (let url: string | undefined = this.url(id, apiVersion); url !== undefined; ) {
      const page = object((await this.follow(url, purpose)).body);
      yield list(page.value).map(object);
      url = text(page.nextLink);
    }
  }

  private url(id: string, apiVersion: string): string {
    const separator = id.includes('?') ? '&' : '?';
    return `${this.endpoint}${id}${separator}api-version=${apiVersion}`;
  }
}
