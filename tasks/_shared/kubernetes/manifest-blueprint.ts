import { object } from '../fleet/json.js';
import type { Known } from '../reconcile/ref.js';
import { parseManifests } from './chart.js';
import { ownKeys } from './connection.js';
import { injectIdentity } from './identity-injection.js';
import { idOf } from './manifests.js';
import type { NamedCredential } from './named-credentials.js';
import { kinds, metadataOf, type ClusterObject, type ObjectRef } from './objects.js';
import { podTemplatePath } from './pod-templates.js';
import { identityOf, placeholder, type Blueprint, withRefusals, type DeploymentSettings, type ReleaseInputs } from './release-blueprint.js';
import { inspectRendering, type RenderedChart } from './rendered-chart.js';
import { placeKinds, type PlacedKinds } from './set-kinds.js';
import { digestOf, type SetObject } from './set-record.js';
import type { Belonging } from './workloads.js';

/** What is known of a manifest set from the start. */
export interface ManifestSettings extends DeploymentSettings {
  /** As they were read. */
  readonly manifests: readonly ClusterObject[];
  /** Whether fields that other managers own with another value are taken over. */
  readonly overwrite: boolean;
}

/** A set as it would be sent. */
export interface BuiltSet {
  readonly objects: readonly SetObject[];
  readonly placed: PlacedKinds;
}

/** What the objects of a set are known by in the cluster. */
export function ofSet(set: string): Belonging {
  return { labelSelector: `${ownKeys.set}=${set}`, owns: () => true };
}

/** Manifests with an identity, shared by the resources that look at them. */
export class ManifestBlueprint implements Blueprint {
  readonly settings: ManifestSettings & { readonly belonging: Belonging };
  readonly #inspected = new Map<string, Promise<RenderedChart>>();
  readonly #contents = new Map<string, Promise<readonly ClusterObject[]>>();
  #samples: readonly ObjectRef[] = [];

  constructor(settings: ManifestSettings) {
    this.settings = { ...settings, belonging: ofSet(settings.release) };
  }

  /** The same set whose pods run without some credentials. */
  lacking(without: readonly NamedCredential[]): ManifestBlueprint {
    return new ManifestBlueprint({ ...this.settings, without });
  }

  inspect(known: Known<ReleaseInputs>): Promise<RenderedChart> {
    const { namespace, policy } = this.settings;
    const identity = identityOf(this.settings, known);
    const key = keyOf(identity);
    const manifests = textOf(this.settings.manifests);
    const inspected = this.#inspected.get(key) ?? withRefusals(inspectRendering(manifests, { identity, namespace, policy, hooks: true, source: 'the manifests' }), this.settings, manifests);
    this.#inspected.set(key, inspected);
    return inspected;
  }

  /** The objects with identity, namespace and the label of the set. @throws Problem when the cluster cannot be asked about their kinds. */
  async build(known: Known<ReleaseInputs>): Promise<BuiltSet> {
    const key = keyOf(identityOf(this.settings, known));
    const contents = this.#contents.get(key) ?? this.#injected(known);
    this.#contents.set(key, contents);
    const made = await contents;
    const placed = await placeKinds(this.settings.connection, made);
    const objects = made.flatMap((content): SetObject[] => {
      const place = placed.of(content);
      return place === undefined ? [] : [this.#setObject(content, place)];
    });
    this.#samples = [...new Map(objects.map(({ ref }) => [`${ref.apiVersion} ${ref.kind}`, ref])).values()].filter((ref) => placed.of(ref)?.defined === false);
    return { objects, placed };
  }

  /** An object of each kind that the cluster serves already; empty until the set was built. Rights are asked for right after observing. */
  get samples(): readonly ObjectRef[] {
    return this.#samples;
  }

  /** What can carry an identity is made right; the rest is as it was read. */
  async #injected(known: Known<ReleaseInputs>): Promise<readonly ClusterObject[]> {
    const { manifests, namespace } = this.settings;
    const { mode, ...identity } = identityOf(this.settings, known);
    // The inspection tells what is wrong with them, and nothing is sent then.
    if (mode === 'verify' || (await this.inspect(known)).faults.length > 0) return manifests;
    const carriers = manifests.filter((content) => content.kind === kinds.serviceAccount.kind || podTemplatePath(content) !== undefined);
    const made = parseManifests(injectIdentity(textOf(carriers), { ...identity, namespace }));
    const right = new Map(carriers.map((content, index) => [content, made[index] as ClusterObject]));
    return manifests.map((content) => right.get(content) ?? content);
  }

  #setObject(content: ClusterObject, { plural, namespaced }: { readonly plural: string; readonly namespaced: boolean }): SetObject {
    const { namespace: home, release } = this.settings;
    const { name } = metadataOf(content);
    const metadata = Object.fromEntries(Object.entries(content.metadata).filter(([field]) => field !== 'namespace'));
    const place = namespaced ? { namespace: home } : {};
    const sent = { ...content, metadata: { ...metadata, ...place, labels: { ...object(metadata.labels), [ownKeys.set]: release } } };
    const ref: ObjectRef = { apiVersion: content.apiVersion, kind: content.kind, plural, name, ...place };
    return { id: idOf(sent, home), ref, object: sent, digest: digestOf(sent) };
  }
}

function keyOf({ clientId, tenantId }: { readonly clientId: string; readonly tenantId: string }): string {
  return `${clientId} ${tenantId}`;
}

/** Every document by itself, without anchors, and with nothing that one dialect of YAML reads otherwise than another. */
function textOf(contents: readonly ClusterObject[]): string {
  return contents.map((content) => `---\n${JSON.stringify(content)}\n`).join('');
}

/** True where an object has a part that is not known before the identity is there. */
export function isOpen({ object: sent }: Pick<SetObject, 'object'>): boolean {
  return JSON.stringify(sent).includes(placeholder);
}
