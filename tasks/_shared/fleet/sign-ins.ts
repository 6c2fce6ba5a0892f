import { sameId } from './arm-id.js';
import { guidPattern, isGuid } from './guid.js';
import type { GrantFact, Read } from './posture/rule.js';

/** The logs that sign-ins are read from. Source: Azure Monitor reference, the tables of these names. */
export const signInTables = ['AADManagedIdentitySignInLogs', 'AADServicePrincipalSignInLogs'] as const;
export type SignInTable = (typeof signInTables)[number];

/** The successful sign-ins of one identity to one resource in a period, as one log tells. A sign-in is a token that was issued; using it later is none. */
export interface SignIn {
  /** Object id of the service principal. */
  readonly principalId: string;
  /** Display name of what a token was asked for, as the log writes it: text from outside. Empty where the log has none. */
  readonly resource: string;
  /** Id of what a token was asked for, as the log writes it. Empty where the log has none. */
  readonly resourceId: string;
  /** The last one. ISO 8601. */
  readonly at: string;
  /** The first one that the log knows in the period. ISO 8601. */
  readonly first: string;
  readonly table: SignInTable;
}

/**
 * The log of managed identities. Those that sign in with a federated credential are in it too, as far as sources tell: Microsoft Entra docs, service
 * principal sign-ins, have all managed identities' sign-ins in this log only; Microsoft Graph beta reference, getSummarizedMSISignIns, shows one of a
 * user-assigned identity with the issuer of a federated token. No source says it of the table in so many words, so both tables count where they know one.
 */
const ownTable: SignInTable = 'AADManagedIdentitySignInLogs';

/** A service that tokens are asked for: its application ids, and the names that logs show it by. */
export interface TokenService {
  readonly ids: readonly string[];
  readonly names: readonly string[];
}

/**
 * Its second id is that of Azure Government. Source: Azure docs, manage storage account keys with Key Vault and the Azure CLI. Name: Microsoft Graph beta
 * reference, getSummarizedMSISignIns.
 */
const keyVault: TokenService = { ids: ['cfa8b339-82a2-471a-a3c9-0fc0be7a4093', '7e7c393b-45d0-48b1-a35e-2905ddf8183c'], names: ['Azure Key Vault'] };

/** Source: Microsoft Graph beta reference, getSummarizedMSISignIns. That tokens for one account's own address are logged under it is not confirmed. */
const storage: TokenService = { ids: ['e406a681-f3d4-42a8-90b6-c2b029497af1'], names: ['Azure Storage'] };

/** Both are from public lists of Microsoft's applications; no page of Microsoft's that we read confirms them. */
const containerRegistry: TokenService = { ids: ['6a0ec4d3-30cb-4a83-91c0-ae56bc0e3d26'], names: ['Azure Container Registry'] };

/** Source: Microsoft Graph reference, signIn (id and first name), and beta, getSummarizedServicePrincipalSignIns (second name). */
const resourceManager: TokenService = { ids: ['797f4846-ba00-4fd7-ba43-dac1f8f63013'], names: ['Windows Azure Service Management API', 'Azure Resource Manager'] };

/**
 * What a data plane takes tokens of. A registry takes those of Azure Resource Manager as well, unless its policy says otherwise.
 * Source: ACR docs, disable authentication as ARM.
 */
const dataPlanes: Readonly<Record<string, readonly TokenService[]>> = {
  'microsoft.keyvault/vaults': [keyVault],
  'microsoft.containerregistry/registries': [containerRegistry, resourceManager],
  'microsoft.storage/storageaccounts': [storage],
};

const resourceScope = new RegExp(`^/subscriptions/${guidPattern}/resourceGroups/[^/]+/providers/([^/]+/[^/]+)/[^/]+(/[^/]+)*/?$`, 'i');

/**
 * The services whose tokens the data plane at an ARM scope takes: of a vault, a registry or a storage account, or of something in one. Undefined for
 * every other scope, where a token for anything may be of use.
 */
export function resourceOf(scope: string): readonly TokenService[] | undefined {
  const type = resourceScope.exec(scope)?.[1]?.toLowerCase();
  if (type === undefined || /\/providers\/.*\/providers\//i.test(scope)) return undefined;
  return dataPlanes[type];
}

/** A grant, as far as its use depends on it. */
export interface UsedGrant extends Pick<GrantFact, 'principalId' | 'scope'> {
  /** True when its role has no control-plane actions, so that tokens of Azure Resource Manager are of no use at a vault or a storage account. */
  readonly dataOnly?: boolean;
}

/**
 * The sign-ins that can have been a use of a grant. Found but empty means that it is not known to be used since {@link knownSince}; where the log of managed
 * identities knows nobody at all, that cannot be told. A resource that the log neither names nor gives a GUID of may be any.
 * @param grant of a managed identity
 * @param signIns of everybody
 */
export function signInsFor(grant: UsedGrant, signIns: readonly SignIn[]): Read<readonly SignIn[]> {
  const takes = resourceOf(grant.scope);
  const useful = takes === undefined || grant.dataOnly === true ? takes : [...takes, resourceManager];
  const found = signIns.filter((signIn) => sameId(signIn.principalId, grant.principalId) && (useful === undefined || canBe(signIn, useful)));
  if (found.length > 0 || signIns.some(({ table }) => table === ownTable)) return { found };
  return { unread: `${ownTable} has no sign-in of any managed identity` };
}

/**
 * The first sign-in of any managed identity that is known, ISO 8601: nothing is known of the time before it, however long a period was asked for. A
 * workspace may keep rows for less long, or get them since yesterday. Undefined when none is known.
 */
export function knownSince(signIns: readonly SignIn[]): string | undefined {
  const firsts = signIns.filter(({ table }) => table === ownTable).map(({ first }) => Date.parse(first));
  return firsts.length === 0 ? undefined : new Date(firsts.reduce((one, other) => Math.min(one, other))).toISOString();
}

function canBe({ resource, resourceId }: SignIn, services: readonly TokenService[]): boolean {
  if (resource === '' && !isGuid(resourceId)) return true;
  return services.some(({ ids, names }) => ids.some((id) => sameId(id, resourceId)) || names.some((name) => sameId(name, resource)));
}
