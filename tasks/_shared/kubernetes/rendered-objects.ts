import { text, type Json } from '../fleet/json.js';
import { parseManifests } from './chart.js';
import { metadataOf, type ObjectRef } from './objects.js';
import { isClusterWide } from './predictable-kinds.js';

/** An object as a chart renders it. */
export interface RenderedObject {
  readonly content: Json;
  /** With the namespace of the release where the object names none, and without one for kinds of the whole cluster. */
  readonly ref: ObjectRef;
}

/** The objects of rendered manifests, those in lists included. */
export function renderedObjects(manifests: string, namespace: string): readonly RenderedObject[] {
  return parseManifests(manifests).map((content) => ({ content, ref: refOf(content, namespace) }));
}

/** Where a rendered object will be. */
export function refOf(content: Json, namespace: string): ObjectRef {
  const { name, namespace: own } = metadataOf(content);
  const kind = { apiVersion: text(content.apiVersion) ?? '', kind: text(content.kind) ?? '' };
  return isClusterWide(kind) ? { ...kind, name } : { ...kind, namespace: own ?? namespace, name };
}
