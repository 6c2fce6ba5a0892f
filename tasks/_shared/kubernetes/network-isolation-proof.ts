import { selects } from '../fleet/label-selector.js';
import { many, some } from '../fleet/wording.js';
import { Problem, type ProblemParts } from '../reconcile/problem.js';
import type { Evidence, Proof } from '../reconcile/proof.js';
import { output, type Refs } from '../reconcile/ref.js';
import { onHostNetwork } from './network-isolation.js';
import { selectedBy, type NetworkPolicies, type NetworkPolicyState } from './network-policies.js';
import { allowances } from './network-policy.js';
import { metadataOf } from './objects.js';

interface IsolationProofInputs {
  readonly found: NetworkPolicyState;
}

/**
 * Says what isolates a release, and what lets more through than its flows say: policies add up, so that one of somebody else opens what ours close.
 * Source: Kubernetes docs, network policies.
 */
export class NetworkIsolationProof implements Proof<IsolationProofInputs> {
  readonly key: string;
  readonly title: string;
  readonly cluster: string;
  readonly proves: readonly string[];
  readonly inputs: Refs<IsolationProofInputs>;

  constructor(policies: NetworkPolicies) {
    this.key = `isolation by ${policies.key}`;
    this.title = `${policies.name} isolation`;
    this.cluster = policies.cluster;
    this.proves = [policies.key];
    this.inputs = { found: output(policies, (state) => state) };
  }

  run({ found }: IsolationProofInputs): Promise<Evidence> {
    const summary = `${found.own.length === 1 ? '1 policy' : `${found.own.length} policies`} read back for ${many(found.chart.pods.length, 'pod template')}`;
    const short = [...this.#opened(found), ...this.#onNodes(found)];
    const [first, ...more] = short;
    if (first === undefined) return Promise.resolve({ level: 'observed', summary });
    return Promise.resolve({ level: 'observed', summary, shortfall: more.length === 0 ? first : { ...first, details: more.map((part) => new Problem(part)) } });
  }

  #opened({ own, others, chart }: NetworkPolicyState): ProblemParts[] {
    const listed = new Set(own.flatMap(allowances));
    const opening = others.flatMap((policy) => {
      if (!chart.pods.some(({ labels }) => selects(selectedBy(policy), labels))) return [];
      const more = allowances(policy).filter((one) => !listed.has(one));
      return more.length === 0 ? [] : [`network policy ${metadataOf(policy).name} lets through: ${some(more, 3, '; ')}`];
    });
    if (opening.length === 0) return [];
    return [{
      code: 'WI4408',
      what: `Release ${this.title.split(' ')[0] ?? ''} on ${this.cluster} can connect beyond its flows`,
      because: `policies add up, and others than this project’s select its pods: ${some(opening, 3, '; ')}`,
      remedy: 'take these policies out of the chart or the namespace, or list what they allow in allowedFlows',
    }];
  }

  #onNodes({ chart }: NetworkPolicyState): ProblemParts[] {
    const pods = onHostNetwork(chart.pods);
    if (pods.length === 0) return [];
    return [{
      code: 'WI4409',
      what: `Some pods of release ${this.title.split(' ')[0] ?? ''} on ${this.cluster} are not isolated`,
      because: `${some(pods)} share the network of their node (hostNetwork), where policies do not reach`,
      remedy: 'run them without hostNetwork; where they need it, limit them by the node’s own network security group',
    }];
  }
}
