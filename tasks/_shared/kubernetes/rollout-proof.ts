import { Problem } from '../reconcile/problem.js';
import type { Evidence, Proof, ProofContext } from '../reconcile/proof.js';
import type { Refs } from '../reconcile/ref.js';
import type { Permission } from '../reconcile/resource.js';
import { assertWithout } from './credential-faults.js';
import { credentialText } from './named-credentials.js';
import { metadataOf } from './objects.js';
import { rolloutRights } from './permissions.js';
import { identityFaults } from './pod-identity.js';
import { isRunning } from './pod-health.js';
import type { DeploymentSettings, ReleaseInputs } from './release-blueprint.js';
import { restingEvidence } from './resting-release.js';
import { rolledOut } from './rollout-wait.js';
import { deploymentSite } from './rollout-watch.js';
import { causeOf, type FaultyPod } from './rollout-verdict.js';
import { assertMounted } from './vault-faults.js';
import { mountsOf } from './vault-secrets.js';
import type { PodGroup } from './workloads.js';

/**
 * Shows that every running pod of a release that runs as the service account has this identity: the workloads' rollouts are
 * waited for, then each container of each pod is looked at. Pods of the release that run as other accounts are counted only.
 * Where no pod is meant to run right now (jobs, cron jobs, zero replicas), the pod templates are looked at instead.
 */
export class RolloutProof implements Proof<ReleaseInputs> {
  readonly key: string;
  readonly title: string;
  readonly cluster: string;

  constructor(
    private readonly settings: Omit<DeploymentSettings, 'identityMode' | 'policy' | 'tokenSeconds' | 'atomic'>,
    readonly inputs: Refs<ReleaseInputs>,
    readonly proves: readonly string[],
  ) {
    const { connection, namespace, release } = settings;
    this.title = `${namespace}/${release}`;
    this.key = `${connection.clusterId} rollout of ${this.title}`;
    this.cluster = connection.label;
  }

  permissions(): readonly Permission[] {
    return rolloutRights(this.settings.connection, this.settings.namespace);
  }

  async run(known: ReleaseInputs, context: ProofContext): Promise<Evidence> {
    const groups = await rolledOut({ ...deploymentSite(this.settings, context.signal), timeoutMs: this.settings.timeoutMs, title: this.title }, (text) => context.progress(text));
    const ours = groups.filter(({ workload }) => workload.serviceAccount === this.settings.serviceAccount);
    const others = groups.filter((group) => !ours.includes(group)).flatMap(({ pods }) => pods.filter(isRunning)).length;
    const running = ours.flatMap(({ workload, pods }) => pods.filter(isRunning).map((pod) => ({ workload, pod })));
    if (running.length === 0) return this.#nothingRuns(ours, known);
    const faulty = running.flatMap(({ workload, pod }): FaultyPod[] => {
      const faults = identityFaults(pod, known);
      return faults.length === 0 ? [] : [{ pod: metadataOf(pod), workload, faults }];
    });
    if (faulty.length > 0) {
      const { connection, namespace, serviceAccount: name } = this.settings;
      throw await causeOf(connection, { namespace, name }, { title: this.title, cluster: this.cluster, checked: running.length }, faulty, known);
    }
    const { vaultSecrets, without = [] } = this.settings;
    const mounts = vaultSecrets === undefined ? undefined : mountsOf(this.settings.release, vaultSecrets, known);
    if (mounts !== undefined) assertMounted(this.title, this.cluster, running.map(({ pod }) => pod), mounts);
    if (without.length > 0) assertWithout(this.title, this.cluster, running.map(({ pod }) => pod), without);
    const aside = others === 0 ? '' : `; ${others} more of the release run as other service accounts`;
    const pods = `${running.length} of ${running.length} running pods`;
    return { level: 'observed', summary: `${pods} of ${this.title} have client id ${known.clientId} and a token file${mounts === undefined ? '' : `, and the secrets of key vault ${vaultSecrets?.vault ?? ''} are mounted`}${without.length === 0 ? '' : `, without ${without.map(credentialText).join(', ')}`}${aside}` };
  }

  /** Nothing running is right for jobs between two runs, and for what is scaled down to zero. */
  #nothingRuns(ours: readonly PodGroup[], known: ReleaseInputs): Promise<Evidence> {
    const wanting = ours.filter(({ workload }) => workload.rollout.wanted > 0);
    if (wanting.length === 0) return restingEvidence({ ...this.settings, scaledDown: ours.map(({ workload }) => workload) }, known);
    throw new Problem({
      code: 'WI4305',
      what: `No running pod of ${this.title} on ${this.cluster} shows the identity`,
      tried: 'look at every running pod of the release',
      because: `${wanting.map(({ workload }) => workload.title).join(', ')} has no running pod`,
      remedy: 'run again once its pods run: without one nothing can be proven',
    });
  }
}
