import { some } from '../fleet/wording.js';
import type { Access } from '../reconcile/access.js';
import { strongReader } from '../reconcile/plan.js';
import { unknown, type Known, type Refs } from '../reconcile/ref.js';
import { keep, writes, type Change, type Permission, type Reader, type Resource, type Writer, type WritingChange } from '../reconcile/resource.js';
import { kinds } from './objects.js';
import { rights, rolloutRights } from './permissions.js';
import type { ReleaseInputs, DeploymentSettings } from './release-blueprint.js';
import { restartable, WorkloadRestart } from './workload-restart.js';
import { ofHelm } from './workloads.js';

/** What a restart of a release is made from. */
export interface ReleaseRestartInputs extends ReleaseInputs {
  /** Revision of the release, so that it comes first, and its pods are looked at anew after it. */
  readonly revision: number;
}

/** The workloads of a release whose pods were started without the identity. */
export interface ReleaseRestartState {
  readonly stale: readonly { readonly restart: WorkloadRestart; readonly change: WritingChange }[];
}

/**
 * The restart of what a release has running from before the webhook was there, or before its service account carried the identity: Helm leaves such pods alone, since
 * their template is as it should be. Each is restarted once in a run, and its new pods are looked at.
 */
export class ReleaseRestart implements Resource<ReleaseRestartInputs, ReleaseRestartState> {
  readonly key: string;
  readonly kind = 'rollout restart';
  readonly name: string;
  readonly cluster: string;

  /** @param accesses who writes into the cluster, and which identity the new pods act as */
  constructor(
    private readonly settings: Pick<DeploymentSettings, 'connection' | 'clock' | 'namespace' | 'release' | 'serviceAccount' | 'belonging'>,
    readonly inputs: Refs<ReleaseRestartInputs>,
    readonly accesses: readonly Access[],
  ) {
    const { connection, namespace, release } = settings;
    this.name = `${namespace}/${release}`;
    this.key = `${connection.clusterId} rollout restart of ${this.name}`;
    this.cluster = connection.label;
  }

  async observe(reader: Reader, known: Known<ReleaseRestartInputs>): Promise<ReleaseRestartState> {
    const { connection, clock, namespace, release, serviceAccount: name, belonging = ofHelm(namespace, release) } = this.settings;
    // What helm has not made yet has no pods, and what it is about to change gets new ones as a rule: looked at after it.
    if (known.namespace === unknown || known.revision === unknown) return { stale: [] };
    const account = { namespace, name };
    const found = await restartable(connection, account, (one) => belonging.owns(one));
    const looked = found.map(async (one) => {
      const restart = new WorkloadRestart(connection, clock, one, account, this.inputs, [], this.accesses);
      const change = restart.plan(await restart.observe(reader, known), known);
      return writes(change) ? [{ restart, change }] : [];
    });
    return { stale: (await Promise.all(looked)).flat() };
  }

  plan(observed: ReleaseRestartState | undefined): Change {
    const stale = observed?.stale ?? [];
    const [first] = stale;
    if (first === undefined) return keep('its pods have the identity');
    return { action: 'update', reason: some(stale.map(({ restart, change }) => `${restart.name}: ${change.reason}`), 3, '; '), fields: first.change.fields, widens: false };
  }

  permissions(): readonly Permission[] {
    const { connection, namespace } = this.settings;
    const restarted = [kinds.deployment, kinds.statefulSet, kinds.daemonSet].flatMap((kind) => rights(connection, ['get', 'patch'], kind, namespace));
    return [...restarted, ...rolloutRights(connection, namespace)];
  }

  async apply(_change: Change, known: ReleaseRestartInputs, writer: Writer): Promise<void> {
    const { stale } = await this.observe(strongReader, known);
    for (const { restart, change } of stale) await restart.apply(change, known, writer);
  }
}
