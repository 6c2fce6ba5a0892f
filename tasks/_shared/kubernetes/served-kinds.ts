import { objects, text, type Json } from '../fleet/json.js';
import type { ServedKind } from './connection.js';

/** Path of the list of what is served of a group version. */
export function discoveryPath(apiVersion: string): string {
  return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`;
}

/** The kinds in such a list, subresources aside. Source: Kubernetes API reference, APIResourceList. */
export function servedKinds(answer: Json): ServedKind[] {
  return objects(answer.resources).flatMap(({ kind, name, namespaced }) => {
    const plural = text(name) ?? '';
    return plural === '' || plural.includes('/') ? [] : [{ kind: text(kind) ?? '', plural, namespaced: namespaced === true }];
  });
}
