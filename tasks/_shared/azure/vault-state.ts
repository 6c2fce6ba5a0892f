import { object, objects, text, texts, type Json } from '../fleet/json.js';
import type { Reader } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';

/** What a vault holds, in the words of its addresses and of access policies. */
export const vaultSections = ['secrets', 'keys', 'certificates'] as const;
export type VaultSection = (typeof vaultSections)[number];

/** What an entry of access policies may be about: storage accounts of a vault's own besides what it holds. Source: npm @azure/arm-keyvault 5.0.0, Permissions. */
export const policySections = [...vaultSections, 'storage'] as const;
export type PolicySection = (typeof policySections)[number];

/** One entry of a vault's access policies. */
export interface PolicyEntry {
  readonly tenantId: string;
  readonly objectId: string;
  /** Only for entries of a principal that acts through this application; they are never ours. */
  readonly applicationId?: string;
  /** Words such as `get` and `list`, in any case; `all` stands for each. */
  readonly permissions: PolicyPermissions;
}

/** What an entry allows, by section. */
export type PolicyPermissions = Readonly<Record<PolicySection, readonly string[]>>;

/** The permissions of an entry, section by section. */
export function permissionsOf(words: (section: PolicySection) => readonly string[]): PolicyPermissions {
  return { secrets: words('secrets'), keys: words('keys'), certificates: words('certificates'), storage: words('storage') };
}

/** Whom a vault's network rules let in. */
export interface VaultNetwork {
  /** False when only private endpoints lead to it. */
  readonly public: boolean;
  /** True when only the addresses and subnets that follow get in. */
  readonly closed: boolean;
  readonly addresses: readonly string[];
  /** ARM ids. */
  readonly subnets: readonly string[];
  /** How many private endpoints are approved. */
  readonly privateEndpoints: number;
}

/** A key vault as we use it. Wire names: npm @azure/arm-keyvault 5.0.0. */
export interface VaultState {
  readonly id: string;
  readonly name: string;
  /** With its trailing slash. */
  readonly uri: string;
  /** True where roles decide; false where access policies do. Null counts as access policies. Source: Key Vault docs, access-control-default. */
  readonly rbac: boolean;
  readonly tenantId: string;
  readonly network: VaultNetwork;
  readonly policies: readonly PolicyEntry[];
}

/** Reads a vault; undefined when there is none. Once per run and vault, but for strong reads. */
export async function readVault(azure: Azure, reader: Reader, place: { readonly id: string; readonly name: string }): Promise<VaultState | undefined> {
  const { id, name } = place;
  return reader.once(`state of key vault ${id.toLowerCase()}`, async () => {
    const raw = await azure.arm.get(id, apiVersions.vaults, { tried: `read ${id}`, what: `Key vault ${name} cannot be read` });
    return raw === undefined ? undefined : vaultState(raw, place);
  });
}

/** Every vault of a subscription that the connection may see. Once per run and subscription. */
export function vaultsIn(azure: Azure, subscriptionId: string, reader: Reader): Promise<readonly VaultState[]> {
  const scope = `/subscriptions/${subscriptionId}`;
  return reader.once(`vaults of ${scope}`, async () => {
    const purpose = { tried: `list the key vaults of ${scope}`, what: `The key vaults of subscription ${subscriptionId} cannot be listed` };
    const found = await azure.arm.list(`${scope}/providers/Microsoft.KeyVault/vaults`, apiVersions.vaults, purpose);
    return found.map((raw) => vaultState(raw, { id: text(raw.id) ?? '', name: text(raw.name) ?? '' }));
  });
}

function vaultState(raw: Json, { id, name }: { readonly id: string; readonly name: string }): VaultState {
  const properties = object(raw.properties);
  return {
    id,
    name,
    uri: text(properties.vaultUri) ?? '',
    rbac: properties.enableRbacAuthorization === true,
    tenantId: text(properties.tenantId) ?? '',
    network: networkOf(properties),
    policies: objects(properties.accessPolicies).map(entryOf),
  };
}

function networkOf(properties: Json): VaultNetwork {
  const rules = object(properties.networkAcls);
  const endpoints = objects(properties.privateEndpointConnections).map((one) => text(object(object(one.properties).privateLinkServiceConnectionState).status));
  return {
    public: text(properties.publicNetworkAccess)?.toLowerCase() !== 'disabled',
    closed: text(rules.defaultAction)?.toLowerCase() === 'deny',
    addresses: objects(rules.ipRules).flatMap(({ value }) => text(value) ?? []),
    subnets: objects(rules.virtualNetworkRules).flatMap(({ id }) => text(id) ?? []),
    privateEndpoints: endpoints.filter((status) => status?.toLowerCase() === 'approved').length,
  };
}

function entryOf({ tenantId, objectId, applicationId, permissions }: Json): PolicyEntry {
  const application = text(applicationId);
  return {
    tenantId: text(tenantId) ?? '',
    objectId: text(objectId) ?? '',
    ...(application === undefined ? {} : { applicationId: application }),
    permissions: permissionsOf((section) => texts(object(permissions)[section])),
  };
}

/** What a vault's network rules mean for the pods of a cluster. */
export interface PodsKeptOut {
  /** The rule, in a clause. */
  readonly rule: string;
  /** False where an address or a private endpoint may let them in after all: which way pods leave a cluster is not looked up. */
  readonly certain: boolean;
}

/**
 * Whether a vault's network rules keep a cluster's pods out; undefined when nothing speaks for it.
 * Source: Key Vault docs, network security: rules of the vault's own firewall, subnets with a service endpoint, private endpoints.
 * @param subnets ARM ids of the subnets that the cluster's nodes are in
 */
export function podsKeptOut({ public: open, closed, addresses, subnets: allowed, privateEndpoints }: VaultNetwork, subnets: readonly string[]): PodsKeptOut | undefined {
  const endpoints = privateEndpoints === 0 ? 'there is no approved private endpoint' : `whether ${privateEndpoints === 1 ? 'its private endpoint leads' : `one of its ${privateEndpoints} private endpoints leads`} to the pods was not looked up`;
  if (!open) return { rule: `publicNetworkAccess is Disabled, and ${endpoints}`, certain: privateEndpoints === 0 };
  if (!closed) return undefined;
  const named = new Set(allowed.map((id) => id.toLowerCase()));
  if (subnets.length > 0 && subnets.every((id) => named.has(id.toLowerCase()))) return undefined;
  const nodes = subnets.length === 0 ? 'the subnets of the nodes are not known' : 'no rule names the subnets of its nodes';
  const ranges = addresses.length === 0 ? 'no address is let in' : `whether its pods leave by one of ${addresses.length === 1 ? `the address ${addresses[0] ?? ''}` : `${addresses.length} addresses that are let in`} was not looked up`;
  return { rule: `networkAcls.defaultAction is Deny, ${nodes}, ${ranges}, and ${endpoints}`, certain: addresses.length === 0 && privateEndpoints === 0 && (subnets.length > 0 || allowed.length === 0) };
}
