import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { evaluate, instances, type Surroundings } from './evaluate.js';
import { parseBicep } from './parse.js';
import type { BicepFile, Declaration } from './syntax.js';
import { fromJson, isList, mapping, text, typeOf, type Value, type ValueMap } from './values.js';

/** A resource that a deployment would make. */
export interface DeployedResource {
  readonly type: string;
  readonly apiVersion: string;
  readonly name: string;
  /** ARM id of what it is made at: a management group, subscription, resource group, or the resource that it extends. */
  readonly scope: string;
  readonly id: string;
  /** Its body as written: `properties`, `location`, … */
  readonly body: ValueMap;
}

/** What a deployment comes to. */
export interface Deployment {
  readonly resources: readonly DeployedResource[];
  readonly outputs: ValueMap;
}

/** What each target scope looks like. Source: azure-docs, Bicep deployment scopes. */
const scopes: Readonly<Record<string, RegExp>> = {
  managementGroup: /^\/providers\/Microsoft\.Management\/managementGroups\/[^/]+$/,
  subscription: /^\/subscriptions\/[^/]+$/,
  resourceGroup: /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+$/,
};

/** Properties that Azure fills in. Source: Azure Monitor docs, logs ingestion. */
const filledIn: Readonly<Record<string, ValueMap>> = {
  'Microsoft.Insights/dataCollectionEndpoints': { logsIngestion: { endpoint: 'https://ledger.ingest.monitor.azure.com' } },
  'Microsoft.Insights/dataCollectionRules': { immutableId: 'dcr-00000000000000000000000000000000' },
};

/**
 * Evaluates a Bicep file of this project as a deployment at a scope would, modules included.
 * @param scope ARM id of the management group, subscription or resource group.
 * @throws Error for a parameter that is missing, unknown or of another type, and whatever the expressions come to that Azure would refuse.
 */
