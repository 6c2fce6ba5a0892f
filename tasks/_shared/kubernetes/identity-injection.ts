import { object, objects, text, type Json } from '../fleet/json.js';
import { editYaml, type YamlEdit, type YamlPath } from '../fleet/yaml-edits.js';
import { identityKeys, ownKeys } from './connection.js';
import { accountPlaces, credentialPlaces, removalEdits, type NamedCredential } from './named-credentials.js';
import { kinds, metadataOf } from './objects.js';
import { podTemplatePath, serviceAccountOf } from './pod-templates.js';
import { containersOf, mountConflicts, mountEdits, type VaultMounts } from './vault-mounts.js';

/** The identity that pods of one service account get. Plain data: it is handed to a process of its own. */
export interface PodIdentity {
  /** Of the release: what a chart puts into others is left alone. */
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly clientId: string;
  readonly tenantId: string;
  /** Lifetime of the tokens that the webhook asks for, 3600 to 86400; absent: as it is. Source: azure-workload-identity docs, annotations. */
  readonly tokenSeconds?: number;
  /** What containers get from a vault as this identity; absent: nothing. */
  readonly vault?: VaultMounts;
  /** Registry credentials that the pods shall not have any more; absent: what they have stays. */
  readonly without?: readonly NamedCredential[];
}

/**
 * Makes rendered manifests right for an identity, whatever chart they are from: the service account gets its annotations, pod templates that run as it get
 * the label that the webhook looks for and the client id as a stamp, so that another identity makes new pods, and the containers that are to have files of a
 * vault get them mounted. What the pods shall run without is taken out. Not one other character changes.
 * Sources: azure-workload-identity docs, labels and annotations; Kubernetes API reference, pod templates.
 * @throws UneditableYaml where a manifest says these places in a way in which nothing can be put there.
 * @throws Error for a container that no pod template has, and for files whose place is taken: inspecting the manifests tells both before, in full.
 */
export function injectIdentity(manifests: string, identity: PodIdentity, reach: InjectionReach = { hooks: true }): string {
  const seen = new Set<string>();
  const injected = editYaml(manifests, (content) => (reach.hooks || !isHook(object(content)) ? editsFor(object(content), identity, seen) : []));
  const lost = Object.keys(identity.vault?.paths ?? {}).find((container) => !seen.has(container));
  if (lost !== undefined) throw new Error(`no pod that runs as service account ${identity.serviceAccount} has a container ${lost}`);
  return injected;
}

/** What helm lets a post-renderer see. */
export interface InjectionReach {
  /** False for a helm that keeps its hooks to itself. */
  readonly hooks: boolean;
}

/** True for an object that helm makes before or after a release, and not as a part of it. Source: helm docs, chart hooks. */
export function isHook(content: Json): boolean {
  return metadataOf(content).annotations['helm.sh/hook'] !== undefined;
}

/** @param seen gets the names of the containers that run as the identity */
function editsFor(content: Json, identity: PodIdentity, seen: Set<string>, at: YamlPath = []): YamlEdit[] {
  if (text(content.kind)?.endsWith('List') === true && Array.isArray(content.items)) {
    return objects(content.items).flatMap((item, index) => editsFor(item, identity, seen, [...at, 'items', index]));
  }
  const { name, namespace } = metadataOf(content);
  if ((namespace ?? identity.namespace) !== identity.namespace) return [];
  const { without = [] } = identity;
  if (content.kind === kinds.serviceAccount.kind && name === identity.serviceAccount) {
    return [...removalEdits(accountPlaces(content), at, without), ...texts([...at, 'metadata', 'annotations'], accountAnnotations(identity))];
  }
  const path = podTemplatePath(content);
  if (path === undefined) return [];
  const template = path.reduce<Json>((within, part) => object(within[part]), content);
  if (serviceAccountOf(template) !== identity.serviceAccount) return [];
  for (const container of containersOf(template)) seen.add(container);
  return [
    // First, since what is put into a sequence moves what it has.
    ...removalEdits(credentialPlaces(template), [...at, ...path], without),
    ...texts([...at, ...path, 'metadata', 'labels'], { [identityKeys.use]: 'true' }),
    ...texts([...at, ...path, 'metadata', 'annotations'], { [ownKeys.clientId]: identity.clientId }),
    ...(identity.vault === undefined ? [] : mountsInto(template, [...at, ...path], identity.vault)),
  ];
}

function mountsInto(template: Json, at: YamlPath, vault: VaultMounts): YamlEdit[] {
  const [conflict] = mountConflicts(template, vault);
  if (conflict !== undefined) throw new Error(`the secrets of the vault cannot be mounted: ${conflict}`);
  return mountEdits(template, at, vault);
}

function accountAnnotations({ clientId, tenantId, tokenSeconds }: PodIdentity): Record<string, string> {
  return {
    [identityKeys.clientId]: clientId,
    [identityKeys.tenantId]: tenantId,
    ...(tokenSeconds === undefined ? {} : { [identityKeys.tokenSeconds]: String(tokenSeconds) }),
  };
}

/** Later ones are put first, so that they come out in this order. */
function texts(at: YamlPath, entries: Readonly<Record<string, string>>): YamlEdit[] {
  return Object.entries(entries).map(([key, value]) => ({ path: [...at, key], value })).reverse();
}
