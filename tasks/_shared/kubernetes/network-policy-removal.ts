import { Problem } from '../reconcile/problem.js';
import { unknown, type Known, type Refs } from '../reconcile/ref.js';
import { keep, writes, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { strongReader } from '../reconcile/plan.js';
import { refusedCode } from './api-errors.js';
import { ownKeys } from './connection.js';
import type { Blueprint } from './release-blueprint.js';
import { told, type NetworkPolicies, type NetworkPolicyInputs } from './network-policies.js';
import { allowances, policyLabels } from './network-policy.js';
import { kinds, metadataOf, nameOf, pathOf, refOf, type ClusterObject, type ObjectKind } from './objects.js';
import { rights } from './permissions.js';
import type { TakeBack } from './take-back.js';

export interface PolicyRemovalInputs extends NetworkPolicyInputs {
  /** Output of the release: pods live by the policies of their revision until it is upgraded. */
  readonly revision: number;
}

/** Policies of a release that are there and not wanted. */
export interface PolicyRemovalState {
  /** Those of Cilium first: the others say that there are such. */
  readonly stale: readonly ClusterObject[];
  /** True when the connection may not list policies; it then never made any. */
  readonly refused?: boolean;
}

/** Removes the network policies that this project made for a release and that are not wanted any more: all of them where it is not isolated. */
export class NetworkPolicyRemoval implements Resource<PolicyRemovalInputs, PolicyRemovalState> {
  readonly key: string;
  readonly kind = 'network policies no longer wanted';
  readonly name: string;
  readonly cluster: string;

  /** @param wanted the policies that stay; absent: none does. */
  constructor(
    private readonly blueprint: Blueprint,
    readonly inputs: Refs<PolicyRemovalInputs>,
    private readonly wanted?: NetworkPolicies,
    private readonly takeBack?: TakeBack,
  ) {
    const { connection, namespace, release } = blueprint.settings;
    this.name = `${namespace}/${release}`;
    this.key = `${connection.clusterId} network policies no longer wanted ${this.name}`;
    this.cluster = connection.label;
  }

  async observe(_reader: Reader, known: Known<PolicyRemovalInputs>): Promise<PolicyRemovalState> {
    if (known.namespace === unknown || known.network === unknown) return { stale: [] };
    const own = await this.#own();
    if (own === 'refused') return { stale: [], refused: true };
    if (own.length === 0 || this.wanted === undefined) return { stale: own };
    const { policies } = this.wanted.design({ chart: await this.blueprint.inspect(known), own, others: [] }, known.network);
    return { stale: own.filter((found) => !policies.some((policy) => policy.kind === found.kind && metadataOf(policy).name === metadataOf(found).name)) };
  }

  plan(observed: PolicyRemovalState | undefined): Change {
    const { stale, refused = false } = observed ?? { stale: [] };
    if (stale.length === 0) return keep(refused ? 'the service connection may not list any, so it made none' : 'there are none');
    const fields = stale.map((policy) => ({ field: nameOf(refOf(policy)), before: told(allowances(policy)), after: '(none)' }));
    if (this.wanted !== undefined) return { action: 'delete', reason: 'the chart has no pods for them any more, or the flows no need of them', fields, widens: false };
    return { action: 'delete', reason: 'networkPolicy is none: the pods can reach everything, and be reached, afterwards', fields, widens: true };
  }

  permissions(change: Change): readonly Permission[] {
    const named = writes(change) && change.fields.some(({ field }) => field.startsWith(nameOf({ ...kinds.ciliumNetworkPolicy, name: '' })));
    return [kinds.networkPolicy, ...(named ? [kinds.ciliumNetworkPolicy] : [])].flatMap((kind) => this.#rights(['delete'], kind));
  }

  reads(): readonly Permission[] {
    return this.#rights(['list'], kinds.networkPolicy);
  }

  async apply(_change: Change, known: PolicyRemovalInputs, writer: Writer): Promise<void> {
    const { stale } = await this.observe(strongReader, known);
    for (const policy of stale) {
      const ref = refOf(policy);
      const intent = { action: 'delete', object: pathOf(ref), before: told(allowances(policy)), widens: this.wanted === undefined };
      const { connection } = this.blueprint.settings;
      await writer.write(intent, () => connection.remove(ref));
      this.takeBack?.changes({ connection, ref, before: policy });
    }
  }

  async #own(): Promise<readonly ClusterObject[] | 'refused'> {
    const { connection, namespace, release } = this.blueprint.settings;
    const selector = `${ownKeys.managed}=true,${policyLabels.release}=${release}`;
    try {
      const plain = await connection.list(kinds.networkPolicy, namespace, selector);
      const beside = plain.some((policy) => metadataOf(policy).labels[policyLabels.beside] === 'true');
      const named = beside ? await connection.list(kinds.ciliumNetworkPolicy, namespace, selector) : [];
      return [...named, ...plain].filter((policy) => !metadataOf(policy).deleting);
    } catch (error) {
      if (this.wanted === undefined && error instanceof Problem && error.code === refusedCode) return 'refused';
      throw error;
    }
  }

  #rights(verbs: readonly string[], kind: ObjectKind): Permission[] {
    const { connection, namespace } = this.blueprint.settings;
    return rights(connection, verbs, kind, namespace);
  }
}
