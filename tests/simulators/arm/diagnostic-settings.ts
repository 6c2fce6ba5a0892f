import { isRecord, type SimResponse } from '../kernel/service.js';
import { wrapped } from './refusals.js';
import { anyScope, at, scopeOf, type ArmCall, type Parts, type Provider } from './route.js';

/** Source: npm @azure/arm-monitor 7.0.0 sends the first; REST clients send the second. */
const versions = ['2017-05-01-preview', '2021-05-01-preview'];
const collection = '/providers/microsoft.insights/diagnosticsettings';
const action = 'Microsoft.Insights/diagnosticSettings';
/** Source: azure-docs, diagnostic settings in Azure Monitor. */
const perResource = 5;

/** Diagnostic settings of any resource. The write looks at no provisioning state. */
export class DiagnosticSettings implements Provider {
  readonly #all = new Map<string, { readonly scope: string; readonly name: string; readonly properties: Record<string, unknown> }>();

  /** Makes a setting as an operator would, outside of any request. */
  add(scope: string, name: string, properties: Record<string, unknown>): void {
    this.#all.set(`${scope}/${name}`.toLowerCase(), { scope, name, properties });
  }

  /** Takes all settings away, outside of any request. */
  clear(): void {
    this.#all.clear();
  }

  /** The settings of a resource, by name. */
  of(scope: string): Readonly<Record<string, Record<string, unknown>>> {
    return Object.fromEntries([...this.#all.values()].filter((one) => one.scope.toLowerCase() === scope.toLowerCase()).map(({ name, properties }) => [name, properties]));
  }

  readonly operations: Provider['operations'] = [
    {
      method: 'GET',
      path: at(anyScope, collection),
      versions,
      right: (parts: Parts) => ({ action: `${action}/read`, scope: scopeOf(parts) }),
      handle: (_call: ArmCall, parts: Parts): SimResponse => ({ status: 200, body: { value: Object.entries(this.of(scopeOf(parts))).map(([name, properties]) => view(scopeOf(parts), name, properties)) } }),
    },
    {
      method: 'PUT',
      path: at(anyScope, `${collection}/(?<n>[^/]+)`),
      versions,
      right: (parts: Parts) => ({ action: `${action}/write`, scope: scopeOf(parts) }),
      handle: (call: ArmCall, parts: Parts) => this.#put(scopeOf(parts), parts('n'), call.body),
    },
  ];

  #put(scope: string, name: string, body: unknown): SimResponse {
    const properties = isRecord(body) && isRecord(body.properties) ? body.properties : {};
    if (typeof properties.workspaceId !== 'string') return wrapped(400, 'BadRequest', 'At least one data sink needs to be specified.');
    const others = Object.entries(this.of(scope)).filter(([other]) => other.toLowerCase() !== name.toLowerCase());
    if (others.length >= perResource) return wrapped(409, 'Conflict', `The limit of ${perResource} diagnostic settings was reached.`);
    const rival = others.find(([, { workspaceId, logs }]) => workspaceId === properties.workspaceId && categories(logs).some((category) => categories(properties.logs).includes(category)));
    if (rival !== undefined) return wrapped(409, 'Conflict', `Data sink '${properties.workspaceId}' is already used in diagnostic setting '${rival[0]}' for the same category. Data sinks can't be reused in different settings on the same category for the same resource.`);
    this.add(scope, name, properties);
    return { status: 200, body: view(scope, name, properties) };
  }
}

function categories(logs: unknown): string[] {
  return (Array.isArray(logs) ? logs.filter(isRecord) : []).filter(({ enabled }) => enabled === true).map(({ category }) => String(category));
}

function view(scope: string, name: string, properties: Record<string, unknown>): object {
  return { id: `${scope}/providers/microsoft.insights/diagnosticSettings/${name}`, type: 'Microsoft.Insights/diagnosticSettings', name, properties };
}
