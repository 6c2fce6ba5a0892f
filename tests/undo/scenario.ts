import { Random } from '../tools/random.js';

/** Who made what is found: this project in an earlier run, or somebody else. */
export type Maker = 'ours' | 'foreign';

/** What may already be on an identity for the workload of one cluster. */
const credentialKinds = [
  /** Ours, and right. */
  'ours',
  /** Ours, without the trailing slash of the issuer. */
  'ours without slash',
  /** Ours, from before the cluster was built anew. */
  'ours of the old cluster',
  /** Somebody's, and it serves the workload. */
  'equal under another name',
  /** Somebody's for the same service account, as it is not spelled. */
  'mis-cased',
  /** Somebody's for another service account. */
  'of another account',
  /** Ours by its name, of a cluster that is not in this run. */
  'ours of another cluster',
  /** What AKS makes for identity bindings. */
  'identity binding',
] as const;
export type CredentialKind = (typeof credentialKinds)[number];

/** What may already be granted on one secret. */
const grantKinds = ['ours', 'equal under another name', 'inherited from the vault', 'conditioned'] as const;
export type GrantKind = (typeof grantKinds)[number];

/** What may already be in a cluster. */
const accountKinds = ['nothing', 'namespace', 'bare account', 'same annotations of another', 'another identity of another', 'ours', 'ours with another identity'] as const;
export type AccountKind = (typeof accountKinds)[number];

/** An identity as a run finds it; absent when there is none. */
export interface FoundIdentity {
  readonly maker: Maker;
  /** By cluster. */
  readonly credentials: ReadonlyMap<string, readonly CredentialKind[]>;
  /** By secret. */
  readonly grants: ReadonlyMap<string, GrantKind>;
  /** True when its principal has a role somewhere else, too. */
  readonly used: boolean;
  /** Fills it up to the limit of credentials with those of others. */
  readonly full: boolean;
}

/** A state that a run may find, as plain data. */
export interface Scenario {
  readonly seed: number;
  readonly clusters: readonly string[];
  /** One identity for all clusters, or one for each. */
  readonly shared: boolean;
  readonly secrets: readonly string[];
  /** By name. */
  readonly identities: ReadonlyMap<string, FoundIdentity>;
  /** By cluster. */
  readonly accounts: ReadonlyMap<string, AccountKind>;
  /** Assignments of principals that are gone, on the secrets of the run. */
  readonly orphans: boolean;
}

/** Every secret of the vault that the scenarios know. */
const secretNames = ['orders-db', 'orders-api-key'];

/** The identity of a cluster's workload. */
export function identityOf({ shared }: Pick<Scenario, 'shared'>, cluster: string): string {
  return shared ? 'id-orders' : `id-orders-${cluster}`;
}

/** The state that follows from a seed. */
export function scenario(seed: number): Scenario {
  const random = new Random(seed);
  const clusters = random.chance(0.4) ? ['aks-1', 'aks-2'] : ['aks-1'];
  const shared = random.chance(0.4);
  const secrets = random.some(secretNames, 0.6);
  const identities = new Map<string, FoundIdentity>();
  for (const name of new Set(clusters.map((cluster) => identityOf({ shared }, cluster)))) {
    if (random.chance(0.3)) continue;
    const users = clusters.filter((cluster) => identityOf({ shared }, cluster) === name);
    identities.set(name, {
      maker: random.pick(['ours', 'foreign']),
      credentials: new Map(users.map((cluster) => [cluster, consistent(random.some(credentialKinds, 0.25))])),
      grants: new Map(secrets.flatMap((secret) => (random.chance(0.5) ? [[secret, random.pick(grantKinds)] as const] : []))),
      used: random.chance(0.15),
      full: random.chance(0.04),
    });
  }
  const accounts = new Map(clusters.map((cluster) => [cluster, random.pick(accountKinds)]));
  return { seed, clusters, shared, secrets, identities, accounts, orphans: random.chance(0.3) };
}

/** Azure keeps one credential of a name, and one of an issuer and a subject. */
function consistent(kinds: readonly CredentialKind[]): CredentialKind[] {
  const ours = kinds.find((kind) => named.has(kind));
  const serving = kinds.find((kind) => serves.has(kind));
  return kinds.filter((kind) => (!named.has(kind) || kind === ours) && (!serves.has(kind) || kind === serving));
}

const named: ReadonlySet<CredentialKind> = new Set(['ours', 'ours without slash', 'ours of the old cluster']);
const serves: ReadonlySet<CredentialKind> = new Set(['ours', 'equal under another name']);
