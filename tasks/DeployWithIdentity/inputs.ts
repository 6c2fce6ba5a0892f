import { readBoundaryPolicy, type GivenPolicy } from '../_shared/agent/boundary-input.js';
import type { ClusterReach } from '../_shared/agent/cluster-connections.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import type { OtherConnections } from '../_shared/agent/shared-inputs.js';
import { readWorkload } from '../_shared/agent/workload-inputs.js';
import type { WorkloadInputs } from '../_shared/fleet/workload.js';
import { readReach } from './connection-inputs.js';
import { readCredentials, type CredentialInputs } from './credential-inputs.js';
import { identityModes, type IdentityMode } from '../_shared/kubernetes/chart.js';
import { readChecks, type CheckInputs } from './check-inputs.js';
import { readNamespaceInputs, type NamespaceInputs } from './namespace-inputs.js';
import { readNetwork, type NetworkInputs } from './network-inputs.js';
import { readProof, readProveFrom, type ProofInputs } from './proof-inputs.js';
import { readSource, type SourceInputs } from './source-inputs.js';
import { readVault, type VaultInputs } from './vault-inputs.js';

/** The inputs that DeployWithIdentity has besides the shared ones. */
export interface Inputs extends WorkloadInputs, CheckInputs, NamespaceInputs, NetworkInputs, ProofInputs {
  readonly boundaries: GivenPolicy;
  /** What is deployed. */
  readonly source: SourceInputs;
  readonly releaseName: string;
  readonly identityMode: IdentityMode;
  readonly reach: ClusterReach;
  /** Lifetime of the tokens that the webhook asks for, in seconds; absent: as the service account says. */
  readonly tokenSeconds?: number;
  /** What containers get from key vaults; absent: nothing. */
  readonly vault?: VaultInputs;
  /** Registry credentials that the pods leave behind; absent: none. */
  readonly credentials?: CredentialInputs;
  /** Whether a release whose upgrade fails is taken back to what ran before. */
  readonly atomic: boolean;
  /** For Helm and the rollout, each. Milliseconds. */
  readonly timeoutMs: number;
}

/** Source: helm pkg/chartutil/validate_name.go. */
const releaseName = /^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$/;
const minute = 60_000;

/** Reads the inputs of DeployWithIdentity. */
export function readInputs(inputs: InputReader, shared: SharedInputs, connections: OtherConnections): Inputs {
  const workload = readWorkload(inputs, shared.clusters);
  const boundaries = readBoundaryPolicy(inputs);
  const identity = readIdentityMode(inputs);
  const source = readSource(inputs, workload.accounts[0]?.namespace ?? '', shared);
  const proveFrom = readProveFrom(inputs);
  const mounted = readVault(inputs, shared, workload, { mode: identity.identityMode, proveFrom }, connections);
  return {
    ...workload,
    boundaries,
    source,
    releaseName: inputs.matching('releaseName', releaseName, 'lower-case letters, digits and hyphens, at most 53, beginning and ending with a letter or digit'),
    ...identity,
    ...mounted,
    ...readProof(inputs, shared, workload, { proveFrom, ...mounted }),
    ...readCredentials(inputs, { mode: identity.identityMode, proveFrom }),
    ...readNetwork(inputs, shared),
    ...readChecks(inputs, source.kind === 'helm' ? source.chartSource : source.kind),
    ...readNamespaceInputs(inputs),
    reach: readReach(inputs),
    atomic: inputs.boolean('atomic', true),
    timeoutMs: inputs.integer('timeoutInMinutes', { min: 1, max: 240, fallback: 10 }) * minute,
  };
}

/** Source of the bounds: azure-workload-identity docs, annotations. */
const tokenBounds = { min: 3_600, max: 86_400 };

function readIdentityMode(inputs: InputReader): Pick<Inputs, 'identityMode' | 'tokenSeconds'> {
  const identityMode = inputs.choice('identityMode', identityModes, 'inject');
  const tokenSeconds = inputs.integer('tokenExpirationSeconds', { ...tokenBounds, fallback: 0 });
  if (tokenSeconds === 0) return { identityMode };
  if (identityMode === 'verify') inputs.contradiction('tokenExpirationSeconds', `is "${tokenSeconds}"`, 'input identityMode is verify, so that nothing is put into the chart', 'let the chart say it, or set identityMode to inject');
  return { identityMode, tokenSeconds };
}
