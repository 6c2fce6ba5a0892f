import type { ClusterLookup } from '../_shared/azure/cluster-lookup.js';
import { networkFacts } from '../_shared/fleet/network-facts.js';
import { NetworkIsolationProof } from '../_shared/kubernetes/network-isolation-proof.js';
import type { Isolation } from '../_shared/kubernetes/network-isolation.js';
import { NetworkPolicies } from '../_shared/kubernetes/network-policies.js';
import { NetworkPolicyRemoval } from '../_shared/kubernetes/network-policy-removal.js';
import type { Blueprint, ReleaseInputs } from '../_shared/kubernetes/release-blueprint.js';
import type { TakeBack } from '../_shared/kubernetes/take-back.js';
import type { Access } from '../_shared/reconcile/access.js';
import type { AnyProof } from '../_shared/reconcile/proof.js';
import { output, type Refs } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import type { Deployable } from './sources.js';

/** What isolates a release. */
export interface ReleaseIsolation {
  /** What has to be there before the release. */
  readonly before: readonly AnyResource[];
  readonly proofs: readonly AnyProof[];
  /** What goes once the release is as it should be. */
  after(release: Deployable['release']): readonly AnyResource[];
}

/** What a release is made of and told by. */
interface Parts {
  readonly blueprint: Blueprint;
  readonly refs: Refs<ReleaseInputs>;
  readonly cluster: ClusterLookup;
  readonly accesses: readonly Access[];
  readonly takeBack: TakeBack;
}

/** Lists what isolates a release, or takes back what isolated it. @param isolation absent: it is not isolated. */
export function isolate(isolation: Isolation | undefined, { blueprint, refs, cluster, accesses, takeBack }: Parts): ReleaseIsolation {
  const inputs = { ...refs, network: output(cluster, (state) => networkFacts(state.raw)) };
  const policies = isolation === undefined ? undefined : new NetworkPolicies(blueprint, isolation, inputs, accesses, takeBack);
  return {
    before: policies === undefined ? [] : [policies],
    proofs: policies === undefined ? [] : [new NetworkIsolationProof(policies)],
    after: (release) => [new NetworkPolicyRemoval(blueprint, { ...inputs, revision: output(release, (state) => state.revision?.number) }, policies, takeBack)],
  };
}
