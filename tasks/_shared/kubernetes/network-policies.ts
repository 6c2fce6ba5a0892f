import type { NetworkFacts } from '../fleet/network-facts.js';
import { selects, selectorOf } from '../fleet/label-selector.js';
import { object, objects, texts } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import type { Access } from '../reconcile/access.js';
import { strongReader } from '../reconcile/plan.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { unknown, type Known, type Refs } from '../reconcile/ref.js';
import { blocked, keep, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { designPolicies, type Isolation, type PolicyDesign } from './network-isolation.js';
import { allowances, isAsWanted, isInternet, isPolicyOf, policyLabels } from './network-policy.js';
import { kinds, metadataOf, nameOf, pathOf, refOf, type ClusterObject, type ObjectRef } from './objects.js';
import { applyRights, rights } from './permissions.js';
import type { Blueprint, ReleaseInputs } from './release-blueprint.js';
import type { RenderedChart } from './rendered-chart.js';
import type { TakeBack } from './take-back.js';

export interface NetworkPolicyInputs extends ReleaseInputs {
  readonly network: NetworkFacts;
}

/** The network policies of a namespace, as far as they matter for one release. */
export interface NetworkPolicyState {
  readonly chart: RenderedChart;
  /** Made by this project for this release, Cilium's included. */
  readonly own: readonly ClusterObject[];
  /** All others. */
  readonly others: readonly ClusterObject[];
}

/**
 * The network policies that let the pods of a release connect as its flows say, and no other way. They are there before its pods are. Policies that are not
 * wanted any more are left to NetworkPolicyRemoval: until the release is upgraded, pods live by them.
 */
export class NetworkPolicies implements Resource<NetworkPolicyInputs, NetworkPolicyState> {
  readonly key: string;
  readonly kind = 'network policies';
  readonly name: string;
  readonly cluster: string;

  constructor(
    private readonly blueprint: Blueprint,
    private readonly isolation: Isolation,
    readonly inputs: Refs<NetworkPolicyInputs>,
    readonly accesses: readonly Access[] = [],
    private readonly takeBack?: TakeBack,
  ) {
    const { connection, namespace, release } = blueprint.settings;
    this.name = `${namespace}/${release}`;
    this.key = `${connection.clusterId} network policies ${this.name}`;
    this.cluster = connection.label;
  }

  async observe(_reader: Reader, known: Known<NetworkPolicyInputs>): Promise<NetworkPolicyState> {
    const { connection, namespace, release } = this.blueprint.settings;
    const chart = await this.blueprint.inspect(known);
    if (known.namespace === unknown) return { chart, own: [], others: [] };
    const found = await connection.list(kinds.networkPolicy, namespace);
    const own = found.filter((policy) => isPolicyOf(policy, release));
    const named = this.#namesHosts() && known.network !== unknown && known.network.hostNames ? await connection.list(kinds.ciliumNetworkPolicy, namespace) : [];
    return { chart, own: [...own, ...named.filter((policy) => isPolicyOf(policy, release))], others: [...found, ...named].filter((policy) => !isPolicyOf(policy, release)) };
  }

  plan(observed: NetworkPolicyState | undefined, known: Known<NetworkPolicyInputs>): Change {
    if (observed === undefined || known.network === unknown) throw new Error(`${this.key}: planned without having been observed`);
    const { policies, faults } = this.design(observed, known.network);
    const [fault, ...more] = [...faults, ...this.#taken(policies, observed)];
    if (fault !== undefined) return blocked(more.length === 0 ? fault.parts : { ...fault.parts, details: more });
    const changed = policies.map((wanted) => difference(wanted, observed)).filter((one) => one !== undefined);
    if (changed.length === 0) return keep(policies.length === 0 ? 'the release has no pods' : `${policies.length} are as they should be`);
    const wider = changed.flatMap(({ widening }) => widening);
    const reason = observed.own.length === 0 ? 'the release is not isolated' : 'the flows, the chart or the policies changed';
    return {
      action: observed.own.length === 0 ? 'create' : 'update',
      reason: wider.length === 0 ? reason : `${reason}; this opens ${some(wider)}`,
      fields: changed.map(({ field }) => field),
      widens: wider.length > 0,
    };
  }

  permissions(): readonly Permission[] {
    const { connection, namespace } = this.blueprint.settings;
    return this.#kinds().flatMap((kind) => applyRights(connection, true, kind, namespace));
  }

  reads(): readonly Permission[] {
    const { connection, namespace } = this.blueprint.settings;
    return this.#kinds().flatMap((kind) => rights(connection, ['list'], kind, namespace));
  }

  async apply(_change: Change, known: NetworkPolicyInputs, writer: Writer): Promise<void> {
    const { connection } = this.blueprint.settings;
    const observed = await this.observe(strongReader, known);
    const { policies } = this.design(observed, known.network);
    for (const wanted of policies) {
      const change = difference(wanted, observed);
      if (change === undefined) continue;
      const { before, after } = change.field;
      const intent = { action: before === undefined ? 'create' : 'update', object: pathOf(refOf(wanted)), ...(before === undefined ? {} : { before }), after, widens: change.widening.length > 0 };
      await writer.write(intent, () => connection.apply(wanted, { force: true }));
      this.takeBack?.changes({ connection, ref: refOf(wanted), before: observed.own.find((own) => isSame(own, wanted)) });
    }
  }

  /** What the release's policies should be, for what was found. */
  design({ chart: { pods }, own }: NetworkPolicyState, network: NetworkFacts): PolicyDesign {
    const { connection, namespace, release, serviceAccount } = this.blueprint.settings;
    const { policies, faults } = designPolicies(this.isolation, { pods, release, namespace, serviceAccount, cluster: connection.label }, network);
    return { policies: policies.map((policy) => withMarkOf(own, policy)), faults };
  }

  /** Policies of others that have the names of ours. */
  #taken(policies: readonly ClusterObject[], { others }: NetworkPolicyState): Problem[] {
    return policies.flatMap((wanted) => (others.some((other) => isSame(other, wanted)) ? [new Problem(this.#foreign(refOf(wanted)))] : []));
  }

  #foreign(ref: ObjectRef): ProblemParts {
    const { release } = this.blueprint.settings;
    return {
      code: 'WI4407',
      what: `${nameOf(ref)} on ${this.cluster} exists and was not made for release ${release}`,
      tried: 'isolate the release',
      because: `its label ${policyLabels.release} does not name the release`,
      remedy: 'delete it, or give it another name',
    };
  }

  #namesHosts(): boolean {
    return this.isolation.egress.some(({ kind }) => kind === 'host');
  }

  #kinds(): readonly { readonly apiVersion: string; readonly kind: string }[] {
    return this.#namesHosts() ? [kinds.networkPolicy, kinds.ciliumNetworkPolicy] : [kinds.networkPolicy];
  }
}

/** One policy that has to be written. */
interface Difference {
  readonly field: FieldChange & { readonly after: string };
  /** What gets through after it, and did not before. */
  readonly widening: readonly string[];
}

/** What writing a policy would change; undefined when it is as it should be. */
function difference(wanted: ClusterObject, observed: NetworkPolicyState): Difference | undefined {
  const found = observed.own.find((own) => isSame(own, wanted));
  if (found !== undefined && isAsWanted(found, wanted)) return undefined;
  const [before, after] = [found === undefined ? undefined : allowances(found), allowances(wanted)];
  const field = { field: nameOf(refOf(wanted)), ...(before === undefined ? {} : { before: told(before) }), after: told(after) };
  return { field, widening: widening(wanted, found, observed) };
}

/**
 * What a policy lets through that did not get through before. Pods that no policy selects can reach everything, so that a new policy only narrows, unless
 * others isolate its pods already, or it opens the Internet, which is always told.
 */
function widening(wanted: ClusterObject, found: ClusterObject | undefined, { others, own, chart }: NetworkPolicyState): string[] {
  const allowed = allowances(wanted);
  if (found !== undefined) {
    const moved = JSON.stringify(selectedBy(found)) === JSON.stringify(selectedBy(wanted)) ? [] : [`pods that ${metadataOf(found).name} isolated`];
    const before = new Set(allowances(found));
    return [...moved, ...allowed.filter((one) => !before.has(one))];
  }
  const pods = chart.pods.filter(({ labels }) => selects(selectedBy(wanted), labels));
  const isolating = [...others, ...own].filter((other) => pods.some(({ labels }) => selects(selectedBy(other), labels)));
  const closed = { in: isolating.some((policy) => closes(policy, 'Ingress')), out: isolating.some((policy) => closes(policy, 'Egress')) };
  const before = new Set(isolating.flatMap(allowances));
  return allowed.filter((one) => isInternet(one) || (!before.has(one) && (one.startsWith('in ') ? closed.in : closed.out)));
}

/** The pods that a policy is for. */
export function selectedBy({ spec }: ClusterObject): ReturnType<typeof selectorOf> {
  const { podSelector, endpointSelector } = object(spec);
  return selectorOf(object(podSelector ?? endpointSelector));
}

/** Source: Kubernetes API reference, NetworkPolicySpec: without types ingress always, egress where there are rules for it. */
function closes({ kind, spec }: ClusterObject, type: 'Ingress' | 'Egress'): boolean {
  const { policyTypes, ingress, egress } = object(spec);
  if (kind === kinds.ciliumNetworkPolicy.kind) return (type === 'Ingress' ? ingress : egress) !== undefined;
  return policyTypes === undefined ? type === 'Ingress' || objects(egress).length > 0 : texts(policyTypes).includes(type);
}

/** The mark that there was a Cilium policy beside it stays: without it nobody would look for one that a killed run left. */
function withMarkOf(own: readonly ClusterObject[], wanted: ClusterObject): ClusterObject {
  const found = own.find((one) => isSame(one, wanted));
  if (found === undefined || metadataOf(found).labels[policyLabels.beside] !== 'true') return wanted;
  return { ...wanted, metadata: { ...wanted.metadata, labels: { ...metadataOf(wanted).labels, [policyLabels.beside]: 'true' } } };
}

function isSame(one: ClusterObject, other: ClusterObject): boolean {
  return one.kind === other.kind && metadataOf(one).name === metadataOf(other).name;
}

/** Allowances as one text. */
export function told(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'nothing in, nothing out' : allowed.join('; ');
}
