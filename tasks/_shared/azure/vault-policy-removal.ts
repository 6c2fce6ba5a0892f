import type { History, ObjectHistory, WriteHistory } from '../fleet/history.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { Removal, type RemovalInputs, type RemovalPlace, type RemovalState } from '../reconcile/removal.js';
import { keep, type Change, type Permission, type Reader, type Writer } from '../reconcile/resource.js';
import { strongReader } from '../reconcile/plan.js';
import { rightAt } from './azure.js';
import { entryOf, getEntry, policyObject, readPolicy, writePolicy, type VaultPolicies } from './vault-policies.js';
import { permissionsOf, vaultSections, type PolicyEntry, type PolicyPermissions, type VaultSection } from './vault-state.js';

/** An entry as it was found. */
export interface FoundPolicy extends RemovalState {
  readonly entry?: PolicyEntry;
  /** Where `get` goes. */
  readonly sections?: readonly VaultSection[];
}

/**
 * Takes the permission `get` back that this project gave one principal in the access policies of one vault. Entries carry no mark, so only what a
 * ledger shows goes, and only where nobody changed the entry since; the rest stays and is told.
 */
export class VaultPolicyRemoval extends Removal<FoundPolicy> {
  readonly kind = 'access policy';
  private readonly past: ObjectHistory | undefined;

  /** @param principal the identity's service principal, and the identity's name for messages */
  constructor(
    private readonly policies: VaultPolicies,
    private readonly principal: { readonly id: string; readonly name: string },
    history: History,
    place: Omit<RemovalPlace, 'key' | 'name'>,
    private readonly stays?: string,
  ) {
    super({ ...place, key: policyRemovalKey(policies.place.id, principal.id), name: `get on ${policies.place.name}` });
    this.past = history.of(policyObject(policies.place.id, principal.id));
  }

