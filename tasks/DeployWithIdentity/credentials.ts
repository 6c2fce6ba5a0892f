import { CredentialRemoval, DeploymentBefore, type RemovalInputs, type RemovalProof } from '../_shared/kubernetes/credential-removal.js';
import type { DeploymentSettings } from '../_shared/kubernetes/release-blueprint.js';
import { ReleaseRestart } from '../_shared/kubernetes/release-restart.js';
import { strongReader } from '../_shared/reconcile/plan.js';
import { output } from '../_shared/reconcile/ref.js';
import { writes, type Permission, type Writer } from '../_shared/reconcile/resource.js';
import type { CredentialInputs } from './credential-inputs.js';
import { deploymentProof, type DeploymentProof, type DeploymentProofInputs, type Proven } from './proof.js';
import { blueprintOf, deployable, type Deployable, type DeployableParts, type Source } from './sources.js';

/** What a deployment says of the credentials that come back where they were taken out. */
export function returningOf(credentials: CredentialInputs | undefined): Pick<DeploymentSettings, 'returning'> {
  return credentials === undefined ? {} : { returning: credentials.named };
}

/** What the removal of credentials is made from, beside the deployment that has them. */
export interface RemovalParts extends DeployableParts {
  readonly credentials: CredentialInputs | undefined;
  readonly source: Source;
  /** Of the cluster. */
  readonly label: string;
  /** Of the deployment that has them. */
  readonly settings: DeploymentSettings;
  /** What the deployment is proven with before they go. */
  readonly proven: Omit<Proven, 'proves'>;
}

/** The deployment; and after it the one without the named credentials, where they are to go. */
export function leavingCredentials(deployed: Deployable, parts: RemovalParts): Deployable {
  const { credentials, source, label, settings, proven, refs, accesses } = parts;
  if (credentials === undefined || credentials.registryAuth === 'admin-user') return deployed;
  const { named } = credentials;
  const then = deployable(blueprintOf(source, label, { ...settings, without: named }), parts);
  const before = new DeploymentBefore(deployed.release, named);
  const restart = new ReleaseRestart(proven.settings, { ...refs, revision: output(before, ({ revision }) => revision?.number) }, accesses);
  const proof = new ProofBefore(restart, deploymentProof({ ...proven, proves: [] }));
  const removal = new CredentialRemoval(before, then.release, named, proof, { identity: proven.refs.identity });
  return { release: removal, resources: [...deployed.resources.filter((one) => one !== deployed.release), before, removal] };
}

type LeavingInputs = RemovalInputs & DeploymentProofInputs;

/** The usual proof of a deployment, made while it has its credentials still. What was started without the identity is restarted first, as it is after every deployment. */
class ProofBefore implements RemovalProof<LeavingInputs> {
  constructor(
    private readonly restart: ReleaseRestart,
    private readonly proof: DeploymentProof,
  ) {}

  permissions(): readonly Permission[] {
    return [...this.restart.permissions(), ...this.proof.permissions()];
  }

  async run(known: LeavingInputs, writer: Writer): Promise<void> {
    const change = this.restart.plan(await this.restart.observe(strongReader, known));
    if (writes(change)) await this.restart.apply(change, known, writer);
    await this.proof.run(known, { signal: writer.signal, fresh: true, progress: (text) => writer.progress(text), write: (intent, send, finishing) => writer.write(intent, send, finishing) });
  }
}
