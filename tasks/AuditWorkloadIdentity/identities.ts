import type { AccessInventory } from '../_shared/azure/access-inventory.js';
import type { Azure } from '../_shared/azure/azure.js';
import { assignedToPods } from '../_shared/azure/cluster-state.js';
import { credentialsOf, type FederatedCredentialState } from '../_shared/azure/federated-credentials.js';
import { readIdentity, type IdentityState } from '../_shared/azure/identity-state.js';
import { groupId, lastPart, parseArmId, type ArmId } from '../_shared/fleet/arm-id.js';
import { labelsOf } from '../_shared/fleet/labels.js';
import { ownName } from '../_shared/fleet/marks.js';
import { inOrder } from '../_shared/fleet/wording.js';
import { attempt, type Read } from '../_shared/reconcile/attempt.js';
import type { Limiter } from '../_shared/reconcile/limits.js';
import type { Reader } from '../_shared/reconcile/resource.js';
import type { TrustOfIdentity } from './cluster-audit.js';

/** An identity that may be in scope, with whom it trusts. */
export interface Candidate {
  readonly state: IdentityState;
  /** Its name, with what tells it from others of that name. */
  readonly name: string;
  readonly credentials: Read<readonly FederatedCredentialState[]>;
}

/** The identities that were found, and what could not be looked for. */
export interface Candidates {
  readonly all: readonly Candidate[];
  /** Identities that were asked for and could not be read. */
  readonly unreadable: readonly { readonly object: string; readonly because: string }[];
  /** Why there may be others, in clauses. */
  readonly unread: readonly string[];
}

/** What identities are looked for in. */
export interface CandidateOptions {
  readonly azure: Azure;
  /** Exactly these; empty: all of the subscriptions but those that AKS or a cluster itself uses. */
  readonly wanted: readonly ArmId[];
  readonly inventories: readonly AccessInventory[];
  readonly limiter: Limiter;
}

/** Finds identities and lists the credentials of each. What cannot be read is told and no error; a cancelled run throws. */
export async function findCandidates({ azure, wanted, inventories, limiter }: CandidateOptions, reader: Reader): Promise<Candidates> {
  const { states, unreadable, unread } = wanted.length === 0 ? inSubscriptions(inventories) : await named(azure, wanted, reader, limiter);
  const labels = labelsOf(states.map(({ id }) => parseArmId(id) ?? { name: lastPart(id), resourceGroup: '', subscriptionId: '' }));
  const all = await Promise.all(states.map((state, index) => limiter.run(async () => {
    const credentials = await attempt(azure.signal, () => credentialsOf(azure, state.id, reader));
    return { state, name: labels[index] ?? lastPart(state.id), credentials };
  })));
  return { all: all.sort((one, other) => inOrder(one.name, other.name) || inOrder(one.state.id, other.state.id)), unreadable, unread };
}

/** What pods of any cluster can be trusted as. One identity that could not be read may be anybody's. */
export function trustsOf({ all, unread }: Candidates): Read<readonly TrustOfIdentity[]> {
  const unreadable = all.flatMap(({ name, credentials }) => ('unread' in credentials ? [`credentials of identity ${name}: ${credentials.unread}`] : []));
  const [first] = [...unread, ...unreadable];
  if (first !== undefined) return { unread: first };
  return { found: all.flatMap(({ state: { clientId }, credentials }) => ('found' in credentials ? credentials.found.map(({ issuer, subject }) => ({ issuer, subject, clientId })) : [])) };
}

/**
 * The identities that a review is about: those that were asked for; else those that trust somebody, that a service account names, or that this
 * project made. An identity that could not be read counts.
 * @param named client ids that service accounts name, in lower case
 */
export function underReview({ all }: Candidates, wanted: readonly ArmId[], named: ReadonlySet<string>): readonly Candidate[] {
  if (wanted.length > 0) return all;
  return all.filter(({ state: { clientId, tags }, credentials }) => !('found' in credentials) || credentials.found.length > 0 || named.has(clientId.toLowerCase()) || tags['managed-by'] === ownName);
}

/** The identities as they were read, before their credentials are. */
interface Found extends Pick<Candidates, 'unreadable' | 'unread'> {
  readonly states: readonly IdentityState[];
}

function inSubscriptions(inventories: readonly AccessInventory[]): Found {
  const clusters = inventories.flatMap(({ clusters: listed }) => ('found' in listed ? listed.found : []));
  const ofPods = new Set(clusters.flatMap(({ raw }) => assignedToPods(raw).map((id) => id.toLowerCase())));
  const own = new Set(clusters.flatMap(({ ownIdentities }) => ownIdentities.map((id) => id.toLowerCase())).filter((id) => !ofPods.has(id)));
  const nodeGroups = new Set(clusters.flatMap(({ id, nodeResourceGroup }) => (nodeResourceGroup === undefined ? [] : [groupId(parseArmId(id)?.subscriptionId ?? '', nodeResourceGroup).toLowerCase()])));
  const isOfClusters = ({ id }: IdentityState): boolean => own.has(id.toLowerCase()) || nodeGroups.has(id.split('/').slice(0, 5).join('/').toLowerCase());
  return {
    states: inventories.flatMap(({ identities }) => ('found' in identities ? identities.found.filter((state) => !isOfClusters(state)) : [])),
    unreadable: [],
    unread: inventories.flatMap(({ subscriptionId, identities }) => ('unread' in identities ? [`identities of subscription ${subscriptionId}: ${identities.unread}`] : [])),
  };
}

async function named(azure: Azure, wanted: readonly ArmId[], reader: Reader, limiter: Limiter): Promise<Found> {
  const read = await Promise.all(wanted.map((place) => limiter.run(async () => ({ place, found: await attempt(azure.signal, () => readIdentity(azure, { ...place, given: true }, reader)) }))));
  const unreadable = read.flatMap(({ place, found }) => {
    const because = 'unread' in found ? found.unread : found.found === undefined ? `there is no identity ${place.id}` : undefined;
    return because === undefined ? [] : [{ object: `identity ${place.name}`, because }];
  });
  return {
    states: read.flatMap(({ found }) => ('found' in found ? (found.found ?? []) : [])),
    unreadable,
    unread: unreadable.map(({ object, because }) => `${object}: ${because}`),
  };
}
