import { lastPart, sameId } from '../fleet/arm-id.js';
import type { IdentityPlace } from '../fleet/identity-place.js';
import { ownName } from '../fleet/marks.js';
import { strongReader } from '../reconcile/plan.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { Removal, type RemovalInputs, type RemovalPlace, type RemovalState } from '../reconcile/removal.js';
import type { Permission, Reader, Writer } from '../reconcile/resource.js';
import { rightAt, type Azure } from './azure.js';
import { azureProblem } from './errors.js';
import { credentialsOf, type FederatedCredentialState } from './federated-credentials.js';
import type { FleetUse } from './fleet-use.js';
import { readIdentity, type IdentityState } from './identity-state.js';
import { grantTitle } from './role-assignment-removal.js';
import { listAssignments, type RoleAssignmentState } from './role-assignments.js';
import { entryOf, writePolicy, type VaultPolicies } from './vault-policies.js';
import type { PolicyEntry, PolicyPermissions } from './vault-state.js';

/** What else the run takes away from an identity, so that it does not count as a use of it. */
export interface Leaving {
  /** True for credentials that the run removes. */
  credential(entry: FederatedCredentialState): boolean;
  /** True for assignments that the run removes. */
  grant(entry: RoleAssignmentState): boolean;
}

/** What keeps an identity, and what does not. */
export interface IdentityUse {
  readonly fleet: FleetUse;
  readonly leaving: Leaving;
  /** ARM ids at which roles are looked for, besides the identity's own subscription, each with the Azure that sees it. */
  readonly scopes: readonly { readonly azure: Azure; readonly scope: string }[];
  /** The access policies of the run's vaults, each with what the run leaves of an entry. */
  readonly policies: readonly { readonly of: VaultPolicies; readonly leaves: (entry: PolicyEntry) => PolicyPermissions }[];
}

/**
 * An identity that is not needed any more: removed only when this project made it and nothing else uses it, as far as that can be seen.
 * What cannot be seen is said: other resources that it is assigned to, roles in subscriptions and access policies of vaults that the run does not know.
 */
export class IdentityRemoval extends Removal {
  readonly kind = 'identity';

  constructor(
    private readonly azure: Azure,
    private readonly place: IdentityPlace,
    private readonly use: IdentityUse,
    where: Omit<RemovalPlace, 'key' | 'name'>,
  ) {
    super({ ...where, key: `removal of identity ${place.id.toLowerCase()}`, name: place.name });
  }

  async observe(reader: Reader): Promise<RemovalState> {
    const identity = await readIdentity(this.azure, this.place, reader);
    if (identity === undefined) return { present: false };
    if (identity.tags['managed-by'] !== ownName) return { present: true, stays: `it is not this project’s: it has no tag managed-by ${ownName}` };
    const uses = await this.#uses(identity, reader, this.use.leaving);
    if (uses.length === 0) return { present: true };
    return { present: true, stays: `something else uses it: ${uses.join('; ')}`, left: [inUse(this.place, uses)] };
  }

  protected reason(): string {
    return 'this project made it, and nothing else that this connection sees uses it; resources that it is assigned to, roles in other subscriptions, and access policies of other vaults are not seen';
  }

  permissions(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.ManagedIdentity/userAssignedIdentities/delete', this.place.id)];
  }

  reads(): Permission[] {
    const own = ['read', 'federatedIdentityCredentials/read'].map((verb) => ({ plane: 'azure', action: `Microsoft.ManagedIdentity/userAssignedIdentities/${verb}`, scope: this.place.id }) as const);
    return [...own, ...this.use.fleet.reads(this.place.id), ...this.#scopes().map(({ azure, scope }) => rightAt(azure, 'Microsoft.Authorization/roleAssignments/read', scope))];
  }

  /** Looks once more, now that what the run removes is gone: an identity that somebody began to use meanwhile stays. */
  async apply(_change: unknown, _known: RemovalInputs, writer: Writer): Promise<void> {
    const identity = await readIdentity(this.azure, this.place, strongReader);
    if (identity === undefined) return;
    const uses = await this.#uses(identity, strongReader, nothing);
    if (uses.length > 0) throw new Problem({ ...inUse(this.place, uses), tried: `delete ${this.place.id}` });
    const { userAssignedIdentities } = await this.azure.identities(this.place.subscriptionId);
    const intent = { action: 'delete', object: this.place.id, before: `client id ${identity.clientId}, principal ${identity.principalId}`, widens: false };
    try {
      await writer.write(intent, () => userAssignedIdentities.delete(this.place.resourceGroup, this.place.name, { abortSignal: writer.signal }));
    } catch (error) {
      throw azureProblem(`delete ${this.place.id}`, `Identity ${this.name} was not removed`, error);
    }
  }

  async #uses({ principalId }: IdentityState, reader: Reader, leaving: Leaving): Promise<string[]> {
    const credentials = (await credentialsOf(this.azure, this.place.id, reader)).filter((entry) => !leaving.credential(entry));
    const assignments = (await this.#assignments(principalId, reader)).filter((entry) => !leaving.grant(entry));
    const policies = await this.#policies(principalId, reader);
    const cluster = reader.strong ? undefined : await this.use.fleet.runningOn(this.place.id, reader);
    return [
      ...(cluster === undefined ? [] : [`cluster ${cluster} runs on it`]),
      ...credentials.map(({ name, subject }) => `federated credential ${name} (${subject})`),
      ...assignments.map((entry) => `${grantTitle(entry)} (assignment ${lastPart(entry.id)})`),
      ...policies,
    ];
  }

  /** What its entries in the vaults of the run allow once the run has taken back its own part. */
  async #policies(principalId: string, reader: Reader): Promise<string[]> {
    const found = await Promise.all(this.use.policies.map(async ({ of, leaves }) => {
      const entry = entryOf(await of.entries(reader), principalId);
      const left = entry === undefined ? '' : writePolicy(reader.strong ? entry.permissions : leaves(entry));
      return left === '' ? [] : [`an access policy of key vault ${of.place.name} (${left})`];
    }));
    return [...new Set(found.flat())];
  }

  /** The identity's own subscription, and the places that the run knows of elsewhere. */
  #scopes(): IdentityUse['scopes'] {
    const elsewhere = this.use.scopes.filter(({ scope }) => !sameId(scope.split('/')[2] ?? '', this.place.subscriptionId));
    return [{ azure: this.azure, scope: `/subscriptions/${this.place.subscriptionId}` }, ...elsewhere];
  }

  /** Everything that its principal may, in its subscription and wherever else the run knows of. */
  async #assignments(principalId: string, reader: Reader): Promise<RoleAssignmentState[]> {
    const lists = await Promise.all(this.#scopes().map(({ azure, scope }) =>
      reader.once(`role assignments of ${principalId} at ${scope.toLowerCase()}`, () => listAssignments(azure, scope, principalId))));
    return [...new Map(lists.flat().map((entry) => [entry.id.toLowerCase(), entry])).values()].filter((entry) => sameId(entry.principalId, principalId));
  }
}

const nothing: Leaving = { credential: () => false, grant: () => false };

function inUse(place: IdentityPlace, uses: readonly string[]): ProblemParts {
  return {
    code: 'WI2313',
    what: `Identity ${place.name} stays`,
    because: `something else uses it: ${uses.join('; ')}`,
    remedy: 'take these away where they were made (for a registry, run GrantRegistryRole with state absent), and run this again; or leave the identity to those who use it',
  };
}
