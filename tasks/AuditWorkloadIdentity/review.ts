import type { AccessInventory } from '../_shared/azure/access-inventory.js';
import type { AccessJudge } from '../_shared/azure/access-judge.js';
import { resourceEnd } from '../_shared/azure/accesses.js';
import type { Azure } from '../_shared/azure/azure.js';
import { askIssuer, type Issuance } from '../_shared/azure/issuer-document.js';
import { lastPart, sameId } from '../_shared/fleet/arm-id.js';
import type { IdentityCredential, IdentityFacts } from '../_shared/fleet/posture/access-facts.js';
import { reviewCredential, type IssuerWorld, type SeenCluster } from '../_shared/fleet/posture/credential-review.js';
import type { Limiter } from '../_shared/reconcile/limits.js';
import type { AuditedCrossing } from '../_shared/report/audit-report.js';
import { boundaryFact, GrantIndex, grantsOf, type GrantOptions } from './grants.js';
import type { Candidate } from './identities.js';

/** What identities are reviewed with. */
export interface ReviewOptions extends GrantOptions {
  readonly azure: Azure;
  /** The clusters that were looked into. */
  readonly clusters: readonly SeenCluster[];
  /** Why there may be clusters that are not seen, in clauses. */
  readonly unseen: readonly string[];
  readonly limiter: Limiter;
}

/** Every identity in scope with who may become it and what it reaches. */
export interface Review {
  readonly identities: readonly IdentityFacts[];
  readonly crossings: readonly AuditedCrossing[];
}

/** Reviews the identities side by side. Asks issuers that no cluster has whether they are still served; nothing else is sent. */
export async function reviewIdentities(candidates: readonly Candidate[], options: ReviewOptions): Promise<Review> {
  const clusters = seenClusters(options.clusters, options.inventories);
  const world: IssuerWorld = { clusters, unseen: options.unseen, issuance: await issuancesOf(candidates, clusters, options) };
  const index = new GrantIndex(options.inventories);
  const reviews = await Promise.all(candidates.map((candidate) => reviewOne(candidate, world, index, options)));
  return { identities: reviews.map(({ facts }) => facts), crossings: reviews.flatMap(({ crossings }) => crossings) };
}

async function reviewOne(candidate: Candidate, world: IssuerWorld, index: GrantIndex, options: ReviewOptions): Promise<{ facts: IdentityFacts; crossings: readonly AuditedCrossing[] }> {
  const { state, name, credentials } = candidate;
  const { grants, crossings, unread } = await grantsOf(candidate, index, options);
  const reviewed = 'unread' in credentials ? undefined : await Promise.all(credentials.found.map(async (trust) => {
    const { name: own, issuer, subject } = trust;
    return onBoundary(reviewCredential({ name: own, issuer, subject }, world), state.id, world, options.judge);
  }));
  const { id, clientId, principalId } = state;
  const known: IdentityFacts['credentials'] = reviewed === undefined ? { unread: 'unread' in credentials ? credentials.unread : '' } : { found: reviewed.map(({ credential }) => credential) };
  return { facts: { name, id, clientId, principalId, credentials: known, grants, unread }, crossings: [...(reviewed ?? []).flatMap(({ crossing }) => crossing ?? []), ...crossings] };
}

/** A credential that lets a cluster act as the identity leads from that cluster to it; one that is of no cluster which is seen leads from anywhere. */
async function onBoundary(credential: IdentityCredential, identityId: string, { clusters }: IssuerWorld, judge: AccessJudge | undefined): Promise<{ credential: IdentityCredential; crossing?: AuditedCrossing }> {
  const cluster = clusters.find(({ issuerUrl }) => issuerUrl === credential.issuer);
  if (judge === undefined) return { credential };
  if (cluster === undefined) {
    const anywhere = credential.state === 'foreign' || credential.state === 'unclear';
    return { credential: anywhere ? { ...credential, boundary: { verdict: 'unknown', detail: `from which boundary it is used cannot be told: ${credential.detail}` } } : credential };
  }
  const { fact, crossing } = boundaryFact(await judge.judge({ kind: 'federation', from: resourceEnd(cluster.id, cluster.label), to: resourceEnd(identityId) }));
  return { credential: { ...credential, boundary: fact }, ...(crossing === undefined ? {} : { crossing }) };
}

/** The clusters that were looked into, and those besides that the subscriptions show. */
function seenClusters(lookedInto: readonly SeenCluster[], inventories: readonly AccessInventory[]): SeenCluster[] {
  const others = inventories.flatMap(({ clusters }) => ('found' in clusters ? clusters.found : [])).filter(({ id }) => !lookedInto.some((one) => sameId(one.id, id)));
  return [...lookedInto, ...others.map(({ id, issuerUrl }) => ({ id, label: lastPart(id), ...(issuerUrl === undefined ? {} : { issuerUrl }) }))];
}

async function issuancesOf(candidates: readonly Candidate[], clusters: readonly SeenCluster[], { azure, limiter }: ReviewOptions): Promise<IssuerWorld['issuance']> {
  const known = new Set(clusters.map(({ issuerUrl }) => issuerUrl));
  const issuers = new Set(candidates.flatMap(({ credentials }) => ('found' in credentials ? credentials.found.map(({ issuer }) => issuer) : [])).filter((issuer) => !known.has(issuer)));
  const asked = await Promise.all([...issuers].map((issuer) => limiter.run(async (): Promise<[string, Issuance]> => [issuer, await askIssuer(azure, issuer)])));
  const answers = new Map(asked);
  return (issuer) => answers.get(issuer) ?? { unclear: 'its issuer was not asked' };
}
