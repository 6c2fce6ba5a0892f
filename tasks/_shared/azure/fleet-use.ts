import { groupId, lastPart, sameId } from '../fleet/arm-id.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { Permission, Reader } from '../reconcile/resource.js';
import type { Azure } from './azure.js';
import { expectCluster, readCluster } from './cluster-state.js';
import { clusterListRight, clustersAround, subscriptionsOf } from './visible-clusters.js';

/** What the clusters of a fleet themselves use. Ids in lower case. */
export interface FleetFacts {
  /** Names of the clusters by the identities that they run on. */
  readonly ownIdentities: ReadonlyMap<string, string>;
  /** Ids of the groups that AKS keeps nodes in. */
  readonly nodeGroups: ReadonlySet<string>;
  /** Regions by cluster id. */
  readonly regions: ReadonlyMap<string, string>;
}

let fleets = 0;

/** The clusters of a run as far as they are in the way of identities; read once for all identities of the run. */
export class FleetUse {
  readonly #key = `what fleet ${(fleets += 1)} uses`;

  constructor(
    private readonly azure: Azure,
    private readonly fleet: readonly ClusterEntry[],
  ) {
    for (const entry of fleet) expectCluster(azure, entry);
  }

  /**
   * The name of a cluster that runs on an identity: one of the fleet, or another that is seen in its subscriptions or in the identity's.
   * @throws Problem when the clusters cannot be listed or read: then nobody can say.
   */
  async runningOn(identityId: string, reader: Reader): Promise<string | undefined> {
    const clusters = await clustersAround(this.azure, this.fleet, [identityId], reader);
    const user = clusters.find(({ ownIdentities }) => ownIdentities.some((id) => sameId(id, identityId)));
    return user === undefined ? undefined : lastPart(user.id);
  }

  /** The rights that {@link runningOn} needs. */
  reads(identityId: string): Permission[] {
    return subscriptionsOf([...this.fleet.map(({ id }) => id), identityId]).map((one) => clusterListRight(this.azure, one));
  }

  /** Of the clusters that can be read; an unreadable one is its own lookup's problem. */
  facts(reader: Reader): Promise<FleetFacts> {
    return reader.once(this.#key, async () => {
      const states = await Promise.all(this.fleet.map((entry) => readCluster(this.azure, entry, reader).catch(() => undefined)));
      const ownIdentities = new Map<string, string>();
      const nodeGroups = new Set<string>();
      const regions = new Map<string, string>();
      for (const { id, location, nodeResourceGroup, ownIdentities: own } of states.filter((state) => state !== undefined)) {
        for (const identity of own) ownIdentities.set(identity.toLowerCase(), lastPart(id));
        if (nodeResourceGroup !== undefined) nodeGroups.add(groupId(id.split('/')[2] ?? '', nodeResourceGroup).toLowerCase());
        regions.set(id.toLowerCase(), location);
      }
      return { ownIdentities, nodeGroups, regions };
    });
  }
}
