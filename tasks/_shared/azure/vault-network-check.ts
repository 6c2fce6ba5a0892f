import { object, objects, text } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import type { Inspection, PreflightCheck } from '../reconcile/check.js';
import type { Plan } from '../reconcile/plan.js';
import type { Producer } from '../reconcile/ref.js';
import type { ClusterState } from './cluster-state.js';
import { podsKeptOut, type VaultState } from './vault-state.js';

/** ARM ids of the subnets that a cluster's nodes are in; empty where AKS made the network itself. Wire names: npm @azure/arm-containerservice 25.x. */
export function nodeSubnets({ raw }: Pick<ClusterState, 'raw'>): string[] {
  return [...new Set(objects(object(raw.properties).agentPoolProfiles).flatMap(({ vnetSubnetID }) => text(vnetSubnetID) ?? []))];
}

/** A cluster whose pods read a vault. */
export interface VaultUse {
  readonly cluster: Producer<ClusterState> & { readonly name: string };
  readonly vault: Producer<VaultState> & { readonly name: string };
}

/** Tells, before the first write, which vaults have network rules that keep the pods of which clusters out. Nothing of this stops a run. */
export class VaultNetworkCheck implements PreflightCheck {
  constructor(private readonly uses: readonly VaultUse[]) {}

  inspect(plan: Plan): Promise<Inspection> {
    const kept = new Map<string, string[]>();
    for (const { cluster, vault } of this.uses) {
      const [nodes, rules] = [stateIn(plan, cluster), stateIn(plan, vault)];
      const found = nodes === undefined || rules === undefined ? undefined : podsKeptOut(rules.network, nodeSubnets(nodes));
      if (found === undefined) continue;
      const note = `key vault ${vault.name} ${found.certain ? 'keeps pods out' : 'may keep pods out'} (${found.rule})`;
      kept.set(note, [...(kept.get(note) ?? []), cluster.name]);
    }
    const notes = [...kept].map(([note, clusters]) => `▲ ${note}: ${some(clusters)}`);
    return Promise.resolve({ findings: [], notes });
  }
}

function stateIn<S extends object>(plan: Plan, resource: Producer<S>): S | undefined {
  return plan.find((entry) => entry.resource.key === resource.key)?.observed as S | undefined;
}