export function deploy(file: string, parameters: ValueMap, scope: string): Deployment {
  try {
    return new Deploying(file, parseBicep(readFileSync(file, 'utf8')), parameters, scope).run();
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

class Deploying {
  readonly #resources: DeployedResource[] = [];
  readonly #values = new Map<string, Value>();
  readonly #around: Surroundings = { valueOf: (name) => this.#valueOf(name), special: (name, values) => this.#special(name, values) };

  constructor(
    private readonly file: string,
    private readonly parsed: BicepFile,
    private readonly parameters: ValueMap,
    private readonly scope: string,
  ) {
    if (scopes[parsed.targetScope]?.test(scope) !== true) throw new Error(`it targets a ${parsed.targetScope}, not ${scope}`);
    const declared = parsed.declarations.filter(({ kind }) => kind === 'param').map(({ name }) => name);
    const unknown = Object.keys(parameters).filter((name) => !declared.includes(name));
    if (unknown.length > 0) throw new Error(`no parameter is called ${unknown.join()}`);
  }

  run(): Deployment {
    for (const { name, kind } of this.parsed.declarations) if (kind !== 'output') this.#valueOf(name);
    const outputs = this.parsed.declarations.flatMap((declaration) => {
      if (declaration.kind !== 'output') return [];
      return [[declaration.name, typed(declaration, evaluate(declaration.value, this.#around))] as const];
    });
    return { resources: this.#resources, outputs: Object.fromEntries(outputs) };
  }

  #valueOf(name: string): Value {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const declaration = this.parsed.declarations.find((candidate) => candidate.name === name && candidate.kind !== 'output');
    if (declaration === undefined) throw new Error(`nothing is called '${name}'`);
    const value = this.#declared(declaration);
    this.#values.set(name, value);
    return value;
  }

  #declared(declaration: Declaration): Value {
    switch (declaration.kind) {
      case 'param':
        return this.#parameter(declaration);
      case 'var':
      case 'output':
        return evaluate(declaration.value, this.#around);
      case 'module':
        return oneOrMany(declaration, instances(declaration.value, this.#around).map((body) => this.#module(declaration.path, body)));
      case 'resource':
        return oneOrMany(declaration, instances(declaration.value, this.#around).map((body) => this.#resource(declaration, body)));
    }
  }

  #parameter(declaration: Declaration & { kind: 'param' }): Value {
    const { name } = declaration;
    const given = this.parameters[name];
    if (given === undefined && declaration.value === undefined) throw new Error(`the parameter ${name} is missing`);
    const value = given ?? (declaration.value === undefined ? null : evaluate(declaration.value, this.#around));
    const allowed = declaration.decorators.find((decorator) => decorator.name === 'allowed')?.arguments[0];
    const choices = allowed === undefined ? undefined : evaluate(allowed, this.#around);
    if (choices !== undefined && isList(choices) && !choices.includes(value)) throw new Error(`${name} must be one of ${JSON.stringify(choices)}`);
    return typed(declaration, value);
  }

  #module(path: string, body: ValueMap): Value {
    const { name, scope, params = {} } = body;
    if (typeof name !== 'string' || name.length > 64) throw new Error(`the name of a deployment has at most 64 characters: ${JSON.stringify(name)}`);
    const at = scope === undefined ? this.scope : text(mapping(scope).id ?? null);
    const { resources, outputs } = deploy(join(dirname(this.file), path), mapping(params), at);
    this.#resources.push(...resources);
    return { name, outputs };
  }

  #resource({ type, apiVersion, existing }: Declaration & { kind: 'resource' }, body: ValueMap): Value {
    const name = text(body.name ?? null);
    const parent = body.parent === undefined ? undefined : text(mapping(body.parent).id ?? null);
    const scope = body.scope === undefined ? this.scope : text(mapping(body.scope).id ?? null);
    const id = parent === undefined ? `${scope}/providers/${type}/${name}` : `${parent}/${type.split('/').at(-1) ?? ''}/${name}`;
    if (!existing) this.#resources.push({ type, apiVersion, name, scope: parent ?? scope, id, body });
    const properties = filledIn[type];
    return { ...body, id, name, type, ...(properties === undefined ? {} : { properties: { ...mapping(body.properties ?? {}), ...properties } }) };
  }

  #special(name: string, values: readonly Value[]): Value | undefined {
    const [first = '', second = ''] = values.map((value) => (typeof value === 'string' ? value : ''));
    switch (name) {
      case 'loadJsonContent':
        return fromJson(this.#beside(first));
      case 'loadTextContent':
        return this.#beside(first);
      case 'managementGroup':
        return scopeValue(this.scope, 'managementGroup');
      case 'subscription':
        return values.length === 0 ? scopeValue(this.scope.split('/').slice(0, 3).join('/'), 'subscription') : scopeValue(`/subscriptions/${first}`, 'subscription');
      case 'resourceGroup':
        return values.length === 0 ? { ...scopeValue(this.scope, 'resourceGroup'), location: 'westeurope' } : scopeValue(`/subscriptions/${first}/resourceGroups/${second}`, 'resourceGroup');
      default:
        return undefined;
    }
  }

  #beside(path: string): string {
    return readFileSync(join(dirname(this.file), path), 'utf8');
  }
}

function scopeValue(id: string, kind: string): { id: string; name: string } {
  if (scopes[kind]?.test(id) !== true) throw new Error(`there is no ${kind} here: ${id}`);
  return { id, name: id.split('/').at(-1) ?? '' };
}

function typed({ name, type }: { readonly name: string; readonly type: string }, value: Value): Value {
  if (typeOf(value) !== type) throw new Error(`${name} is a ${type}, not ${JSON.stringify(value)}`);
  return value;
}

/** A loop is a list; a resource whose condition is false is nothing. */
function oneOrMany({ value }: Declaration & { kind: 'module' | 'resource' }, made: readonly Value[]): Value {
  return value.kind === 'loop' ? made : (made[0] ?? null);
}
