import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { idOf } from '../azure/directory.js';
import type { SimResponse } from '../kernel/service.js';
import { stamp, type ClusterRecord, type Operation } from './cluster-record.js';
import { wrapped } from './refusals.js';

/** What a new operation is. */
export interface NewOperation {
  /** As the 409 of another writer names it, e.g. `update managed cluster`. */
  readonly kind: string;
  readonly milliseconds: number;
  /** The cluster's `provisioningState` meanwhile. */
  readonly state?: string;
  readonly failure?: Operation['failure'];
}

/** The long-running operations of the AKS resource provider: they end by the clock, looked at only when somebody asks. */
export class ClusterOperations {
  readonly #all = new Map<string, { readonly record: ClusterRecord; readonly operation: Operation }>();

  constructor(private readonly clock: Clock) {}

  start(record: ClusterRecord, { kind, milliseconds, state = 'Updating', failure }: NewOperation): Operation {
    const now = this.clock.now();
    const operation: Operation = {
      id: idOf(`${record.id} operation ${record.revision} ${kind}`),
      startedAt: now,
      endedAt: new Date(now.getTime() + milliseconds),
      endsAt: this.clock.monotonic() + milliseconds,
      kind,
      settled: false,
      ...(failure === undefined ? {} : { failure }),
    };
    record.operation = operation;
    setState(record, state);
    this.#all.set(operation.id, { record, operation });
    return operation;
  }

  /** Ends an operation whose time has come. */
  settle(record: ClusterRecord): void {
    const { operation } = record;
    if (operation === undefined || operation.settled || this.clock.monotonic() < operation.endsAt) return;
    operation.settled = true;
    setState(record, operation.failure === undefined ? 'Succeeded' : 'Failed', operation.failure);
  }

  /** Always 200; the name is byte-swapped against the address, as in recordings of Azure/azure-cli. */
  status(subscriptionId: string, location: string, id: string): SimResponse {
    const found = this.#all.get(id.toLowerCase());
    const { record } = found ?? {};
    const here = record?.subscriptionId.toLowerCase() === subscriptionId.toLowerCase() && String(record.resource.location).toLowerCase() === location.toLowerCase();
    if (found === undefined || !here) return wrapped(404, 'NotFound', `Operation ${id} was not found.`);
    this.settle(found.record);
    const { settled, failure, startedAt, endedAt } = found.operation;
    const begin = { name: swapped(id), startTime: startedAt.toISOString() };
    if (!settled) return { status: 200, body: { ...begin, status: 'InProgress' } };
    const end = { endTime: endedAt.toISOString() };
    return { status: 200, body: failure === undefined ? { ...begin, ...end, status: 'Succeeded' } : { ...begin, ...end, status: 'Failed', error: failure } };
  }
}

function setState(record: ClusterRecord, provisioningState: string, provisioningError?: Operation['failure']): void {
  const properties: Record<string, unknown> = { ...record.resource.properties, provisioningState };
  if (provisioningError === undefined) delete properties.status;
  else properties.status = { provisioningError };
  record.resource = { ...record.resource, properties };
  stamp(record);
}

/** The first three groups of a GUID with their bytes reversed. */
function swapped(guid: string): string {
  const [a = '', b = '', c = '', ...rest] = guid.split('-');
  const reversed = [a, b, c].map((part) => (part.match(/../g) ?? []).reverse().join(''));
  return [...reversed, ...rest].join('-');
}
