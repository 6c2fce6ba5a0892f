import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { idOf } from '../azure/directory.js';
import { isRecord, type SimResponse } from '../kernel/service.js';
import { notFound, notHere, wrapped } from './refusals.js';
import { at, groupOf, pieces, type ArmCall, type Parts, type Provider } from './route.js';
import { registryVersions, type ReadableStore, type StoredResource } from './stores.js';

const type = 'Microsoft.ContainerRegistry/registries';

interface Update {
  readonly record: StoredResource;
  readonly adminUserEnabled: boolean;
  readonly endsAt: number;
}

/**
 * Changing a registry: `PATCH`, for the one property that tasks change. Statuses 200 and 202, and the header of a long-running operation.
 * Source: npm @azure/arm-containerregistry 12.0.0; the address of the operation is unconfirmed.
 */
export class RegistryUpdates implements Provider {
  /** Knob: how long an update takes; 0 answers 200 at once. Milliseconds. */
  readonly knobs = { updateMs: 0 };
  readonly operations: Provider['operations'];
  readonly #running = new Map<string, Update>();

  constructor(
    private readonly clock: Clock,
    private readonly registries: ReadableStore,
  ) {
    const path = `/providers/${type.toLowerCase()}/(?<n>[^/]+)`;
    const status = '/providers/microsoft.containerregistry/locations/(?<l>[^/]+)/operationstatuses/(?<o>[^/]+)';
    this.operations = [
      { method: 'PATCH', path: at(pieces.group, path), versions: registryVersions, right: (parts) => ({ action: `${type}/write`, scope: this.#id(parts) }), handle: (call, parts) => this.#patch(call, parts) },
      { method: 'GET', path: at(pieces.subscription, status), versions: registryVersions, handle: (_call, parts) => this.#status(parts('o')) },
    ];
  }

  #id(parts: Parts): string {
    return `${groupOf(parts)}/providers/${type}/${parts('n')}`;
  }

  #patch(call: ArmCall, parts: Parts): SimResponse {
    const record = this.registries.byId(this.#id(parts));
    if (record === undefined) return notFound(type, parts('n'), parts('rg'));
    if (!isRecord(call.body)) return wrapped(400, 'InvalidRequestContent', 'The request content was invalid and could not be deserialized.');
    const { properties, ...others } = call.body;
    const { adminUserEnabled, ...rest } = isRecord(properties) ? properties : {};
    const unknown = [...Object.keys(others), ...Object.keys(rest).map((key) => `properties.${key}`)];
    if (unknown.length > 0) return notHere(`changing ${unknown.join(', ')} of a registry`);
    if (typeof adminUserEnabled !== 'boolean') return wrapped(400, 'InvalidRequestContent', "The value of 'properties.adminUserEnabled' is not a boolean.");
    if (this.knobs.updateMs === 0) {
      record.properties = { ...record.properties, adminUserEnabled };
      return { status: 200, body: record, wrote: record.id };
    }
    const operation = idOf(`${record.id} update ${this.#running.size}`);
    this.#running.set(operation, { record, adminUserEnabled, endsAt: this.clock.monotonic() + this.knobs.updateMs });
    record.properties = { ...record.properties, provisioningState: 'Updating' };
    const address = `${call.origin}/subscriptions/${parts('s')}/providers/Microsoft.ContainerRegistry/locations/${String(record.location)}/operationStatuses/${operation}?api-version=${call.query.get('api-version') ?? ''}`;
    return { status: 202, headers: { 'azure-asyncoperation': address }, body: record, wrote: record.id };
  }

  #status(operation: string): SimResponse {
    const update = this.#running.get(operation.toLowerCase());
    if (update === undefined) return wrapped(404, 'NotFound', `Operation ${operation} was not found.`);
    const { record, adminUserEnabled, endsAt } = update;
    if (this.clock.monotonic() < endsAt) return { status: 200, body: { status: 'Updating' } };
    record.properties = { ...record.properties, provisioningState: 'Succeeded', adminUserEnabled };
    return { status: 200, body: { status: 'Succeeded' } };
  }
}
