import { groupId, sameId } from '../fleet/arm-id.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { IdentityPlace } from '../fleet/identity-place.js';
import { ownName } from '../fleet/marks.js';
import { shorten } from '../fleet/names.js';
import { strongReader } from '../reconcile/plan.js';
import type { ProblemParts } from '../reconcile/problem.js';
import { show, unknown, value, type Ref, type Refs } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type Content, type Permission, type Reader, type Resource, type Writer, type WritingChange } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { objectIdOf } from './caller.js';
import { readCluster } from './cluster-state.js';
import { azureProblem } from './errors.js';
import type { FleetFacts, FleetUse } from './fleet-use.js';
import { expectIdentity, readIdentity, type IdentityState } from './identity-state.js';

/** What an identity waits for. */
export interface IdentityInputs {
  /** ARM id of the cluster that it belongs to alone, so that an unusable cluster stops its identity; empty for one that clusters share. */
  readonly cluster: string;
}

/** How an identity is made. */
export interface IdentitySettings {
  /** Words of the workloads that use it. */
  readonly words: readonly string[];
  /** The run in the pipeline's own words. */
  readonly run: string;
  /** Who answers for it. */
  readonly owner?: string;
  /** Region; that of the first of its clusters that can be read when absent. */
  readonly location?: string;
  /** Azure of the run's further service connections: what they sign in with is never federated either. */
  readonly others?: readonly Azure[];
}

/** Longest value of a tag. Source: azure-docs, tag resources (limitations). */
export const longestTag = 256;

const ownIdentity = 'it is what this pipeline’s service connection signs in with';

/** What was found of an identity, and around it. */
export interface IdentityObservation {
  /** Absent while there is none. */
  readonly identity?: IdentityState;
  /** Region that a new one gets: that of the first cluster that could be read. */
  readonly region?: string;
  /** Why it must not be federated, if it must not. */
  readonly forbidden?: string;
}

/** A user-assigned managed identity: created where missing, reused where present. */
export class Identity implements Resource<IdentityInputs, IdentityObservation> {
  readonly key: string;
  readonly kind = 'identity';
  readonly name: string;
  readonly inputs: Refs<IdentityInputs>;
  readonly cluster?: string;

  constructor(
    private readonly azure: Azure,
    private readonly place: IdentityPlace,
    private readonly settings: IdentitySettings,
    /** The whole fleet: no cluster of it may itself run on the identity. */
    private readonly fleet: FleetUse,
    /** The clusters whose workload gets the identity; a new one is made in the region of the first that can be read. */
    private readonly users: readonly ClusterEntry[],
    /** The cluster that the identity belongs to alone; absent for one that clusters share. */
    owner?: { readonly label: string; readonly id: Ref<string> },
  ) {
    this.key = identityKey(place);
    this.name = place.name;
    this.inputs = { cluster: owner?.id ?? value('') };
    if (owner !== undefined) this.cluster = owner.label;
    expectIdentity(azure, place);
  }

  async observe(reader: Reader): Promise<IdentityObservation> {
    const identity = await readIdentity(this.azure, this.place, reader);
    const found = identity === undefined ? {} : { identity };
    if (reader.strong) return found;
    const facts = await this.fleet.facts(reader);
    const region = this.settings.location ?? this.users.map(({ id }) => facts.regions.get(id.toLowerCase())).find((known) => known !== undefined);
    const forbidden = this.forbidden(identity, facts) ?? (identity === undefined ? undefined : await this.signingIn(identity));
    return { ...found, ...(region === undefined ? {} : { region }), ...(forbidden === undefined ? {} : { forbidden }) };
  }

  plan(observed: IdentityObservation | undefined): Change {
    const { identity, region, forbidden } = observed ?? {};
    if (forbidden !== undefined) {
      return blocked(neverFederated(this.name, forbidden));
    }
    if (identity !== undefined) return keep('it exists');
    if (this.place.given) return missingIdentity(this.place, 'correct the ARM id in the input identity, or give a name pattern to have one made');
    return { action: 'create', reason: 'there is none of this name', widens: false, fields: [{ field: 'location', after: show(region ?? unknown) }] };
  }

  permissions(change: Change): Permission[] {
    if (!writes(change)) return [];
    const scope = groupId(this.place.subscriptionId, this.place.resourceGroup);
    return [{ plane: 'azure', action: 'Microsoft.ManagedIdentity/userAssignedIdentities/write', scope }];
  }

