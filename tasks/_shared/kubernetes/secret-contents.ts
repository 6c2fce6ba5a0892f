import { object, text, type Json } from '../fleet/json.js';
import { fieldManager, ownKeys } from './connection.js';
import { kinds, metadataOf } from './objects.js';

/** Type of the Secret that remembers a manifest set. */
export const recordType = `${fieldManager}/set`;

/** True for a Secret that has values. */
export function hasValues(content: Json): boolean {
  const filled = (field: string): boolean => Object.keys(object(content[field])).length > 0;
  return text(content.kind) === kinds.secret.kind && (filled('data') || filled('stringData'));
}

/** True for the Secret of a manifest set in which there are no values of other Secrets: it holds what is sent in the open anyway. */
export function isPlainRecord(content: Json): boolean {
  return content.type === recordType && metadataOf(content).labels[ownKeys.plain] === 'true';
}
