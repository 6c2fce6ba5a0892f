import type { RegistryMode, RegistryRole } from '../../tasks/_shared/azure/registry-roles.js';
import { Random } from '../tools/random.js';
import { identityOf } from './scenario.js';

/** What an identity may already have of the role at the registry itself: Azure keeps one assignment of a scope, a role and a principal. */
export const heldKinds = [
  'nothing',
  /** Ours, and it allows what this run asks. */
  'ours',
  /** Ours, for repositories that another workload of the same identity was granted. */
  'ours for others',
  /** Ours, for the first repository of this run and those of another. */
  'ours for some',
  /** Ours, from before the role had all of its data actions: it names one of them only. */
  'ours left open',
  /** Ours by its description, with a condition that somebody has written. */
  'ours unreadable',
  /** Somebody's, and it allows everything that the scenarios ask. */
  'foreign covering',
  /** Somebody's for other repositories. */
  'foreign elsewhere',
  /** Somebody's, with a condition that no task writes. */
  'foreign unreadable',
  /** Somebody's, for every repository. */
  'foreign unconditioned',
] as const;
export type HeldKind = (typeof heldKinds)[number];

/** Those that a registry may have whose roles are for the registry as a whole. */
const wholeKinds = ['nothing', 'ours', 'foreign unreadable', 'foreign unconditioned'] as const satisfies readonly HeldKind[];

/** What may be inherited from the resource group, always somebody's. */
export const inheritedKinds = ['nothing', 'nothing', 'nothing', 'unconditioned', 'for others'] as const;
export type InheritedKind = (typeof inheritedKinds)[number];

/** What the registry may hold of another role: that of the other mode, or one that another run was asked for. */
export const besideKinds = ['nothing', 'nothing', 'other mode, ours', 'other mode, foreign', 'other role, ours'] as const;
export type BesideKind = (typeof besideKinds)[number];

/** What principals may have left that are gone. */
export const orphanKinds = [
  /** Of an identity that is gone, too. */
  'of another identity',
  /** Of an identity of the same name, before it was made anew. */
  'of the same identity',
] as const;
export type OrphanKind = (typeof orphanKinds)[number];

/** What an identity has when a run begins. */
export interface FoundGrants {
  readonly held: HeldKind;
  readonly inherited: InheritedKind;
  readonly beside: BesideKind;
  readonly orphans: readonly OrphanKind[];
  /** True when this project has let a service account of another cluster use the identity. */
  readonly served: boolean;
}

/** A state that a run of GrantRegistryRole may find, as plain data. */
export interface RegistryScenario {
  readonly seed: number;
  readonly mode: RegistryMode;
  readonly role: RegistryRole;
  readonly clusters: readonly string[];
  /** One identity for all clusters, or one for each. */
  readonly shared: boolean;
  /** What this run grants. */
  readonly repositories: readonly string[];
  /** What another run grants or has granted: not one of them is this run's. */
  readonly others: readonly string[];
  /** By the name of the identity. */
  readonly identities: ReadonlyMap<string, FoundGrants>;
}

/** Every repository that a run may be asked for. */
const pool: readonly string[] = ['orders/api', 'backend/*', 'backend/api', 'web'];

/** The state that follows from a seed. */
export function registryScenario(seed: number): RegistryScenario {
  const random = new Random(seed);
  const mode = random.chance(0.7) ? 'AbacRepositoryPermissions' : 'LegacyRegistryPermissions';
  const clusters = random.chance(0.4) ? ['aks-1', 'aks-2'] : ['aks-1'];
  const shared = random.chance(0.5);
  const [first, second, third] = shuffled(random, pool);
  const repositories = [first, second].slice(0, random.pick([1, 2]));
  const names = new Set(clusters.map((cluster) => identityOf({ shared }, cluster)));
  const found = (): FoundGrants => ({
    held: mode === 'AbacRepositoryPermissions' ? random.pick(heldKinds) : random.pick(wholeKinds),
    inherited: random.pick(inheritedKinds),
    beside: random.pick(besideKinds),
    orphans: random.some(orphanKinds, 0.15),
    served: random.chance(0.15),
  });
  return {
    seed,
    mode,
    role: random.pick(['AcrPull', 'AcrPush', 'AcrDelete']),
    clusters,
    shared,
    repositories: repositories.filter((one) => one !== undefined),
    others: [third ?? 'web'],
    identities: new Map([...names].map((name) => [name, found()])),
  };
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items.map((item) => ({ item, rank: random.next() })).sort((one, other) => one.rank - other.rank).map(({ item }) => item);
}
