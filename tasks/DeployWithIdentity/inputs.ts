import { readBoundaryPolicy, type GivenPolicy } from '../_shared/agent/boundary-input.js';
import { programFlaw } from '../_shared/agent/input-files.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import type { OtherConnections } from '../_shared/agent/shared-inputs.js';
import { readWorkload } from '../_shared/agent/workload-inputs.js';
import type { WorkloadInputs } from '../_shared/fleet/workload.js';
import { identityModes, type IdentityMode } from '../_shared/kubernetes/chart.js';
import { mappingFlaw } from '../_shared/fleet/yaml-text.js';
import { readChart, type ChartInputs } from './chart-inputs.js';
import { readChecks, type CheckInputs } from './check-inputs.js';
import { readNamespaceInputs, type NamespaceInputs } from './namespace-inputs.js';
import { readNetwork, type NetworkInputs } from './network-inputs.js';
import { readVault, type VaultInputs } from './vault-inputs.js';

/** The inputs that DeployWithIdentity has besides the shared ones. */
export interface Inputs extends WorkloadInputs, ChartInputs, CheckInputs, NamespaceInputs, NetworkInputs {
  readonly boundaries: GivenPolicy;
  readonly releaseName: string;
  /** Paths, later ones win. */
  readonly valuesFiles: readonly string[];
  /** YAML by cluster label; empty for none. Wins over the files. */
  readonly values: ReadonlyMap<string, string>;
  readonly identityMode: IdentityMode;
  /** Lifetime of the tokens that the webhook asks for, in seconds; absent: as the service account says. */
  readonly tokenSeconds?: number;
  /** What containers get from key vaults; absent: nothing. */
  readonly vault?: VaultInputs;
  /** Whether a release whose upgrade fails is taken back to what ran before. */
  readonly atomic: boolean;
  /** For Helm and the rollout, each. Milliseconds. */
  readonly timeoutMs: number;
  /** `helm`, or the path of the executable. */
  readonly helmPath: string;
}

/** Source: helm pkg/chartutil/validate_name.go. */
const releaseName = /^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$/;
const minute = 60_000;

/** Reads the inputs of DeployWithIdentity. */
export function readInputs(inputs: InputReader, shared: SharedInputs, connections: OtherConnections): Inputs {
  const workload = readWorkload(inputs, shared.clusters);
  const boundaries = readBoundaryPolicy(inputs);
  const identity = readIdentityMode(inputs);
  return {
    ...workload,
    ...readChart(inputs),
    boundaries,
    releaseName: inputs.matching('releaseName', releaseName, 'lower-case letters, digits and hyphens, at most 53, beginning and ending with a letter or digit'),
    valuesFiles: readValuesFiles(inputs),
    values: readValues(inputs, shared),
    ...identity,
    ...readVault(inputs, shared, workload, identity.identityMode, connections),
    ...readNetwork(inputs, shared),
    ...readChecks(inputs),
    ...readNamespaceInputs(inputs),
    atomic: inputs.boolean('atomic', true),
    timeoutMs: inputs.integer('timeoutInMinutes', { min: 1, max: 240, fallback: 10 }) * minute,
    helmPath: readHelmPath(inputs),
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

function readValuesFiles(inputs: InputReader): readonly string[] {
  const files = inputs.files('valuesFiles');
  for (const [path, text] of files) {
    const flaw = mappingFlaw(text);
    if (flaw !== undefined) inputs.unusable('valuesFiles', path, { because: flaw, remedy: 'correct the file: a YAML mapping such as "replicaCount: 2"' });
  }
  return [...files.keys()];
}

/** Values may be confidential, so a mistake in them is located and not repeated. */
function readValues(inputs: InputReader, { clusters }: SharedInputs): ReadonlyMap<string, string> {
  const common = inputs.verbatim('values') ?? '';
  const check = (values: string, of?: string): void => {
    const flaw = mappingFlaw(values);
    if (flaw !== undefined) inputs.unfit('values', `has ${values.length} characters`, flaw, 'give a YAML mapping such as "replicaCount: 2"', of);
  };
  check(common);
  for (const { label, overrides } of clusters) {
    if (overrides.values !== undefined) check(overrides.values, label);
  }
  return new Map(clusters.map(({ label, overrides }) => [label, overrides.values ?? common]));
}

function readHelmPath(inputs: InputReader): string {
  const path = inputs.optionalText('helmPath') ?? 'helm';
  const flaw = programFlaw(path);
  if (flaw !== undefined) inputs.unusable('helmPath', path, flaw);
  return path;
}
