import { agentPools, type AgentPool } from '../_shared/azure/agent-pools.js';
import type { ClusterLookup } from '../_shared/azure/cluster-lookup.js';
import { CredentialRemoval, DeploymentBefore, type RemovalInputs, type RemovalProof } from '../_shared/kubernetes/credential-removal.js';
import type { ManifestBlueprint } from '../_shared/kubernetes/manifest-blueprint.js';
import { PullRehearsal } from '../_shared/kubernetes/pull-rehearsal.js';
import type { Blueprint, DeploymentSettings, ReleaseBlueprint } from '../_shared/kubernetes/release-blueprint.js';
import { ReleaseRestart } from '../_shared/kubernetes/release-restart.js';
import type { TakeBack } from '../_shared/kubernetes/take-back.js';
import { strongReader } from '../_shared/reconcile/plan.js';
import { output } from '../_shared/reconcile/ref.js';
import { writes, type Permission, type Writer } from '../_shared/reconcile/resource.js';
import type { CredentialInputs } from './credential-inputs.js';
import { deploymentProof, type DeploymentProof, type DeploymentProofInputs, type Proven } from './proof.js';
import { deployable, type Deployable, type DeployableParts } from './sources.js';

/** What a deployment says of the credentials that come back where they were taken out. */
export function returningOf(credentials: CredentialInputs | undefined): Pick<DeploymentSettings, 'returning'> {
  return credentials === undefined ? {} : { returning: credentials.named };
}

/** What the pods have to run without in the end. */
export function leftBehind(credentials: CredentialInputs | undefined): Pick<DeploymentSettings, 'without'> {
  return credentials === undefined || credentials.registryAuth === 'admin-user' ? {} : { without: credentials.named };
}

/** What the removal of credentials is made from, beside the deployment that has them. */
export interface RemovalParts extends DeployableParts {
  readonly credentials: CredentialInputs | undefined;
  /** Of the deployment that has them. */
  readonly blueprint: ReleaseBlueprint | ManifestBlueprint;
  /** What the deployment is proven with before they go. */
  readonly proven: Omit<Proven, 'proves'>;
  readonly cluster: ClusterLookup;
}

/** The deployment; and after it the one without the named credentials, where they are to go. */
export function leavingCredentials(deployed: Deployable, parts: RemovalParts): Deployable {
  const { credentials, blueprint, proven, cluster, refs, accesses, takeBack } = parts;
  if (credentials === undefined || credentials.registryAuth === 'admin-user') return deployed;
  const { named } = credentials;
  const lacking = blueprint.lacking(named);
  const then = deployable(lacking, parts);
  const before = new DeploymentBefore(deployed.release, named);
  const restart = new ReleaseRestart(proven.settings, { ...refs, revision: output(before, ({ revision }) => revision?.number) }, accesses);
  const proof = new ProofBefore(restart, deploymentProof({ ...proven, proves: [] }), takeBack, lacking, pullOf(credentials, blueprint.settings));
  const removal = new CredentialRemoval(before, then.release, named, proof, { identity: proven.refs.identity, pools: output(cluster, agentPools) });
  return { release: removal, resources: [...deployed.resources.filter((one) => one !== deployed.release), before, removal] };
}

type LeavingInputs = RemovalInputs & DeploymentProofInputs & { readonly pools: readonly AgentPool[] };

/** The pull that is rehearsed where images are to be pulled without a Secret; undefined where none goes. */
function pullOf({ named, pullImage }: CredentialInputs, { connection, clock, namespace, release, serviceAccount, timeoutMs }: DeploymentSettings): PullRehearsal | undefined {
  const without = named.flatMap(({ kind, name }) => (kind === 'imagePullSecret' ? [name] : []));
  if (pullImage === undefined || without.length === 0) return undefined;
  return new PullRehearsal({ connection, clock, namespace, release, serviceAccount, image: pullImage, without, timeoutMs });
}

/** The usual proof of a deployment, made while it has its credentials still, and the pull of images without them. What was started without the identity is restarted first, as it is after every deployment. */
class ProofBefore implements RemovalProof<LeavingInputs> {
  constructor(
    private readonly restart: ReleaseRestart,
    private readonly proof: DeploymentProof,
    private readonly takeBack: TakeBack,
    private readonly then: Blueprint,
    private readonly pull: PullRehearsal | undefined,
  ) {}

  permissions(): readonly Permission[] {
    return [...this.restart.permissions(), ...this.proof.permissions(), ...(this.pull?.permissions() ?? [])];
  }

  async run(known: LeavingInputs, writer: Writer): Promise<void> {
    const change = this.restart.plan(await this.restart.observe(strongReader, known));
    if (writes(change)) await this.restart.apply(change, known, writer);
    await this.proof.run(known, { signal: writer.signal, fresh: true, progress: (text) => writer.progress(text), write: (intent, send, finishing) => writer.write(intent, send, finishing) });
    this.takeBack.proven();
    if (this.pull === undefined) return;
    const { templates, accountLoses } = await this.then.inspect(known);
    await this.pull.run({ templates, accountLoses, pools: known.pools }, writer);
  }
}
