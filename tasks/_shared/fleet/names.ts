import { createHash } from 'node:crypto';

/** The values that a name pattern may name. */
export interface NameParts {
  readonly workload: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Stage of the rollout. */
  readonly ring?: string;
  /** Azure region, e.g. `westeurope`. */
  readonly location?: string;
}

const placeholders = ['workload', 'cluster', 'namespace', 'serviceAccount', 'ring', 'location'] as const;

/** True when a pattern names a value. */
export function names(pattern: string, part: keyof NameParts): boolean {
  return pattern.includes(`{${part}}`);
}

/** Names in a pattern that no value exists for. */
export function unknownPlaceholders(pattern: string): string[] {
  return [...pattern.matchAll(/\{([^}]*)\}/g)].map((match) => match[1] ?? '').filter((name) => !placeholders.some((known) => known === name));
}

/** Fills a pattern such as `id-{workload}-{cluster}`; a result over `limit` characters is cut and ends in a hash of the whole. What has no value stays as it is. */
export function fillPattern(pattern: string, parts: NameParts, limit: number): string {
  const filled = pattern.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const known = placeholders.find((placeholder) => placeholder === name);
    return known === undefined ? whole : (parts[known] ?? whole);
  });
  return shorten(filled, limit);
}

/** Cuts a name to `limit` characters, keeping it distinct by eight hex digits of its hash. */
export function shorten(name: string, limit: number): string {
  return name.length <= limit ? name : `${name.slice(0, limit - 9)}-${digest(name)}`;
}

/**
 * The name of the federated credential of one service account on one cluster: readable, and distinct also where two clusters
 * share a name. 3–120 characters of `[a-zA-Z0-9-_]`. Source: Entra docs, federated credential considerations.
 */
export function credentialName(clusterId: string, clusterName: string, namespace: string, serviceAccount: string): string {
  const readable = credentialNamePart(`wi-${clusterName}-${namespace}-${serviceAccount}`).slice(0, longestReadable);
  return `${readable}-${digest(`${clusterId.toLowerCase()}|${namespace}|${serviceAccount}`)}`;
}

/** Longest part of a credential's name before its digest. */
export const longestReadable = 111;

/** A text as it may stand in the name of a credential. */
export function credentialNamePart(text: string): string {
  return text.replace(/[^a-zA-Z0-9-_]/g, '-');
}

/** A name that nobody gives: what a proof asks for to be refused. The same for the same resource and principal. */
export function unusedName(resourceId: string, principalId: string): string {
  return `wi-proof-${digest(`${resourceId}|${principalId}`, 12)}`;
}

function digest(text: string, digits = 8): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

/** The audience of service-account tokens that Entra exchanges. Source: Entra docs, workload identity federation. */
export const exchangeAudience = 'api://AzureADTokenExchange';

/** The subject of a service account's tokens; case-sensitive. Source: Kubernetes docs, service account tokens. */
export function subjectOf(namespace: string, serviceAccount: string): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/** The service account that a subject names; undefined for the subject of anything else. */
export function accountOf(subject: string): { readonly namespace: string; readonly serviceAccount: string } | undefined {
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(subject) ?? [];
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount };
}

/**
 * A UUID of version 5 (RFC 9562) over a name in a namespace of our own: the same name always gives the same GUID.
 */
export function uuidOf(name: string): string {
  const namespace = Buffer.from('8d0f3f5c6b1e4f0e9a6e2f7c5b4a3d21', 'hex');
  const hash = createHash('sha1').update(namespace).update(name).digest().subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
