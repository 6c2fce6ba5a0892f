import { gunzipSync } from 'node:zlib';
import type { AccessControl, TokenAuthority } from '../azure/authority.js';
import { isRecord, notSimulated, type Service, type SimRequest, type SimResponse } from '../kernel/service.js';

const audiences = ['https://monitor.azure.com', 'https://monitor.azure.com/'];
const action = 'Microsoft.Insights/Telemetry/Write';
const apiVersion = '2023-01-01';
/** Of a call, compressed and not. */
const maxBytes = 1_048_576;

/** Types that columns of a stream can have here. */
export type ColumnType = 'string' | 'int' | 'boolean' | 'datetime' | 'dynamic';

/** A data collection rule, with what was sent to each of its streams. */
export interface IngestionRule {
  /** `dcr-…` */
  readonly immutableId: string;
  readonly armId: string;
  /** Columns of each stream, by name. */
  readonly streams: Readonly<Record<string, Readonly<Record<string, ColumnType>>>>;
  /** Accepted records, by stream, each with the columns that the stream has. */
  readonly rows: Map<string, Record<string, unknown>[]>;
  /** Names of fields that no column took. */
  readonly dropped: Set<string>;
}

/** The Logs Ingestion API of all data collection rules of a world. See BEHAVIOUR.md. */
export class LogIngestion implements Service {
  readonly name = 'log-ingestion';
  readonly #rules = new Map<string, IngestionRule>();

  constructor(private readonly parts: { readonly authority: TokenAuthority; readonly access: AccessControl }) {}

  add(rule: Pick<IngestionRule, 'immutableId' | 'armId' | 'streams'>): IngestionRule {
    const whole: IngestionRule = { ...rule, rows: new Map(Object.keys(rule.streams).map((stream) => [stream, []])), dropped: new Set() };
    this.#rules.set(rule.immutableId, whole);
    return whole;
  }

  handle(request: SimRequest): Promise<SimResponse> {
    return Promise.resolve(this.#answer(request));
  }

  #answer(request: SimRequest): SimResponse {
    const [, ruleId, stream] = /^\/dataCollectionRules\/([^/]+)\/streams\/([^/]+)$/.exec(request.url.pathname) ?? [];
    if (ruleId === undefined || stream === undefined || request.method !== 'POST') return notSimulated(this.name, request);
    if (request.url.searchParams.get('api-version') !== apiVersion) return notSimulated(`${this.name}, another api-version`, request);
    const caller = this.parts.authority.verify(request.headers.authorization, audiences);
    if (caller === undefined) return refusal(401, 'AuthenticationFailed', 'The authentication information is missing or not valid for https://monitor.azure.com');
    return { ...this.#take(decodeURIComponent(ruleId), decodeURIComponent(stream), caller.objectId, request), principal: caller.objectId };
  }

  #take(ruleId: string, stream: string, objectId: string, request: SimRequest): SimResponse {
    const rule = this.#rules.get(ruleId);
    if (rule === undefined) return refusal(404, 'NotFound', `Data collection rule with immutable Id '${ruleId}' not found.`);
    if (!this.parts.access.allows({ objectId, action, scope: rule.armId, data: true })) {
      const text = `The authentication token provided does not have access to ingest data for the data collection rule with immutable Id '${ruleId}'.`;
      return refusal(403, 'OperationFailed', text);
    }
    const columns = rule.streams[stream];
    if (columns === undefined) return refusal(400, 'InvalidStream', `The stream ${stream} was not configured for the data collection rule.`);
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) return refusal(415, 'UnsupportedMediaType', 'The content type must be application/json');
    const records = recordsOf(request);
    if ('status' in records) return records;
    const misfit = records.flatMap((record) => misfits(record, columns))[0];
    if (misfit !== undefined) return refusal(400, 'InvalidPayload', `Column ${misfit} cannot be read as its type`);
    for (const record of records) {
      for (const name of Object.keys(record)) if (!(name in columns)) rule.dropped.add(name);
      rule.rows.get(stream)?.push(Object.fromEntries(Object.entries(record).filter(([name]) => name in columns)));
    }
    return { status: 204, wrote: `${rule.armId}/${stream}` };
  }
}

function recordsOf({ body, headers }: SimRequest): Record<string, unknown>[] | SimResponse {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity') return refusal(415, 'UnsupportedMediaType', `The content encoding ${encoding} is not supported`);
  const malformed = refusal(400, 'InvalidPayload', 'The request body has to be a JSON array of records');
  try {
    const plain = encoding === 'gzip' ? gunzipSync(body) : body;
    if (Math.max(body.length, plain.length) > maxBytes) return refusal(413, 'ContentLengthLimitExceeded', `Maximum allowed content length: ${maxBytes} bytes. Provided content length: ${plain.length} bytes.`);
    const parsed: unknown = JSON.parse(plain.toString('utf8'));
    return Array.isArray(parsed) && parsed.length > 0 && parsed.every(isRecord) ? parsed : malformed;
  } catch {
    return malformed;
  }
}

function misfits(record: Record<string, unknown>, columns: Readonly<Record<string, ColumnType>>): string[] {
  const fits: Record<ColumnType, (value: unknown) => boolean> = {
    string: (value) => typeof value === 'string',
    int: (value) => Number.isInteger(value),
    boolean: (value) => typeof value === 'boolean',
    datetime: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
    dynamic: () => true,
  };
  return Object.entries(record).flatMap(([name, value]) => {
    const type = columns[name];
    return type === undefined || value === null || fits[type](value) ? [] : [name];
  });
}

function refusal(status: number, code: string, message: string): SimResponse {
  return { status, body: { error: { code, message } } };
}
