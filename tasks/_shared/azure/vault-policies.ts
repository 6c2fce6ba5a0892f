import type { History } from '../fleet/history.js';
import { Problem } from '../reconcile/problem.js';
import { strongReader } from '../reconcile/plan.js';
import type { Reader } from '../reconcile/resource.js';
import { until } from '../reconcile/retry.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { thrownServiceError } from './errors.js';
import { permissionsOf, policySections, readVault, vaultSections, type PolicyEntry, type PolicyPermissions, type VaultSection } from './vault-state.js';

/** Entries that one call takes. Source: npm @azure/arm-keyvault 5.0.0, doc comment of accessPolicies. */
export const entriesPerCall = 16;
/** Entries that a vault can have. Source: Key Vault docs, assign an access policy. */
export const entriesPerVault = 1024;

/** Another write to the same vault may be under way. No source says how long one takes; generous on purpose. */
const busyPatience = { deadlineMs: 120_000, firstWaitMs: 1_000, longestWaitMs: 10_000 };

interface Waiting {
  readonly verb: 'add' | 'remove';
  readonly entry: PolicyEntry;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The access policies of one vault. Writes name single entries (`accessPolicies/add`, `/remove`), so that entries of others are never sent,
 * and are gathered: while one call is under way, what is asked for meanwhile goes into the next, at most sixteen entries together.
 * One for each vault and run.
 */
export class VaultPolicies {
  readonly #waiting: Waiting[] = [];
  #running = false;

  constructor(
    readonly azure: Azure,
    readonly place: { readonly id: string; readonly name: string },
  ) {}

  /** Every entry; none of a vault that is not there. */
  async entries(reader: Reader): Promise<readonly PolicyEntry[]> {
    return (await readVault(this.azure, reader, this.place))?.policies ?? [];
  }

  /** Gives a principal permissions besides those that it has. @throws Problem when the vault refuses. */
  add(entry: PolicyEntry): Promise<void> {
    return this.#enqueue('add', entry);
  }

  /** Takes permissions from a principal; an entry that has none left goes. @throws Problem when the vault refuses. */
  remove(entry: PolicyEntry): Promise<void> {
    return this.#enqueue('remove', entry);
  }

  #enqueue(verb: Waiting['verb'], entry: PolicyEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ verb, entry, done: resolve, failed: reject });
      if (!this.#running) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#running = true;
    // What is asked for at the same moment goes into the first call already.
    await Promise.resolve();
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
      try {
        await this.#send(batch);
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#running = false;
  }

  /** The next entries that one call can take: of one verb, at most sixteen principals. */
  #next(): Waiting[] {
    const verb = this.#waiting[0]?.verb;
    const principals = new Set<string>();
    const batch = this.#waiting.filter((one) => {
      if (one.verb !== verb || (principals.size === entriesPerCall && !principals.has(keyOf(one.entry)))) return false;
      principals.add(keyOf(one.entry));
      return true;
    });
    for (const one of batch) this.#waiting.splice(this.#waiting.indexOf(one), 1);
    return batch;
  }

  /**
   * One call. Whether `add` joins permissions to those of an entry or puts its own in their place no source says: what the principal
   * has at this moment is sent along, so that both come to the same.
   */
  async #send(batch: readonly Waiting[]): Promise<void> {
    const { id, name } = this.place;
    const [{ verb }] = batch as [Waiting, ...Waiting[]];
    const waiting = { clock: this.azure.clock, signal: this.azure.signal, progress: () => undefined };
    await until(busyPatience, waiting, async () => {
      const present = verb === 'add' ? await this.entries(strongReader) : [];
      const entries = joined([...batch.map(({ entry }) => entry), ...present.filter((other) => batch.some(({ entry }) => keyOf(entry) === keyOf(other)))]);
      const purpose = { tried: `${verb} ${entries.length} access policies of ${id}`, what: `The access policies of key vault ${name} were not changed` };
      try {
        await this.azure.arm.put(`${id}/accessPolicies/${verb}`, apiVersions.vaults, { properties: { accessPolicies: entries.map(wired) } }, undefined, purpose);
        return { done: undefined };
      } catch (error) {
        const service = thrownServiceError(error);
        if (service?.status !== 409 || service.code === 'ScopeLocked' || !(error instanceof Problem)) throw error;
        return { wait: `another write to key vault ${name} is under way`, failure: error };
      }
    });
  }
}

