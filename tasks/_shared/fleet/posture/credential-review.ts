import { lastPart, sameId } from '../arm-id.js';
import { accountOf, credentialName } from '../names.js';
import { some } from '../wording.js';
import type { AccountState } from './known-accounts.js';

/** A trust from an issuer and a subject to an identity, as Azure answers it. */
export interface Trust {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
}

/** A cluster that is seen, whether or not it is looked into. */
export interface SeenCluster {
  /** ARM id. */
  readonly id: string;
  /** What reports call it. */
  readonly label: string;
  /** As ARM says it, byte for byte; absent where the issuer is off. */
  readonly issuerUrl?: string;
  /** Asks for a service account; absent where the audit does not look into the cluster. */
  readonly account?: (namespace: string, name: string) => AccountState;
}

/** What is known of clusters and issuers when credentials are reviewed. */
export interface IssuerWorld {
  readonly clusters: readonly SeenCluster[];
  /** Why there may be clusters that are not seen, in clauses; empty where all were listed. */
  readonly unseen: readonly string[];
  /** What an issuer answers that belongs to no cluster that is seen. */
  issuance(issuer: string): 'gone' | 'served' | { readonly unclear: string };
}

/** How a federated credential stands to the clusters that are seen. */
export const credentialStates = ['ok', 'elsewhere', 'accountUnread', 'accountGone', 'caseDiffers', 'issuerOld', 'clusterGone', 'foreign', 'unclear'] as const;
export type CredentialState = (typeof credentialStates)[number];

/** A federated credential with what became of it. */
export interface ReviewedCredential extends Trust {
  /** Label of the cluster whose it is; absent where no cluster that is seen has it. */
  readonly cluster?: string;
  readonly state: CredentialState;
  /** What was seen, in a clause. */
  readonly detail: string;
}

/** The host of the issuers that identity bindings of AKS use, whose credential AKS itself keeps. Source: AKS docs, identity bindings (preview). */
const bindingHost = 'ib.oic.prod-aks.azure.com';

/** Whose a federated credential is, and whether it serves anybody. Entra compares issuer and subject byte for byte. */
export function reviewCredential(trust: Trust, world: IssuerWorld): ReviewedCredential {
  const { issuer } = trust;
  const cluster = world.clusters.find(({ issuerUrl }) => issuerUrl === issuer);
  if (cluster !== undefined) return { ...trust, cluster: cluster.label, ...accountState(trust, cluster) };
  if (URL.canParse(issuer) && new URL(issuer).hostname === bindingHost) return { ...trust, state: 'unclear', detail: 'AKS keeps it for identity bindings; which clusters are bound was not looked up' };
  const named = world.clusters.find((one) => sameIssuer(one.issuerUrl, issuer) || (isNamedFor(trust, one) && canBeOld(one, issuer, world)));
  if (named !== undefined) return { ...trust, cluster: named.label, state: 'issuerOld', detail: `${named.label} has the issuer ${named.issuerUrl ?? 'switched off'} now, and this credential names ${issuer}` };
  return { ...trust, ...issuerState(issuer, world) };
}

function accountState({ subject }: Trust, { label, account }: SeenCluster): Pick<ReviewedCredential, 'state' | 'detail'> {
  const parts = accountOf(subject);
  if (parts === undefined) return { state: 'accountGone', detail: `${label} has no token for ${subject}: it is the subject of no service account` };
  const { namespace, serviceAccount } = parts;
  const named = `service account ${namespace}/${serviceAccount}`;
  if (account === undefined) return { state: 'elsewhere', detail: `${label} is there with this issuer; it is not among the clusters that this audit looks into` };
  // Names in Kubernetes have no capitals. Source: Kubernetes docs, object names.
  const lower = account(namespace.toLowerCase(), serviceAccount.toLowerCase());
  if (subject !== subject.toLowerCase() && lower !== 'gone') return { state: 'caseDiffers', detail: `Entra compares letter for letter, and no token of ${label} says ${subject}: ${subject.toLowerCase()} may be meant` };
  if (lower === 'there') return { state: 'ok', detail: `${named} is there, and the issuer is that of ${label}` };
  if (lower === 'gone') return { state: 'accountGone', detail: `${label} has no ${named}: whoever makes one there becomes this identity` };
  return { state: 'accountUnread', detail: `whether ${label} has ${named} could not be read: ${lower.unread}` };
}

function issuerState(issuer: string, world: IssuerWorld): Pick<ReviewedCredential, 'state' | 'detail'> {
  const { unseen } = world;
  const found = world.issuance(issuer);
  if (found === 'gone') return { state: 'clusterGone', detail: `no cluster that is seen has the issuer ${issuer}, and nothing is served there any more` };
  if (found !== 'served') return { state: 'unclear', detail: `no cluster that is seen has the issuer ${issuer}, and ${found.unclear}` };
  if (unseen.length > 0) return { state: 'unclear', detail: `no cluster that is seen has the issuer ${issuer}, which is served; there may be others: ${some(unseen, 3, '; ')}` };
  return { state: 'foreign', detail: `the issuer ${issuer} is served and belongs to no cluster that is seen` };
}

/** True for a credential that has the name which this project gives for a cluster. */
function isNamedFor({ name, subject }: Trust, { id }: SeenCluster): boolean {
  const parts = accountOf(subject);
  return parts !== undefined && sameId(name, credentialName(id, lastPart(id), parts.namespace, parts.serviceAccount));
}

/**
 * True for an issuer that a cluster can have had. Anybody can give a credential our name: it counts for an issuer that AKS serves in the cluster's
 * tenant, and for one that nobody serves any more. Source: AKS docs, OIDC issuer (form of the issuer: host of a region, then tenant and cluster).
 */
function canBeOld({ issuerUrl = '' }: SeenCluster, issuer: string, world: IssuerWorld): boolean {
  const family = (url: string): string | undefined => /^https:\/\/[^./]+\.([^/]+\/[^/]+)\//.exec(url.toLowerCase())?.[1];
  const own = family(issuerUrl);
  return (own !== undefined && own === family(issuer)) || world.issuance(issuer) === 'gone';
}

/** True for addresses that differ only in case or in the slash at their end. */
function sameIssuer(one: string | undefined, other: string): boolean {
  const plain = (url: string): string => url.toLowerCase().replace(/\/+$/, '');
  return one !== undefined && plain(one) === plain(other);
}
