import { lastPart } from '../fleet/arm-id.js';
import { object, objects, text, texts, type Json } from '../fleet/json.js';
import { toProblem } from '../reconcile/problem.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';

/** Where an object lies among the management groups of a tenant. */
export type Ancestry =
  /** Names of the management groups above it, the nearest first; a management group itself comes first. */
  | { readonly groups: readonly string[] }
  /** It belongs to another tenant than the service connection that was asked. */
  | { readonly tenantId: string }
  /** Nobody who was asked can tell; why, as a clause. */
  | { readonly unknown: string };

/** A subscription or management group as the hierarchy lists it. */
interface Entity {
  readonly tenantId: string | undefined;
  /** From the root down, as the service answers. Source: npm @azure/arm-managementgroups 2.0.2, EntityInfo. */
  readonly chain: readonly string[];
  readonly parent: string | undefined;
}

/** The right that shows management groups and what lies below them. */
export const hierarchyRight = 'Microsoft.Management/managementGroups/read';

/** Looks up the management groups above objects: one list of everything that the principal sees, asked for once. */
export class Hierarchy {
  #entities: Promise<ReadonlyMap<string, Entity> | { readonly failure: string }> | undefined;

  /** @param named management groups that are asked about one by one where the list cannot be had */
  constructor(
    private readonly azure: Azure,
    private readonly named: readonly string[] = [],
  ) {}

  /**
   * Where an ARM id lies, that of a subscription or management group included. Never throws for what Azure answers: what cannot be read is unknown.
   */
  async ancestry(id: string): Promise<Ancestry> {
    const key = placeOf(id);
    if (key === undefined) return { unknown: id === '' ? 'it names no subscription and no management group' : `${id} is not the id of an Azure resource` };
    const entities = await (this.#entities ??= this.#list());
    if ('failure' in entities) return (await this.#byGroup(key)) ?? { unknown: entities.failure };
    const entity = entities.get(key);
    return entity === undefined ? this.#unseen(key) : this.#complete(key, entity);
  }

  /** Everything that the principal sees, in one request and its pages. */
  async #list(): Promise<ReadonlyMap<string, Entity> | { readonly failure: string }> {
    const { arm, signal } = this.azure;
    const purpose = { tried: 'list the management groups and subscriptions that the service connection sees', what: 'The management groups cannot be listed' };
    const entities = new Map<string, Entity>();
    try {
      let page = await arm.post('/providers/Microsoft.Management/getEntities', apiVersions.managementGroups, undefined, purpose);
      for (;;) {
        for (const item of objects(page.value)) entities.set((text(item.id) ?? '').toLowerCase(), entityIn(object(item.properties)));
        const next = text(page.nextLink);
        if (next === undefined) return entities;
        page = object((await arm.follow(next, purpose)).body);
      }
    } catch (error) {
      signal.throwIfAborted();
      return { failure: `the management groups cannot be listed: ${toProblem(error).parts.because}` };
    }
  }

  /**
   * A chain counts only when it is whole: it begins at the root group, whose name is the tenant's id, and ends at the parent. Source: azure-docs,
   * management groups, root management group.
   */
  #complete(key: string, { tenantId, chain, parent }: Entity): Ancestry {
    const own = this.azure.connection.tenantId;
    if (tenantId !== undefined && tenantId.toLowerCase() !== own.toLowerCase()) return { tenantId };
    const itself = groupName(key);
    const groups = [...(itself === undefined ? [] : [itself]), ...chain.toReversed()];
    const above = itself === undefined ? groups : groups.slice(1);
    const whole = groups.at(-1)?.toLowerCase() === own.toLowerCase() && above[0]?.toLowerCase() === parent?.toLowerCase();
    return whole ? { groups } : { unknown: `only a part of the management groups above it is shown: ${chain.join(' / ') || 'none'}` };
  }

  /** What the list does not show lies in another tenant, or the principal may not see it. */
  async #unseen(key: string): Promise<Ancestry> {
    const what = groupName(key) === undefined ? `subscription ${lastPart(key)}` : `management group ${groupName(key) ?? ''}`;
    const unseen = { unknown: `${what} is not among what the service connection ${this.azure.connection.name} sees` };
    if (groupName(key) !== undefined) return unseen;
    const { arm, connection, signal } = this.azure;
    try {
      const found = await arm.get(key, apiVersions.subscriptions, { tried: `read ${what}`, what: `The ${what} cannot be read` });
      const tenantId = text(found?.tenantId);
      return tenantId === undefined || tenantId.toLowerCase() === connection.tenantId.toLowerCase() ? unseen : { tenantId };
    } catch (error) {
      signal.throwIfAborted();
      const { serviceCode, because } = toProblem(error).parts;
      // Source: azure-docs, troubleshoot authentication of resource manager: the message names the issuer that it should be.
      const tenantId = serviceCode === 'InvalidAuthenticationTokenTenant' ? issuers(because).find((issuer) => issuer !== connection.tenantId.toLowerCase()) : undefined;
      return tenantId === undefined ? unseen : { tenantId };
    }
  }

  /** Without the list: a group is asked for its ancestors, a subscription is looked for in each of the named groups. */
  async #byGroup(key: string): Promise<Ancestry | undefined> {
    const itself = groupName(key);
    for (const group of itself === undefined ? this.named : [itself]) {
      if (itself === undefined && (await this.#read(`${groupPrefix}${group}${key}`)) === undefined) continue;
      const details = object(object((await this.#read(`${groupPrefix}${group}?$expand=ancestors`))?.properties).details);
      const chain = objects(details.managementGroupAncestorsChain).flatMap(({ name }) => text(name) ?? []).toReversed();
      const parent = text(object(details.parent).name);
      const found = this.#complete(`${groupPrefix}${group}`, { tenantId: undefined, chain, parent });
      if ('groups' in found) return found;
    }
    return undefined;
  }

  async #read(id: string): Promise<Json | undefined> {
    try {
      return await this.azure.arm.get(id, apiVersions.managementGroups, { tried: `read ${id}`, what: `${id} cannot be read` });
    } catch {
      this.azure.signal.throwIfAborted();
      return undefined;
    }
  }
}

const groupPrefix = '/providers/microsoft.management/managementgroups/';

/** The subscription or management group that an id names or lies in, lower case. */
function placeOf(id: string): string | undefined {
  return /^(\/subscriptions\/[0-9a-f-]{36}|\/providers\/microsoft\.management\/managementgroups\/[^/]+)(\/|$)/.exec(id.toLowerCase())?.[1];
}

function groupName(key: string): string | undefined {
  return key.toLowerCase().startsWith(groupPrefix) ? key.slice(groupPrefix.length) : undefined;
}

function entityIn({ tenantId, parentNameChain, parent }: Json): Entity {
  return { tenantId: text(tenantId), chain: texts(parentNameChain), parent: text(object(parent).id)?.split('/').at(-1) };
}

/** Tenants in a message about a token's issuer. */
function issuers(message: string): string[] {
  return [...message.toLowerCase().matchAll(/sts\.[\w.-]+\/([0-9a-f-]{36})/g)].map((match) => match[1] ?? '');
}
