import { lowerFirst, some } from '../fleet/wording.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import type { Evidence, Proof, ProofContext } from '../reconcile/proof.js';
import type { Refs } from '../reconcile/ref.js';
import type { Permission } from '../reconcile/resource.js';
import { identityKeys, type ClusterConnection } from './connection.js';
import { isLabelled, otherClientIds, podsAs, restartTarget } from './identity-pods.js';
import { kinds, metadataOf, nameOf, type ClusterObject, type ObjectRef } from './objects.js';
import type { ExpectedIdentity } from './pod-identity.js';
import type { ServiceAccountName } from './service-account.js';

/** What the looking at pods reads from the applied resources. */
export interface RunningPodsInputs {
  readonly identity: ExpectedIdentity;
}

/**
 * A proof that a service account has its identity, with a look at the pods that run as it already: those that were started before go on
 * without it, or with the old one. They are told as a shortfall, since the proof shows what a new pod could do and they cannot.
 */
export class WithRunningPods<I extends RunningPodsInputs> implements Proof<I> {
  readonly key: string;
  readonly title: string;
  readonly proves: readonly string[];
  readonly inputs: Refs<I>;
  readonly cluster: string;

  constructor(
    private readonly inner: Proof<I>,
    private readonly connection: ClusterConnection,
    private readonly account: ServiceAccountName,
  ) {
    this.key = inner.key;
    this.title = inner.title;
    this.proves = inner.proves;
    this.inputs = inner.inputs;
    this.cluster = connection.label;
  }

  permissions(): readonly Permission[] {
    return this.inner.permissions?.() ?? [];
  }

  async run(known: I, context: ProofContext): Promise<Evidence> {
    const [evidence, seen] = await Promise.all([this.inner.run(known, context), this.#look(known.identity)]);
    if (seen === undefined) return evidence;
    if (typeof seen === 'string') return { ...evidence, summary: `${evidence.summary}; ${seen}` };
    const others = evidence.shortfall === undefined ? {} : { details: [new Problem(evidence.shortfall)] };
    return { ...evidence, summary: `${evidence.summary}; ${lowerFirst(seen.what)}`, shortfall: { ...seen, ...others } };
  }

  /** What is wrong with pods that run already, a remark where they cannot be seen, undefined when there is nothing to say. */
  async #look(expected: ExpectedIdentity): Promise<ProblemParts | string | undefined> {
    const { namespace } = this.account;
    const listed = await this.connection.list(kinds.pod, namespace).catch((error: unknown) => {
      if (error instanceof Problem && error.parts.status === 403) return undefined;
      throw error;
    });
    if (listed === undefined) return `pods that run already were not looked at: the connection may not list pods in ${namespace}`;
    const pods = podsAs(this.account, listed);
    const stale = pods.filter((pod) => isLabelled(pod) && otherClientIds(pod, expected).length > 0);
    if (stale.length > 0) return this.#stale(stale, expected);
    return this.#mislabelled(pods.filter((pod) => !isLabelled(pod)));
  }

  #stale(stale: readonly ClusterObject[], expected: ExpectedIdentity): ProblemParts {
    const ids = [...new Set(stale.flatMap((pod) => otherClientIds(pod, expected)))];
    const commands = [...new Set(stale.map((pod) => commandFor(pod, this.account.namespace)))];
    const name = `${this.account.namespace}/${this.account.name}`;
    return {
      code: 'WI4111',
      what: `${count(stale)} of service account ${name} on ${this.cluster} without this identity: ${some(stale.map((pod) => metadataOf(pod).name))}`,
      because: `pods get their identity when they are made, and these have AZURE_CLIENT_ID ${ids.join(', ')} instead of ${expected.clientId}`,
      remedy: `let restartWorkloads restart them, or do it yourself: ${some(commands, 5, '; ')}; what sets AZURE_CLIENT_ID itself has to stop that`,
    };
  }

  /** Pods without the label whose label is somewhere else, where nothing looks at it: on the service account, or on what makes the pods. */
  async #mislabelled(bare: readonly ClusterObject[]): Promise<ProblemParts | undefined> {
    if (bare.length === 0) return undefined;
    const makers = [...new Map(bare.flatMap((pod) => restartTarget(pod) ?? []).map((ref) => [nameOf(ref), ref])).values()].slice(0, 5);
    const places: ObjectRef[] = [{ ...kinds.serviceAccount, namespace: this.account.namespace, name: this.account.name }, ...makers];
    const objects = await Promise.all(places.map((ref) => this.connection.get(ref).catch(() => undefined)));
    const [wrong] = places.filter((_ref, index) => {
      const found = objects[index];
      return found !== undefined && metadataOf(found).labels[identityKeys.use] !== undefined;
    });
    if (wrong === undefined) return undefined;
    return {
      code: 'WI4112',
      what: `${count(bare)} of service account ${this.account.namespace}/${this.account.name} on ${this.cluster} without an identity: ${some(bare.map((pod) => metadataOf(pod).name))}`,
      because: `they lack the label ${identityKeys.use}: "true"; ${nameOf(wrong)} carries it, where nothing looks at it`,
      remedy: 'put the label on the pods: metadata.labels of the pod template (spec.template), and roll that out',
    };
  }
}

function count({ length }: readonly unknown[]): string {
  return length === 1 ? '1 pod runs' : `${length} pods run`;
}

function commandFor(pod: ClusterObject, namespace: string): string {
  const target = restartTarget(pod);
  if (target === undefined) return `kubectl delete pod ${metadataOf(pod).name} --namespace ${namespace}`;
  return `kubectl rollout restart ${target.kind.toLowerCase()} ${target.name} --namespace ${namespace}`;
}
