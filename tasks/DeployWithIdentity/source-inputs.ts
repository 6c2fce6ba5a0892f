import { programFlaw } from '../_shared/agent/input-files.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/planned-task.js';
import { mappingFlaw } from '../_shared/fleet/yaml-text.js';
import { readChart, type ChartInputs } from './chart-inputs.js';
import { readManifestInputs, type ManifestInputs } from './manifest-inputs.js';

/** A chart, with what only Helm knows. */
export interface HelmInputs extends ChartInputs {
  readonly kind: 'helm';
  /** Paths, later ones win. */
  readonly valuesFiles: readonly string[];
  /** YAML by cluster label; empty for none. Wins over the files. */
  readonly values: ReadonlyMap<string, string>;
  /** `helm`, or the path of the executable. */
  readonly helmPath: string;
}

/** What is deployed: a chart, or manifests. */
export type SourceInputs = HelmInputs | (ManifestInputs & { readonly kind: 'manifests' });

/** Reads what is deployed. @param namespace that it is deployed into */
export function readSource(inputs: InputReader, namespace: string, shared: SharedInputs): SourceInputs {
  const manifests = readManifestInputs(inputs, namespace, shared);
  if (manifests !== undefined) return { kind: 'manifests', ...manifests };
  return { kind: 'helm', ...readChart(inputs), valuesFiles: readValuesFiles(inputs), values: readValues(inputs, shared), helmPath: readHelmPath(inputs) };
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
