import { WorkloadProof, type WorkloadProofInputs } from '../_shared/agent/workload-proof.js';
import { apiVersions } from '../_shared/azure/api-versions.js';
import type { Azure } from '../_shared/azure/azure.js';
import type { Exchanged } from '../_shared/azure/token-exchange.js';
import { readVault } from '../_shared/azure/vault-state.js';
import type { ArmId } from '../_shared/fleet/arm-id.js';
import type { PlacedWorkload } from '../_shared/fleet/workload.js';
import type { ClusterConnection } from '../_shared/kubernetes/connection.js';
import { PodProof } from '../_shared/kubernetes/pod-proof.js';
import type { ReleaseInputs, DeploymentSettings } from '../_shared/kubernetes/release-blueprint.js';
import { RolloutProof } from '../_shared/kubernetes/rollout-proof.js';
import type { TakeBack } from '../_shared/kubernetes/take-back.js';
import { strongReader } from '../_shared/reconcile/plan.js';
import { cancelledCode, Problem, problemOf } from '../_shared/reconcile/problem.js';
import type { Evidence, Proof, ProofContext } from '../_shared/reconcile/proof.js';
import type { Refs } from '../_shared/reconcile/ref.js';
import type { Permission } from '../_shared/reconcile/resource.js';
import type { PodProofWish, ProofInputs } from './proof-inputs.js';

/** What the proof of a deployment reads from the applied resources. */
export interface DeploymentProofInputs extends ReleaseInputs, WorkloadProofInputs {}

/** One way to look at a deployment. */
export type Step = Pick<Proof<DeploymentProofInputs>, 'permissions' | 'run'>;

/**
 * The proof of a deployment: its pods first, then what they can do. What this run deployed is taken back where one of them finds that it does not work.
 */
export class DeploymentProof implements Proof<DeploymentProofInputs> {
  readonly key: string;

  /**
   * @param steps taken one after another; each tells what it saw
   * @param proves keys of the resources whose effect is proven
   */
  constructor(
    readonly title: string,
    readonly cluster: string,
    clusterId: string,
    private readonly steps: readonly Step[],
    private readonly takeBack: TakeBack,
    readonly inputs: Refs<DeploymentProofInputs>,
    readonly proves: readonly string[],
  ) {
    this.key = `${clusterId} deployment of ${title}`;
  }

  permissions(): readonly Permission[] {
    return this.steps.flatMap((step) => step.permissions?.() ?? []);
  }

  async run(known: DeploymentProofInputs, context: ProofContext): Promise<Evidence> {
    const found: Evidence[] = [];
    try {
      for (const step of this.steps) found.push(await step.run(known, context));
    } catch (error) {
      const problem = problemOf(error, context.signal, `prove ${this.title}`);
      throw context.signal.aborted || problem.code === cancelledCode ? problem : await this.takeBack.after(problem, context);
    }
    const level = found.some((one) => one.level === 'exercised') ? 'exercised' : 'observed';
    const shortfall = found.find((one) => one.shortfall !== undefined)?.shortfall;
    return { level, summary: found.map(({ summary }) => summary).join('; '), ...(shortfall === undefined ? {} : { shortfall }) };
  }
}

/** Exchanges a token of the service account at Entra for one of the identity, on the agent. */
export class TokenProof extends WorkloadProof<DeploymentProofInputs> {
  protected audience(): string {
    return this.parts.azure.cloud.resourceManagerAudience;
  }

  protected use(_known: DeploymentProofInputs, { afterMs }: Exchanged): Promise<Evidence> {
    return Promise.resolve({ level: 'exercised', summary: `token after ${(afterMs / 1000).toFixed(1)} s` });
  }
}

/** What one deployment is proven with. */
export interface Proven {
  readonly azure: Azure;
  /** Azure as the connection sees it that the vaults are looked up with. */
  readonly vaults: Azure;
  readonly connection: ClusterConnection;
  readonly workload: PlacedWorkload;
  readonly settings: DeploymentSettings;
  readonly inputs: ProofInputs;
  readonly takeBack: TakeBack;
  readonly refs: Refs<DeploymentProofInputs>;
  /** Keys of the resources that are proven. */
  readonly proves: readonly string[];
}

/** The proof of one deployment: its pods, and then what they can do, where that is wanted. */
export function deploymentProof(proven: Proven): DeploymentProof {
  const { azure, connection, workload, settings, inputs: { proveFrom, podProof }, takeBack, refs, proves } = proven;
  const pods = new RolloutProof(settings, refs, proves);
  const token = new TokenProof('deployment', { azure, connection, workload, proves, inputs: refs, deadlineMs: settings.timeoutMs, proveFrom: 'agent' });
  const steps = { none: [pods], agent: [pods, token], pod: [pods, ...(podProof === undefined ? [] : [insideProof(proven, podProof)])] }[proveFrom];
  return new DeploymentProof(pods.title, connection.label, connection.clusterId, steps, takeBack, refs, proves);
}

/** Lets a pod of the cluster exchange its token, and read what it has to be able to read. */
function insideProof({ azure, vaults, connection, workload, settings }: Proven, { image, secrets }: PodProofWish): Step {
  const { clock, namespace, release, serviceAccount, timeoutMs, belonging } = settings;
  const readable = secrets.get(workload.label);
  const audience = readable === undefined ? azure.cloud.resourceManagerAudience : azure.cloud.keyVaultAudience;
  const proof = new PodProof({ connection, clock, namespace, release, serviceAccount, timeoutMs, image, scope: `${audience.replace(/\/$/, '')}/.default`, secrets: readable?.names ?? [], ...(belonging === undefined ? {} : { belonging }) });
  return {
    permissions: () => proof.permissions(),
    run: async ({ clientId, tenantId }, context) => proof.run({ clientId, tenantId, vault: readable === undefined ? null : await vaultAddress(vaults, readable.vault) }, context),
  };
}

async function vaultAddress(azure: Azure, place: ArmId): Promise<{ readonly uri: string; readonly apiVersion: string }> {
  const found = await readVault(azure, strongReader, place);
  if (found !== undefined) return { uri: found.uri, apiVersion: apiVersions.secrets };
  throw new Problem({ code: 'WI2401', what: `Key vault ${place.name} was not found`, tried: `read ${place.id}`, because: 'there is no such resource', remedy: 'correct the input keyVault: an ARM id, or resourceGroup/name in the connection’s subscription' });
}
