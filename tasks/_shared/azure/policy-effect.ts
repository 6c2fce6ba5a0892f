import { anyCase, properties, word } from '../fleet/posture/cluster-values.js';
import { keyIn, list, object, objects, text, type Json } from '../fleet/json.js';

/** What the selectors of assignments, overrides and exemptions may look at. */
export interface Selectable {
  /** Type of the resource: `Microsoft.ContainerService/managedClusters`. */
  readonly type: string;
  /** Region of the resource, as ARM answers it. */
  readonly location: string;
  /** The policy's id within its initiative; absent for a policy that is assigned itself. */
  readonly reference?: string;
}

/** The values of parameters by name; a name whose value could not be worked out is there, with undefined. */
export type Given = Readonly<Record<string, unknown>>;

/**
 * True when the resource selectors of an assignment or an exemption let a resource in: all selectors of one of them do. None at all lets everything in.
 * Source: azure-docs, Azure Policy assignment structure, resource selectors.
 * @returns undefined when it cannot be told, such as for a kind of selector that is not known here.
 */
export function letsIn(resourceSelectors: unknown, resource: Selectable): boolean | undefined {
  const { type, location } = resource;
  const answers = objects(resourceSelectors).map(({ selectors }) => every(selectors, { type, location }));
  if (answers.length === 0 || answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}

function every(selectors: unknown, resource: Selectable): boolean | undefined {
  const answers = objects(selectors).map((selector) => selects(selector, resource));
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

/** A selector has either `in` or `notIn`. Source: azure-docs, Azure Policy assignment structure; kinds: npm @azure/arm-policy 7.0.1, KnownSelectorKind. */
function selects({ kind, in: wanted, notIn: unwanted }: Json, { type, location, reference }: Selectable): boolean | undefined {
  // What has a location is never among the resources without one.
  const values: Readonly<Record<string, string | undefined>> = { resourcetype: type, resourcelocation: region(location), resourcewithoutlocation: '', policydefinitionreferenceid: reference };
  const name = word(kind) ?? '';
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined || Array.isArray(wanted) === Array.isArray(unwanted)) return undefined;
  const named = list(wanted ?? unwanted).map((one) => (name === 'resourcelocation' ? region(text(one) ?? '') : word(one)));
  return named.includes(value.toLowerCase()) === Array.isArray(wanted);
}

/** Regions are written `westeurope` or `West Europe`. Source: azure-docs, Azure Policy definition structure, fields (location). */
function region(name: string): string {
  return name.toLowerCase().replace(/\s+/g, '');
}

/** The parameter values of an assignment. */
export function givenBy(assignment: Json): Given {
  return valuesOf(properties(assignment).parameters, (value) => value);
}

/** The parameter values that an initiative hands to one of its policies. Source: azure-docs, Azure Policy initiative definition structure. */
export function handedOn(member: Json, initiative: Json, given: Given): Given {
  return valuesOf(member.parameters, (value) => workedOut(value, given, properties(initiative).parameters));
}

function valuesOf(parameters: unknown, of: (value: unknown) => unknown): Given {
  return Object.fromEntries(Object.entries(object(parameters)).map(([name, entry]) => [name, of(object(entry).value)]));
}

/**
 * What a value comes to that may be `[parameters('x')]`: what is given for x, else the default of its declaration. Undefined for other expressions.
 * Source: azure-docs, Azure Policy definition structure, parameters.
 */
function workedOut(value: unknown, given: Given, declared: unknown): unknown {
  if (text(value)?.startsWith('[') !== true) return value;
  const name = /^\[\s*parameters\(\s*'([^']+)'\s*\)\s*\]$/i.exec(text(value) ?? '')?.[1];
  if (name === undefined) return undefined;
  const key = keyIn(given, name);
  return key === undefined ? object(anyCase(declared, name)).defaultValue : given[key];
}

/**
 * The effect of an assigned policy on a resource: that of an override which selects both, else that of the definition.
 * @param given values of the definition's parameters
 * @param version that the definition is asked for in, such as `1.*.*`; absent: any
 * @returns undefined when it cannot be worked out: an override that may or may not apply, several that differ, an expression that is more than a
 * parameter, or a definition that was read in another version.
 */
export function effectOn(resource: Selectable, assignment: Json, definition: Json, given: Given, version: string | undefined): string | undefined {
  const overriding = overridesOf(assignment, /^policyEffect$/i, resource);
  if (overriding === undefined) return undefined;
  if (overriding.length > 0) return overriding.length === 1 ? overriding[0] : undefined;
  if (!isVersion(definition, version)) return undefined;
  const { policyRule, parameters } = properties(definition);
  return text(workedOut(object(object(policyRule).then).effect, given, parameters));
}

/**
 * The different values, in lower case, of an assignment's overrides of a kind that apply. In which order several count is not said clearly enough to
 * choose one. Source: azure-docs, Azure Policy assignment structure, overrides.
 * @returns undefined when it cannot be told whether one applies.
 */
function overridesOf(assignment: Json, kind: RegExp, resource: Selectable): string[] | undefined {
  const overrides = objects(properties(assignment).overrides).filter((one) => kind.test(text(one.kind) ?? ''));
  const applying = overrides.map((one) => ({ applies: every(one.selectors, resource), value: word(one.value) }));
  if (applying.some(({ applies, value }) => applies === undefined || value === undefined)) return undefined;
  return [...new Set(applying.flatMap(({ applies, value }) => (applies === true && value !== undefined ? [value] : [])))];
}

/**
 * The version in which a resource meets what is assigned: as the assignment says, unless an override says otherwise. The overrides' kind is
 * `policyVersion` in azure-docs, Azure Policy assignment structure, and `definitionVersion` in npm @azure/arm-policy 7.0.1.
 * @returns undefined for any; a text that no definition answers to where it cannot be told
 */
export function versionFor(resource: Selectable, assignment: Json): string | undefined {
  const overriding = overridesOf(assignment, /^(policy|definition)Version$/i, resource);
  if (overriding?.length === 0) return text(properties(assignment).definitionVersion);
  return overriding?.length === 1 ? overriding[0] : 'not known';
}

/**
 * True when a definition or initiative, which is read in its latest version, is of the version that is asked for: `1.*.*`, `1.2.*`. What has no version
 * has only one. Source: azure-docs, Azure Policy assignment structure (policy definition ID and version) and initiative definition structure (version).
 */
export function isVersion(definition: Json, asked: string | undefined): boolean {
  const version = text(properties(definition).version);
  if (version === undefined || asked === undefined) return true;
  const parts = version.split(/[.-]/);
  return asked.split(/[.-]/).every((part, index) => part === '*' || part === parts[index]);
}
