import { resourceEnd } from '../_shared/azure/accesses.js';
import type { Azure } from '../_shared/azure/azure.js';
import type { Identity } from '../_shared/azure/identity.js';
import { RoleAssignment } from '../_shared/azure/role-assignment.js';
import { itemOf, itemRoles, itemScope, itemTitle, type VaultItem } from '../_shared/azure/vault-items.js';
import { VaultLookup, vaultMode, type VaultMode } from '../_shared/azure/vault-lookup.js';
import { knownPolicies, VaultPolicies } from '../_shared/azure/vault-policies.js';
import { VaultPolicy } from '../_shared/azure/vault-policy.js';
import { vaultSections } from '../_shared/azure/vault-state.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { History } from '../_shared/fleet/history.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import { output } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import type { AccessInputs } from './secrets-inputs.js';

/** What a workload wants of a vault. */
export interface VaultWish {
  readonly vault: ArmId;
  /** As the input secrets names them. */
  readonly names: readonly string[];
}

/** What is granted to one workload on its vault. */
export interface VaultAccess {
  readonly lookup: VaultLookup;
  readonly items: readonly VaultItem[];
  /** Role assignments, with the scope that was asked for; none in a vault of access policies. */
  readonly grants: readonly { readonly resource: RoleAssignment; readonly scope: string }[];
  readonly resources: readonly AnyResource[];
  /** Why the identity reaches more of the vault than single items, in a clause; undefined when it does not as far as this run goes. */
  readonly wide?: string;
}

interface OpenVault {
  readonly mode: VaultMode;
  readonly policies: VaultPolicies;
}

/** What a run may do in its vaults. */
type VaultRules = Pick<AccessInputs, 'allowVaultWideAccess' | 'roleAssignmentLimit'> & {
  /** Whether the run takes back what others gave: what decides in a vault is looked up then, whatever is allowed. */
  readonly absent: boolean;
};

/** The vaults of a run, with what decides in each of them. */
export class Vaults {
  /** Access policies of vaults that only ledgers tell of, by id. */
  readonly #told = new Map<string, VaultPolicies>();

  private constructor(
    /** Azure as the connection of the vaults sees it. */
    readonly azure: Azure,
    private readonly opened: ReadonlyMap<string, OpenVault>,
    /** Identities that reach a whole vault in this run, with the reason. */
    private readonly wide: ReadonlyMap<string, string>,
    private readonly limit: number,
  ) {}

  /** Looks what decides in each vault, where that makes a difference: access policies are used only where they are allowed, and taken back wherever they are. */
  static async open(azure: Azure, wishes: readonly { readonly identityId: string; readonly wish: VaultWish }[], access: VaultRules): Promise<Vaults> {
    const places = new Map(wishes.map(({ wish: { vault } }) => [vault.id.toLowerCase(), vault]));
    const opened = await Promise.all([...places].map(async ([key, place]) => {
      const mode = access.allowVaultWideAccess || access.absent ? await vaultMode(azure, place, access.absent ? 'policies' : 'roles') : 'roles';
      return [key, { mode, policies: new VaultPolicies(azure, place) }] as const;
    }));
    const byId = new Map(opened);
    const wide = new Map(wishes.flatMap(({ identityId, wish }) => {
      const key = wish.vault.id.toLowerCase();
      const reason = byId.get(key)?.mode === 'policies' ? 'access policies know no single items' : wish.names.includes('*') ? 'every secret is granted' : undefined;
      return reason === undefined ? [] : [[`${identityId.toLowerCase()} ${key}`, reason] as const];
    }));
    return new Vaults(azure, byId, wide, access.roleAssignmentLimit);
  }

  /** The access policies of a vault; undefined for one where roles decide, or that this run does not open as a whole. */
  policiesOf({ id }: ArmId): VaultPolicies | undefined {
    const opened = this.opened.get(id.toLowerCase());
    return opened?.mode === 'policies' ? opened.policies : undefined;
  }

  /** The access policies of the vaults into which, as ledgers show, an identity was let. */
  policiesTold(history: History, identityId: string): VaultPolicies[] {
    return knownPolicies(history, identityId).map(({ vaultId }) => {
      const key = vaultId.toLowerCase();
      const policies = this.opened.get(key)?.policies ?? this.#told.get(key) ?? new VaultPolicies(this.azure, { id: vaultId, name: vaultId.split('/').at(-1) ?? vaultId });
      this.#told.set(key, policies);
      return policies;
    });
  }

  /** The grants of one workload: as narrow as the vault allows. */
  grant({ vault, names }: VaultWish, workload: PlacedWorkload, identity: Identity, description: string): VaultAccess {
    const key = vault.id.toLowerCase();
    const { mode, policies } = this.opened.get(key) ?? { mode: 'roles' as const, policies: new VaultPolicies(this.azure, vault) };
    const items = names.map(itemOf);
    const lookup = new VaultLookup(this.azure, vault, mode);
    const wide = this.wide.get(`${workload.identity.id.toLowerCase()} ${key}`);
    const found = { lookup, items, ...(wide === undefined ? {} : { wide }) };
    const principal = { id: workload.identity.id, name: workload.identity.name };
    const principalId = output(identity, (state) => state.identity?.principalId);
    if (mode === 'policies') {
      const sections = vaultSections.filter((section) => items.some((item) => item.section === section));
      const refs = { principalId, tenantId: output(identity, (state) => state.identity?.tenantId), vaultTenantId: output(lookup, (state) => state.tenantId) };
      return { ...found, grants: [], resources: [lookup, new VaultPolicy(this.azure, policies, sections, principal, refs, workload.owner)] };
    }
    const grants = items.map((item) => {
      const scope = itemScope(vault.id, item);
      const label = item.name === undefined ? `${vault.name} / ${itemTitle(item)}` : `${vault.name} / ${item.section} / ${item.name}`;
      const rules = { limit: this.limit, ...(item.name === undefined ? { widening: 'every secret of the vault, those to come included: the input secrets is *' } : {}) };
      const refs = { principalId, target: output(lookup, (state) => state.id) };
      return { scope, resource: new RoleAssignment(this.azure, { scope, listScope: vault.id, label }, itemRoles[item.section], principal, refs, workload.owner, description, resourceEnd(principal.id), rules) };
    });
    return { ...found, grants, resources: [lookup, ...grants.map(({ resource }) => resource)] };
  }
}
