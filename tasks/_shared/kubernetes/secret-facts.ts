import { object, strings, text, type Json } from '../fleet/json.js';
import { likenesses } from '../fleet/posture/credential-likeness.js';
import type { SecretFact } from '../fleet/posture/rule.js';
import { metadataOf } from './objects.js';

/** Type of the secrets with releases of Helm, which are packed and hold what their chart makes as objects of its own. Source: helm, storage driver of secrets. */
export const helmRelease = 'helm.sh/release.v1';

/**
 * What the rules may know of a secret. The one function of the audit that sees values of secrets: they are compared here and forgotten, so neither
 * the result nor an error holds one. Data that is not what it should be looks like nothing; this never throws.
 */
export function secretFact(raw: Json): SecretFact {
  // Without a type: Opaque. Source: Kubernetes API reference, Secret.
  const type = text(raw.type) ?? 'Opaque';
  const values = secretValues(raw);
  const keys = Object.keys({ ...object(raw.data), ...object(raw.stringData) }).sort();
  return { name: metadataOf(raw).name, type, keys, looksLike: type === helmRelease ? [] : likenesses(values) };
}

/**
 * The values of a secret by their keys, decoded: not to leave the function that asks. A manifest may have some as text, which wins; the API server
 * answers none so. Source: Kubernetes API reference, Secret, stringData.
 */
export function secretValues(raw: Json): Readonly<Record<string, string>> {
  const encoded = Object.entries(strings(raw.data)).map(([key, value]): [string, string] => [key, Buffer.from(value, 'base64').toString('utf8')]);
  return { ...Object.fromEntries(encoded), ...strings(raw.stringData) };
}