  async observe(reader: Reader): Promise<FoundPolicy> {
    const entry = entryOf(await this.policies.entries(reader), this.principal.id);
    if (entry === undefined) return { present: false };
    if (this.stays !== undefined) return { present: true, entry, stays: this.stays };
    if (this.past === undefined) return { present: true, entry, left: [this.#unknown(entry)] };
    const { before, changed, sections } = this.#judge(entry, this.past);
    return { present: true, entry, sections, ...(changed.length === 0 ? {} : { left: changed.map((section) => this.#changedSince(entry, section, before)) }) };
  }

  /** What an entry will allow once this removal is done. */
  leaves(entry: PolicyEntry): PolicyPermissions {
    return this.past === undefined || this.stays !== undefined ? entry.permissions : without(entry, this.#judge(entry, this.past).sections);
  }

  /** The sections in which `get` goes, and those in which somebody changed what this project wrote. */
  #judge(entry: PolicyEntry, { writes }: ObjectHistory): { readonly before: SectionWords; readonly sections: readonly VaultSection[]; readonly changed: readonly VaultSection[] } {
    const { before, after } = folded(writes);
    const given = vaultSections.filter((section) => has(after[section], 'get') && !has(before[section], 'get'));
    const sections = given.filter((section) => same(entry.permissions[section], after[section]));
    return { before, sections, changed: given.filter((section) => !sections.includes(section) && has(entry.permissions[section], 'get')) };
  }

  override plan(observed: FoundPolicy | undefined): Change {
    if (observed?.entry === undefined || observed.stays !== undefined) return super.plan(observed);
    const { entry, sections = [], left = [] } = observed;
    if (sections.length === 0) return keep(left.length === 0 ? 'it has nothing of this project' : `stays: ${left.map(({ because }) => because).join('; ')}`);
    const after = without(entry, sections);
    const fields = sections.map((section) => ({ field: section, before: entry.permissions[section].join(', '), after: after[section].length === 0 ? '(none)' : after[section].join(', ') }));
    const whole = writePolicy(after) === '';
    return { action: whole ? 'delete' : 'update', reason: this.reason(), fields, widens: false };
  }

  protected reason(): string {
    return `a ledger shows that this project let ${this.principal.name} in`;
  }

  permissions(): Permission[] {
    return [rightAt(this.policies.azure, 'Microsoft.KeyVault/vaults/accessPolicies/write', this.policies.place.id)];
  }

  async apply(_change: Change, _known: RemovalInputs, writer: Writer): Promise<void> {
    const found = await this.observe(strongReader);
    const change = this.plan(found);
    const { entry, sections = [] } = found;
    if (entry === undefined || sections.length === 0 || (change.action !== 'delete' && change.action !== 'update')) return;
    writer.permit(change);
    const left = without(entry, sections);
    const intent = { action: change.action, object: policyObject(this.policies.place.id, this.principal.id), before: writePolicy(entry.permissions), after: writePolicy(left), widens: false };
    await writer.write(intent, () => this.policies.remove(getEntry(entry.tenantId, this.principal.id, sections)));
  }

  #unknown(entry: PolicyEntry): ProblemParts {
    return {
      code: 'WI2316',
      what: `The access policy of ${this.principal.name} in key vault ${this.policies.place.name} stays`,
      because: `entries carry no mark, and no ledger that was given shows who made it (${writePolicy(entry.permissions)})`,
      remedy: `give the ledger of the run that made it; or remove it by hand: az keyvault delete-policy --name ${this.policies.place.name} --object-id ${this.principal.id}`,
    };
  }

  #changedSince(entry: PolicyEntry, section: VaultSection, before: SectionWords): ProblemParts {
    const was = before[section] ?? [];
    return {
      code: 'WI2316',
      what: `The access policy of ${this.principal.name} in key vault ${this.policies.place.name} keeps get on ${section}`,
      because: `it allows ${entry.permissions[section].join(', ')} by now, which is not what the ledger says that this project wrote; before that it allowed ${was.length === 0 ? 'nothing' : was.join(', ')}`,
      remedy: `take get away by hand where it should go: az keyvault set-policy --name ${this.policies.place.name} --object-id ${this.principal.id}, with the permissions that should stay`,
    };
  }
}

/** Words by section; absent where nothing is known of a section. */
type SectionWords = Readonly<Partial<Record<VaultSection, readonly string[]>>>;

/** What an entry allows without `get` in some sections. */
function without({ permissions }: PolicyEntry, sections: readonly VaultSection[]): PolicyPermissions {
  return permissionsOf((section) => permissions[section].filter((word) => !(sections.some((one) => one === section) && word.toLowerCase() === 'get')));
}

/** The key of the removal of an entry. */
export function policyRemovalKey(vaultId: string, principalId: string): string {
  return `removal of access policy at ${vaultId.toLowerCase()} for ${principalId.toLowerCase()}`;
}

/**
 * What the ledgers say of each section: before the first write that names it, and after the last one. A write names only what it is about. A removal
 * that may not have arrived is passed over: where it did, the entry itself shows it.
 */
function folded(writes: readonly WriteHistory[]): Record<'before' | 'after', Partial<Record<VaultSection, readonly string[]>>> {
  const before: Partial<Record<VaultSection, readonly string[]>> = {};
  const after: Partial<Record<VaultSection, readonly string[]>> = {};
  for (const write of writes) {
    const [found, left] = [readPolicy(write.before ?? ''), readPolicy(write.after ?? '')];
    for (const section of vaultSections) {
      if (found[section] === undefined && left[section] === undefined) continue;
      if (!write.certain && !has(left[section], 'get')) continue;
      before[section] ??= found[section] ?? [];
      after[section] = left[section] ?? [];
    }
  }
  return { before, after };
}

function has(words: readonly string[] | undefined, wanted: string): boolean {
  return words?.some((word) => word.toLowerCase() === wanted) === true;
}

function same(one: readonly string[], other: readonly string[] = []): boolean {
  const sorted = (words: readonly string[]): string => [...words].map((word) => word.toLowerCase()).sort().join();
  return sorted(one) === sorted(other);
}
