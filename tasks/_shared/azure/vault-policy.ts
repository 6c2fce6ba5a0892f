import { policyRole } from '../fleet/boundary-policy.js';
import type { Access } from '../reconcile/access.js';
import type { Known, Refs } from '../reconcile/ref.js';
import { unknown } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type Cost, type Permission, type Reader, type Resource, type Writer, type WritingChange } from '../reconcile/resource.js';
import { grantAccesses, resourceEnd } from './accesses.js';
import { rightAt, type Azure } from './azure.js';
import { entriesPerVault, entryOf, getEntry, gettable, policyObject, type VaultPolicies } from './vault-policies.js';
import type { PolicyEntry, VaultSection } from './vault-state.js';

/** What an entry is made from. */
export interface VaultPolicyInputs {
  /** Object id of the identity's service principal. */
  readonly principalId: string;
  /** Tenant of the identity. */
  readonly tenantId: string;
  /** Tenant of the vault: one that cannot be used stops its entries. */
  readonly vaultTenantId: string;
}

/** What a vault's access policies say. */
export interface VaultPolicyState {
  /** The principal's own entry; absent when it has none. */
  readonly entry?: PolicyEntry;
  /** How many entries the vault has. */
  readonly count: number;
}

const reach = 'everything of that kind in the vault: access policies know no single items';

/** The permission `get` for one identity in the access policies of one vault: an entry of its own, others untouched. */
export class VaultPolicy implements Resource<VaultPolicyInputs, VaultPolicyState> {
  readonly key: string;
  readonly kind = 'access policy';
  readonly name: string;
  readonly cluster?: string;
  readonly accesses: readonly Access[];

  /** @param policies those of the vault, shared by all of its entries in this run, so that their writes are gathered */
  constructor(
    private readonly azure: Azure,
    private readonly policies: VaultPolicies,
    private readonly sections: readonly VaultSection[],
    /** The identity before it exists: distinct in keys, and as messages call it. */
    private readonly principal: { readonly id: string; readonly name: string },
    readonly inputs: Refs<VaultPolicyInputs>,
    owner: string | undefined,
  ) {
    const { id, name } = policies.place;
    this.key = `access policy get ${sections.join()} at ${id.toLowerCase()} for ${principal.id.toLowerCase()}`;
    this.name = `get ${sections.join(', ')} on ${name}`;
    if (owner !== undefined) this.cluster = owner;
    this.accesses = grantAccesses(azure.connection, resourceEnd(principal.id), { id, label: name }, { name: policyRole });
  }

  async observe(reader: Reader, { principalId }: Known<VaultPolicyInputs>): Promise<VaultPolicyState> {
    const entries = await this.policies.entries(reader);
    const entry = principalId === unknown ? undefined : entryOf(entries, principalId);
    return { count: entries.length, ...(entry === undefined ? {} : { entry }) };
  }

  plan(observed: VaultPolicyState | undefined, { tenantId, vaultTenantId }: Known<VaultPolicyInputs>): Change {
    if (tenantId !== unknown && vaultTenantId !== unknown && tenantId.toLowerCase() !== vaultTenantId.toLowerCase()) {
      return blocked({
        code: 'WI2413',
        what: `Identity ${this.principal.name} cannot be let into key vault ${this.policies.place.name}`,
        because: `the vault asks tenant ${vaultTenantId} for its tokens, and the identity belongs to ${tenantId}`,
        remedy: 'name a vault of the identity’s tenant; a vault that moved with its subscription keeps the old tenant until its owner changes it (Key Vault docs, move a vault)',
      });
    }
    const entry = observed?.entry;
    const missing = this.sections.filter((section) => !gettable(entry).includes(section));
    if (missing.length === 0) return keep(`${this.principal.name} may get ${this.sections.join(', ')}`);
    const fields = missing.map((section) => {
      const before = entry?.permissions[section] ?? [];
      return { field: section, ...(before.length === 0 ? {} : { before: before.join(', ') }), after: [...before, 'get'].join(', ') };
    });
    return { action: entry === undefined ? 'create' : 'update', fields: [...fields, { field: 'reach', after: reach }], widens: true, reason: `${this.principal.name} may not get ${missing.join(', ')}` };
  }

  permissions(change: Change): Permission[] {
    return writes(change) ? [rightAt(this.azure, 'Microsoft.KeyVault/vaults/accessPolicies/write', this.policies.place.id)] : [];
  }

  costs({ action }: WritingChange, observed: VaultPolicyState | undefined): Cost[] {
    if (action !== 'create') return [];
    const { id, name } = this.policies.place;
    return [{
      budget: `access policies of ${id.toLowerCase()}`,
      kind: 'access policies',
      of: `key vault ${name}`,
      limit: entriesPerVault,
      used: () => Promise.resolve(observed?.count),
      takes: 1,
      code: 'WI2414',
      remedy: 'remove entries of principals that are gone, let the clusters of a boundary share one identity, or switch the vault to Azure role-based access control, which has room for more',
    }];
  }

  async apply(change: Change, { principalId, tenantId }: VaultPolicyInputs, writer: Writer): Promise<void> {
    const entry = getEntry(tenantId, principalId, this.sections);
    const fields = writes(change) ? change.fields.filter(({ field }) => field !== 'reach') : [];
    const before = fields.flatMap(({ field, before: had }) => (had === undefined ? [] : [`${field}: ${had}`])).join('; ');
    const after = fields.map(({ field, after: has }) => `${field}: ${has}`).join('; ');
    const intent = { action: change.action, object: policyObject(this.policies.place.id, principalId), after, widens: true, ...(before === '' ? {} : { before }) };
    await writer.write(intent, () => this.policies.add(entry));
  }
}