/** An entry is that of a principal, or of a principal that acts through an application. */
function keyOf({ tenantId, objectId, applicationId = '' }: PolicyEntry): string {
  return [tenantId, objectId, applicationId].join('|').toLowerCase();
}

/** An entry as it is sent: storage, which no workload of this project uses, only where somebody else uses it. */
function wired({ permissions: { storage, ...permissions }, ...entry }: PolicyEntry): object {
  return { ...entry, permissions: { ...permissions, ...(storage.length === 0 ? {} : { storage }) } };
}

/** One entry a principal, with the permissions of all of its entries. */
function joined(entries: readonly PolicyEntry[]): PolicyEntry[] {
  const byPrincipal = new Map<string, PolicyEntry>();
  for (const entry of entries) {
    const other = byPrincipal.get(keyOf(entry));
    byPrincipal.set(keyOf(entry), { ...entry, permissions: permissionsOf((section) => distinct([...(other?.permissions[section] ?? []), ...entry.permissions[section]])) });
  }
  return [...byPrincipal.values()];
}

function distinct(words: readonly string[]): string[] {
  return [...new Map(words.map((word) => [word.toLowerCase(), word])).values()];
}

/** The entry of a principal itself, not of one that acts through an application. */
export function entryOf(entries: readonly PolicyEntry[], objectId: string): PolicyEntry | undefined {
  return entries.find((entry) => entry.applicationId === undefined && entry.objectId.toLowerCase() === objectId.toLowerCase());
}

/** An entry that gives, or takes, the permission `get` in some sections. */
export function getEntry(tenantId: string, objectId: string, sections: readonly VaultSection[]): PolicyEntry {
  return { tenantId, objectId, permissions: permissionsOf((section) => (sections.some((one) => one === section) ? ['get'] : [])) };
}

/** What journals and ledgers call the entry of a principal: entries have no ids of their own. */
export function policyObject(vaultId: string, principalId: string): string {
  return `${vaultId}/accessPolicies/${principalId}`;
}

/** An entry that a ledger shows to be of an identity. */
export interface KnownPolicy {
  /** ARM id, as the ledger has it. */
  readonly vaultId: string;
  readonly principalId: string;
}

/** The entries that the ledgers show to have been given to an identity and not to have gone since, in whatever vault. */
export function knownPolicies(history: History, identityId: string): KnownPolicy[] {
  const ours = history.objects.filter((one) => history.of(one)?.resources.some((key) => key.endsWith(` for ${identityId.toLowerCase()}`)) === true);
  return ours.flatMap((one) => {
    const [, vaultId, principalId] = /^(\/subscriptions\/.+\/vaults\/[^/]+)\/accessPolicies\/([^/]+)$/i.exec(one) ?? [];
    return vaultId === undefined || principalId === undefined ? [] : [{ vaultId, principalId }];
  });
}

/** Permissions as ledgers keep them: `secrets: get, list; keys: get`. Sections without any are left out. */
export function writePolicy(permissions: Partial<PolicyPermissions>): string {
  return policySections.flatMap((section) => ((permissions[section] ?? []).length === 0 ? [] : [`${section}: ${(permissions[section] ?? []).join(', ')}`])).join('; ');
}

/** Reads what {@link writePolicy} wrote. */
export function readPolicy(written: string): Partial<PolicyPermissions> {
  return Object.fromEntries(written.split('; ').flatMap((part) => {
    const [, section, words] = /^(secrets|keys|certificates|storage): (.+)$/.exec(part) ?? [];
    return section === undefined || words === undefined ? [] : [[section, words.split(', ')]];
  }));
}

/** What is among some permissions and not among others: `delete on secrets`. */
export function beyond(some: Partial<PolicyPermissions>, others: Partial<PolicyPermissions>): string[] {
  return policySections.flatMap((section) => (some[section] ?? []).filter((word) => !(others[section] ?? []).some((other) => other.toLowerCase() === word.toLowerCase())).map((word) => `${word} on ${section}`));
}

/** The sections of an entry in which `get` is allowed. */
export function gettable(entry: PolicyEntry | undefined): VaultSection[] {
  return vaultSections.filter((section) => entry?.permissions[section].some((word) => ['get', 'all'].includes(word.toLowerCase())) === true);
}
