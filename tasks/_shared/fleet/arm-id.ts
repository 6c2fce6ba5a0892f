import { guidPattern } from './guid.js';

/** An ARM resource id taken apart. Azure compares ids without regard to case (AKS itself answers `resourcegroups`). */
export interface ArmId {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  /** `Microsoft.ContainerService/managedClusters` */
  readonly type: string;
  readonly name: string;
  /** The id as it was written, without a trailing slash. */
  readonly id: string;
}

const pattern = new RegExp(`^/subscriptions/(${guidPattern})/resourceGroups/([-\\w._()]{1,90})/providers/([\\w.]+)/(\\w+)/([-\\w.]+)$`, 'i');

/**
 * Names of resource groups, as far as ASCII goes.
 * Source: Azure docs, naming rules and restrictions for Azure resources (as for {@link resourceTypes}).
 */
export const resourceGroupName = /^[-\w.()]{0,89}[-\w()]$/;

/** How names of a type of resource look. */
export interface NameRule {
  readonly pattern: RegExp;
  /** The same in words: "a name is …". */
  readonly form: string;
}

/** The rules for names of the resources that inputs name. */
export const resourceTypes = {
  'Microsoft.ContainerService/managedClusters': { pattern: /^[A-Za-z0-9]([-\w]{0,61}[A-Za-z0-9])?$/, form: '1 to 63 letters, digits, - and _, a letter or digit first and last' },
  'Microsoft.ManagedIdentity/userAssignedIdentities': { pattern: /^[A-Za-z0-9][\w-]{2,127}$/, form: '3 to 128 letters, digits, - and _, a letter or digit first' },
  'Microsoft.KeyVault/vaults': { pattern: /^(?!.*--)[A-Za-z][-A-Za-z0-9]{1,22}[A-Za-z0-9]$/, form: '3 to 24 letters, digits and single hyphens, a letter first' },
  'Microsoft.OperationalInsights/workspaces': { pattern: /^[A-Za-z0-9][-A-Za-z0-9]{2,61}[A-Za-z0-9]$/, form: '4 to 63 letters, digits and hyphens, a letter or digit first and last' },
  'Microsoft.ContainerRegistry/registries': { pattern: /^[A-Za-z0-9]{5,50}$/, form: '5 to 50 letters and digits' },
} as const satisfies Readonly<Record<string, NameRule>>;
export type ResourceType = keyof typeof resourceTypes;

/**
 * True for an id that means in an address what it says: nothing of it ends the path or is decoded on the way (`?`, `#`, `%`, and the backslash,
 * which counts as a slash), and no part of it is `.` or `..`, which an address takes for the part itself or the one above.
 * Source: WHATWG URL Standard, path state.
 */
export function isPlainId(id: string): boolean {
  return !/[%?#\\]/.test(id) && !id.split('/').some((part) => part === '.' || part === '..');
}

/** Takes a top-level resource's id apart; undefined when it has another form, or is none that {@link isPlainId}. */
export function parseArmId(text: string): ArmId | undefined {
  const id = text.replace(/\/$/, '');
  const match = pattern.exec(id);
  if (match === null || !isPlainId(id)) return undefined;
  const [, subscriptionId = '', resourceGroup = '', provider = '', kind = '', name = ''] = match;
  return { subscriptionId, resourceGroup, type: `${provider}/${kind}`, name, id };
}

/** True when two ARM ids name the same resource, or two object ids the same principal: Azure compares both without regard to case. */
export function sameId(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** True when a scope is the other one or lies in it, as far as ids tell: management groups are not looked up. */
export function isWithin(scope: string, above: string): boolean {
  return `${scope}/`.toLowerCase().startsWith(`${above.toLowerCase().replace(/\/$/, '')}/`);
}

/** The last part of an id: the name of what it names. */
export function lastPart(id: string): string {
  return id.split('/').at(-1) ?? '';
}

/** The resource group part of an id: `/subscriptions/…/resourceGroups/…`. */
export function groupId(subscriptionId: string, resourceGroup: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
}

/**
 * Reads an input that names one resource: its ARM id, or `resourceGroup/name` in the connection's subscription.
 * @returns undefined when it is neither, or an id of another type than `type`, or a name that no such resource can have.
 */
export function resourceNamed(text: string, type: ResourceType, subscriptionId: string | undefined): ArmId | undefined {
  const found = text.startsWith('/') ? parseArmId(text) : completed(text, type, subscriptionId);
  return found?.type.toLowerCase() === type.toLowerCase() && resourceTypes[type].pattern.test(found.name) ? found : undefined;
}

function completed(text: string, type: ResourceType, subscriptionId: string | undefined): ArmId | undefined {
  const [resourceGroup = '', name = '', ...rest] = text.split('/');
  if (subscriptionId === undefined || rest.length > 0) return undefined;
  return parseArmId(`${groupId(subscriptionId, resourceGroup)}/providers/${type}/${name}`);
}
