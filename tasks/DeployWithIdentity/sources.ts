import type { Access } from '../_shared/reconcile/access.js';
import type { Deployer } from '../_shared/kubernetes/credential-removal.js';
import { HelmRelease } from '../_shared/kubernetes/helm-release.js';
import { ManifestBlueprint } from '../_shared/kubernetes/manifest-blueprint.js';
import { ManifestSet } from '../_shared/kubernetes/manifest-set.js';
import { ReleaseBlueprint, type DeploymentSettings, type ReleaseInputs } from '../_shared/kubernetes/release-blueprint.js';
import { ServiceAccountAdoption } from '../_shared/kubernetes/service-account-adoption.js';
import type { TakeBack } from '../_shared/kubernetes/take-back.js';
import { output, type Refs } from '../_shared/reconcile/ref.js';
import type { AnyResource } from '../_shared/reconcile/resource.js';
import type { HelmInputs, SourceInputs } from './source-inputs.js';

/** What is deployed on one cluster: a chart, or manifests. */
export interface Deployable {
  /** What has a revision: the Helm release, or the manifest set. */
  readonly release: Deployer;
  /** In an order in which they can be done. */
  readonly resources: readonly AnyResource[];
}

/** What is deployed, with the chart on this machine. */
export type Source = Extract<SourceInputs, { readonly kind: 'manifests' }> | (HelmInputs & { readonly folder: string });

/** What is going to be deployed on one cluster. @param label of the cluster */
export function blueprintOf(source: Source, label: string, settings: DeploymentSettings): ReleaseBlueprint | ManifestBlueprint {
  if (source.kind === 'manifests') return new ManifestBlueprint({ ...settings, manifests: source.objects, overwrite: source.overwrite });
  const { folder, chartSource, set, secretValues, valuesFiles, values, helmPath, historyLimit, alwaysUpgrade } = source;
  const given = { ...(set === undefined ? {} : { set }), ...(secretValues === undefined ? {} : { secretValues }) };
  const chart = { folder, source: chartSource, ...given, valuesFiles, values: values.get(label) ?? '' };
  return new ReleaseBlueprint({ ...settings, helmPath, chart, historyLimit, alwaysUpgrade });
}

/** What a deployment is beside. */
export interface DeployableParts {
  readonly refs: Refs<ReleaseInputs>;
  readonly accesses: readonly Access[];
  /** Keys of what has to be there before its pods start. */
  readonly after: readonly string[];
  readonly takeBack: TakeBack;
}

/** The resources that deploy it. */
export function deployable(blueprint: ReleaseBlueprint | ManifestBlueprint, { refs, accesses, after, takeBack }: DeployableParts): Deployable {
  if (blueprint instanceof ManifestBlueprint) {
    const release = new ManifestSet(blueprint, refs, accesses, after, takeBack);
    return { release, resources: [release] };
  }
  const adoption = new ServiceAccountAdoption(blueprint, refs);
  const release = new HelmRelease(blueprint, { ...refs, serviceAccount: output(adoption, (state) => state.name) }, accesses, after, takeBack);
  return { release, resources: [adoption, release] };
}
