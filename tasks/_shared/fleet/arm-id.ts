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

const guid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const pattern = new RegExp(`^/subscriptions/(${guid})/resourceGroups/([-\\w._()]{1,90})/providers/([\\w.]+)/(\\w+)/([-\\w.]+)$`, 'i');

/** Takes a top-level resource's id apart; undefined when it has another form. */
export function parseArmId(text: string): ArmId | undefined {
  const id = text.replace(/\/$/, '');
  const match = pattern.exec(id);
  if (match === null) return undefined;
  const [, subscriptionId = '', resourceGroup = '', provider = '', kind = '', name = ''] = match;
  return { subscriptionId, resourceGroup, type: `${provider}/${kind}`, name, id };
}

/** True when two ARM ids name the same resource. */
export function sameId(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/** The resource group part of an id: `/subscriptions/…/resourceGroups/…`. */
export function groupId(subscriptionId: string, resourceGroup: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
}

/**
 * Reads an input that names one resource: its ARM id, or `resourceGroup/name` in the connection's subscription.
 * @returns undefined when it is neither, or an id of another type than `type`.
 */
export function resourceNamed(text: string, type: string, subscriptionId: string | undefined): ArmId | undefined {
  if (text.startsWith('/')) {
    const id = parseArmId(text);
    return id?.type.toLowerCase() === type.toLowerCase() ? id : undefined;
  }
  const [resourceGroup = '', name = '', ...rest] = text.split('/');
  if (subscriptionId === undefined || rest.length > 0) return undefined;
  return parseArmId(`${groupId(subscriptionId, resourceGroup)}/providers/${type}/${name}`);
}
