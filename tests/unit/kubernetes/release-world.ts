import type { ChartSettings, IdentityMode } from '../../../tasks/_shared/kubernetes/chart.js';
import { HelmRelease } from '../../../tasks/_shared/kubernetes/helm-release.js';
import { Namespace } from '../../../tasks/_shared/kubernetes/namespace.js';
import type { NamedCredential } from '../../../tasks/_shared/kubernetes/named-credentials.js';
import { ReleaseBlueprint } from '../../../tasks/_shared/kubernetes/release-blueprint.js';
import { RolloutProof } from '../../../tasks/_shared/kubernetes/rollout-proof.js';
import type { SendPolicy } from '../../../tasks/_shared/kubernetes/send-checks.js';
import type { VaultSecrets } from '../../../tasks/_shared/kubernetes/vault-secrets.js';
import { ServiceAccountAdoption } from '../../../tasks/_shared/kubernetes/service-account-adoption.js';
import { output, value } from '../../../tasks/_shared/reconcile/ref.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { clientId, tenantId, type ClusterSession } from './cluster-world.js';
import { strictPolicy } from './send-policies.js';

/** What to deploy for service account api, and how. */
export interface ReleaseWish {
  readonly helmPath: string;
  readonly chart: ChartSettings;
  readonly release: string;
  /** Default: orders. */
  readonly namespace?: string;
  /** Default: {@link clientId}. */
  readonly clientId?: string;
  /** Default: a minute. */
  readonly timeoutMs?: number;
  /** Default: inject. */
  readonly identityMode?: IdentityMode;
  /** Default: true, as the task's. */
  readonly atomic?: boolean;
  readonly historyLimit?: number;
  readonly alwaysUpgrade?: boolean;
  /** Default: none. */
  readonly vaultSecrets?: VaultSecrets;
  /** Default: none. */
  readonly without?: readonly NamedCredential[];
  readonly dryRun?: boolean;
  /** Default: {@link strictPolicy}. */
  readonly policy?: SendPolicy;
}

/** What a deployment came to. */
export interface ReleaseRun {
  readonly result: RunResult;
  readonly release: HelmRelease;
  readonly adoption: ServiceAccountAdoption;
}

/** Deploys as DeployWithIdentity does: the namespace, the service account's adoption, the release, and the proof by its pods. */
export async function deployRelease(world: ClusterSession, { clientId: id = clientId, namespace: place = 'orders', timeoutMs = 60_000, identityMode = 'inject', atomic = true, dryRun = false, policy = strictPolicy, ...wish }: ReleaseWish): Promise<ReleaseRun> {
  const { connection, clock, abort } = world;
  const settings = { connection, clock, signal: abort.signal, namespace: place, serviceAccount: 'api', timeoutMs, identityMode, atomic, policy, ...wish };
  const namespace = new Namespace(connection, place);
  const refs = { namespace: output(namespace, (state) => state.name), clientId: value(id), tenantId: value(tenantId) };
  const blueprint = new ReleaseBlueprint(settings);
  const adoption = new ServiceAccountAdoption(blueprint, refs);
  const release = new HelmRelease(blueprint, { ...refs, serviceAccount: output(adoption, (state) => state.name) }, []);
  const resources = [namespace, adoption, release];
  const result = await world.run(resources, [new RolloutProof(settings, refs, resources.map(({ key }) => key))], dryRun);
  return { result, release, adoption };
}

/** What a run came to, for the message of an assertion that it succeeded. */
export function told({ plan, applied, proofs }: RunResult): string {
  return JSON.stringify({ plan: plan.map(({ change }) => change), applied: applied.map(({ outcome }) => outcome), proofs: proofs.map(({ outcome }) => outcome) });
}
