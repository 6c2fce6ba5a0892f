import { parseAllDocuments, Schema, type Document } from 'yaml';
import { object, objects, parseJson, text, type Json } from '../fleet/json.js';
import { placeOf } from '../fleet/yaml-text.js';
import { groupOf, kinds, metadataOf, nameOf, type ClusterObject, type ObjectRef } from './objects.js';

/** A file of manifests. */
export interface ManifestFile {
  /** As messages name it. */
  readonly path: string;
  readonly text: string;
}

/** What is wrong with a file of manifests; what it holds is not repeated. */
export interface ManifestFlaw {
  readonly path: string;
  readonly because: string;
  readonly remedy: string;
}

/** The objects of some files in their order, and everything that is wrong with them. */
export interface Manifests {
  readonly objects: readonly ClusterObject[];
  readonly flaws: readonly ManifestFlaw[];
}

/** One document of a file, or one item of a list in it. */
interface Found {
  readonly path: string;
  /** ` document 2`; empty where the file has one object only. */
  readonly place: string;
  readonly content: unknown;
}

/** Names by which kustomize finds its file. Source: kustomize docs, kustomization. */
const kustomizations: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'kustomization'];
const render = 'render it first (kubectl kustomize <folder> > manifests.yaml) and give what comes of it';

/**
 * Reads manifests as kubectl does: several documents a file, lists of objects, YAML 1.1 (an unquoted yes is true), JSON as a part of it. Dates are texts.
 * Source: sigs.k8s.io/yaml, over go-yaml 2.
 * @param namespace of the set: objects that say no namespace belong to it, and those of others are flaws.
 */
export function readManifests(files: readonly ManifestFile[], namespace: string): Manifests {
  const flaws: ManifestFlaw[] = [];
  const kept = new Map<string, { readonly content: ClusterObject; readonly path: string }>();
  for (const file of files) {
    const read = documentsOf(file);
    if ('flaw' in read) {
      flaws.push(read.flaw);
      continue;
    }
    for (const found of read.documents) {
      const flaw = flawOf(found, namespace);
      if (flaw !== undefined) {
        flaws.push(flaw);
        continue;
      }
      const content = found.content as ClusterObject;
      const id = idOf(content, namespace);
      const twin = kept.get(id);
      if (twin === undefined) kept.set(id, { content, path: found.path });
      else flaws.push(flawed(found, `${titleOf(content)} is in ${twin.path === found.path ? 'it' : twin.path} already`, 'leave one of the two'));
    }
  }
  return { objects: [...kept.values()].map(({ content }) => content), flaws };
}

/** What an object is the same by, whatever version its manifest is written in. */
export function idOf(of: Json, namespace: string): string {
  const { name, namespace: own } = metadataOf(of);
  return `${groupOf(text(of.apiVersion) ?? '')}/${text(of.kind) ?? ''} ${own ?? namespace}/${name}`;
}

/** The same for a reference. */
export function idOfRef({ apiVersion, kind, namespace, name }: ObjectRef, home: string): string {
  return idOf({ apiVersion, kind, metadata: { name, namespace } }, home);
}

function titleOf({ apiVersion, kind, metadata }: ClusterObject): string {
  const { name, namespace } = metadataOf({ metadata });
  return nameOf({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) });
}

function documentsOf({ path, text: source }: ManifestFile): { readonly documents: readonly Found[] } | { readonly flaw: ManifestFlaw } {
  const base = path.split(/[\\/]/).at(-1)?.toLowerCase() ?? '';
  if (kustomizations.includes(base)) return { flaw: { path, because: 'it is a kustomization, which the task does not render', remedy: render } };
  const documents: readonly Document.Parsed[] = [...parseAllDocuments(source, dialect)];
  for (const { errors: [mistake] } of documents) {
    if (mistake !== undefined) {
      const because = `it is not YAML: ${mistake.code.toLowerCase().replaceAll('_', ' ')} at ${placeOf(source, mistake.pos[0])}`;
      return { flaw: { path, because, remedy: 'correct the file; templates have to be rendered first' } };
    }
  }
  const contents = documents.map(contentOf);
  const several = contents.filter((content) => content !== null).length > 1;
  return { documents: contents.flatMap((content, index) => (content === null ? [] : itemsOf({ path, place: several ? ` document ${index + 1}` : '', content }))) };
}

/** Numbers and words as go-yaml 2 reads them; it leaves dates and times as they are written. Made once: each document would make its own otherwise. */
const schema = new Schema({
  schema: 'yaml-1.1',
  resolveKnownTags: false,
  customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && tag.format !== 'TIME')),
});
const dialect = { version: '1.1', schema, logLevel: 'silent', prettyErrors: false } as const;

/** Plain data; what cannot be told is none. */
function contentOf(document: Document.Parsed): unknown {
  try {
    return parseJson(JSON.stringify(document.toJS()));
  } catch {
    return undefined;
  }
}

function itemsOf(found: Found): Found[] {
  const { path, place } = found;
  const content = object(found.content);
  if (text(content.kind)?.endsWith('List') !== true || !Array.isArray(content.items)) return [found];
  return objects(content.items).flatMap((item, index) => itemsOf({ path, place: `${place} item ${index + 1}`, content: item }));
}

function flawOf(found: Found, namespace: string): ManifestFlaw | undefined {
  const content = object(found.content);
  const [apiVersion, kind] = [text(content.apiVersion), text(content.kind)];
  if (apiVersion === undefined || kind === undefined) return flawed(found, `it has no ${apiVersion === undefined ? 'apiVersion' : 'kind'}, so it is no manifest`, 'give Kubernetes manifests only; other files belong into another folder');
  if (apiVersion.startsWith('kustomize.config.k8s.io/')) return flawed(found, 'it is a kustomization, which the task does not render', render);
  const metadata = object(content.metadata);
  const { name, namespace: own } = metadataOf(content);
  if (name === '') return flawed(found, `its ${kind} has no metadata.name`, 'give it a name: what has only a generateName would be made anew by each run');
  const title = titleOf({ ...content, apiVersion, kind, metadata });
  const read = ['uid', 'resourceVersion', 'managedFields'].find((field) => metadata[field] !== undefined);
  if (read !== undefined) return flawed(found, `${title} has metadata.${read}, so it was read from a cluster`, 'take out metadata.uid, resourceVersion, managedFields, creationTimestamp and status');
  if (own !== undefined && own !== namespace) return flawed(found, `${title} is for another namespace than ${namespace}`, 'deploy it as a set of its own, with that namespace as input; or leave metadata.namespace out');
  if (kind === kinds.namespace.kind && apiVersion === kinds.namespace.apiVersion && name !== namespace) return flawed(found, `${title} is another one than ${namespace}`, 'leave it out: the task makes the namespace of the input, and no other');
  return undefined;
}

function flawed({ path, place }: Found, because: string, remedy: string): ManifestFlaw {
  return { path, because: place === '' ? because : `${place.trim()}: ${because}`, remedy };
}
