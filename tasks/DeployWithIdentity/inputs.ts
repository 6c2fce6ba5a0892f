import { parseDocument } from 'yaml';
import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { readWorkload } from '../_shared/agent/workload-inputs.js';
import type { WorkloadInputs } from '../_shared/fleet/workload.js';

/** The inputs that DeployWithIdentity has besides the shared ones. */
export interface Inputs extends WorkloadInputs {
  /** Folder of the chart. */
  readonly chart: string;
  readonly releaseName: string;
  /** Paths, later ones win. */
  readonly valuesFiles: readonly string[];
  /** YAML by cluster label; empty for none. Wins over the files. */
  readonly values: ReadonlyMap<string, string>;
  /** For Helm and the rollout, each. Milliseconds. */
  readonly timeoutMs: number;
  /** `helm`, or the path of the executable. */
  readonly helmPath: string;
}

/** Source: helm pkg/chartutil/validate_name.go. */
const releaseName = /^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$/;
const minute = 60_000;

/** Reads the inputs of DeployWithIdentity. */
export function readInputs(inputs: InputReader, shared: SharedInputs): Inputs {
  const workload = readWorkload(inputs, shared.clusters);
  const chart = inputs.text('chart');
  const release = inputs.matching('releaseName', releaseName, 'lower-case letters, digits and hyphens, at most 53, beginning and ending with a letter or digit');
  const common = checked(inputs, inputs.verbatim('values') ?? '');
  const values = shared.clusters.map(({ label, overrides }) => [label, overrides.values === undefined ? common : checked(inputs, overrides.values)] as const);
  return {
    ...workload,
    chart,
    releaseName: release,
    valuesFiles: inputs.lines('valuesFiles'),
    values: new Map(values),
    timeoutMs: inputs.integer('timeoutInMinutes', { min: 1, max: 240, fallback: 10 }) * minute,
    helmPath: inputs.optionalText('helmPath') ?? 'helm',
  };
}

/** Values may be confidential, so a mistake in them is located and not repeated. */
function checked(inputs: InputReader, values: string): string {
  const document = parseDocument(values, { logLevel: 'silent', prettyErrors: false });
  const [mistake] = document.errors;
  const content: unknown = mistake === undefined ? document.toJS() : undefined;
  const isMapping = content === null || (typeof content === 'object' && !Array.isArray(content));
  if (mistake !== undefined) inputs.refuse('values', `(${values.length} characters)`, `YAML; the mistake ${mistake.code} is at character ${mistake.pos[0]}`);
  else if (!isMapping) inputs.refuse('values', `(${values.length} characters)`, 'a YAML mapping such as "replicaCount: 2"');
  return values;
}