  reads(): Permission[] {
    const scope = groupId(this.place.subscriptionId, this.place.resourceGroup);
    return [{ plane: 'azure', action: 'Microsoft.ManagedIdentity/userAssignedIdentities/read', scope }];
  }

  content(_change: WritingChange, observed: IdentityObservation | undefined): Content {
    const { id } = this.place;
    const region = observed?.region;
    const body = { tags: this.tags() };
    return { id, apiVersion: apiVersions.identities, ...(region === undefined ? { body, pending: ['location'] } : { body: { ...body, location: region } }) };
  }

  /** Looks once more: one that somebody made meanwhile is used as it is, and its tags stay theirs. */
  async apply(_change: Change, _known: IdentityInputs, writer: Writer): Promise<void> {
    if ((await readIdentity(this.azure, this.place, strongReader)) !== undefined) return;
    const region = await this.homeRegion();
    if (region === undefined) throw new Error(`no cluster tells the region of ${this.key}`);
    const tags = this.tags();
    const identities = (await this.azure.identities(this.place.subscriptionId)).userAssignedIdentities;
    const options = { abortSignal: writer.signal };
    const intent = { action: 'create', object: this.place.id, after: `in ${region}`, widens: false };
    try {
      await writer.write(intent, () => identities.createOrUpdate(this.place.resourceGroup, this.place.name, { location: region, tags }, options));
    } catch (error) {
      throw azureProblem(`create ${this.place.id}`, `Identity ${this.name} was not created`, error);
    }
  }

  private tags(): Record<string, string> {
    const { words, owner = '', run } = this.settings;
    const marks = { 'managed-by': ownName, workload: words.join(', '), owner, run };
    return Object.fromEntries(Object.entries(marks).flatMap(([tag, text]) => (text === '' ? [] : [[tag, shorten(text, longestTag)]])));
  }

  /** The region that is asked for, or that of the first of its own clusters that can be read; the rest of the fleet is not asked. */
  private async homeRegion(): Promise<string | undefined> {
    if (this.settings.location !== undefined) return this.settings.location;
    for (const entry of this.users) {
      const state = await readCluster(this.azure, entry, strongReader).catch(() => undefined);
      if (state !== undefined) return state.location;
    }
    return undefined;
  }

  /** Why it must not be federated, where only a token says what a connection signs in with. */
  private async signingIn({ principalId }: IdentityState): Promise<string | undefined> {
    const principals = await Promise.all(this.connections().map(async (azure) => ({ azure, own: await objectIdOf(azure) })));
    const user = principals.find(({ own }) => own !== undefined && sameId(own, principalId));
    return user === undefined ? undefined : this.usedBy(user.azure);
  }

  private connections(): readonly Azure[] {
    return [...new Set([this.azure, ...(this.settings.others ?? [])])];
  }

  private usedBy(azure: Azure): string {
    return azure === this.azure ? ownIdentity : `it is what the service connection ${azure.connection.name} signs in with`;
  }

  /**
   * Never federated, and no input overrides it: what the pipeline signs in with, what any cluster of the fleet runs on, and whatever
   * AKS keeps in a node resource group. Source: DESIGN, rules of conduct.
   */
  private forbidden(identity: IdentityState | undefined, { ownIdentities, nodeGroups }: FleetFacts): string | undefined {
    const known = this.connections().find(({ connection: { signIn } }) => identity !== undefined && sameId(signIn.clientId ?? '', identity.clientId));
    if (known !== undefined) return this.usedBy(known);
    const user = ownIdentities.get(this.place.id.toLowerCase());
    if (user !== undefined) return `cluster ${user} itself runs on it`;
    const group = groupId(this.place.subscriptionId, this.place.resourceGroup).toLowerCase();
    return nodeGroups.has(group) ? 'it lies in a node resource group, which belongs to AKS' : undefined;
  }
}

/** The problem of an identity that no input lets be federated. */
export function neverFederated(name: string, because: string): ProblemParts {
  return { code: 'WI2201', what: `Identity ${name} must not be federated`, because, remedy: 'name another identity in the input identity' };
}

/** The change for an identity that has to be there and is not. */
export function missingIdentity(place: IdentityPlace, remedy: string, awaits = false): Change {
  return blocked({ code: 'WI2202', what: `Identity ${place.name} does not exist`, tried: `read ${place.id}`, because: 'there is no such resource', remedy }, awaits);
}

/** The key of an identity's resource: the same for all clusters that share it. */
export function identityKey(place: IdentityPlace): string {
  return `identity ${place.id.toLowerCase()}`;
}
