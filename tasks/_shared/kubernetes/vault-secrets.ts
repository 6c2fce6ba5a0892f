import { createHash } from 'node:crypto';
import type { Json } from '../fleet/json.js';
import type { VaultMounts } from './vault-mounts.js';

/** One thing in a vault as the provider names it. Source: Azure Key Vault provider docs, SecretProviderClass parameters. */
export interface VaultObject {
  readonly objectName: string;
  readonly objectType: 'secret' | 'key' | 'cert';
}

/** What pods of a release get from a vault. */
export interface VaultSecrets {
  /** Name of the vault. */
  readonly vault: string;
  /** The cloud as the provider calls it; empty for the public one. */
  readonly cloud: string;
  /** Each becomes a file of its name. */
  readonly objects: readonly VaultObject[];
  /** Name of the Secret that the driver keeps equal to the files; absent: none. */
  readonly syncSecret?: string;
  /** Where they are mounted, by container. */
  readonly paths: Readonly<Record<string, string>>;
}

/** The identity that reads them. */
export interface VaultReader {
  readonly clientId: string;
  readonly tenantId: string;
}

/** Digits of the digest in the name of a class. */
const digestLength = 10;

/**
 * What a SecretProviderClass says: read the vault as this identity, with the token of the pod's own service account.
 * Sources: AKS docs, csi-secrets-store-identity-access; secrets-store-csi-driver docs, sync as Kubernetes secret.
 */
export function classSpec({ vault, cloud, objects, syncSecret }: VaultSecrets, { clientId, tenantId }: VaultReader): Json {
  const array = objects.map(({ objectName, objectType }) => `  - |\n    objectName: ${JSON.stringify(objectName)}\n    objectType: ${objectType}\n    objectVersion: ""\n`);
  const data = objects.map(({ objectName }) => ({ objectName, key: objectName }));
  return {
    provider: 'azure',
    parameters: { usePodIdentity: 'false', clientID: clientId, keyvaultName: vault, cloudName: cloud, tenantId, objects: `array:\n${array.join('')}` },
    ...(syncSecret === undefined ? {} : { secretObjects: [{ secretName: syncSecret, type: 'Opaque', data }] }),
  };
}

/**
 * The name of the class of a release: another one for other content, so that a release that is taken back finds its own class as it was, and pods are
 * made anew when what they mount changes.
 */
export function className(release: string, secrets: VaultSecrets, reader: VaultReader): string {
  const digest = createHash('sha256').update(JSON.stringify(classSpec(secrets, reader))).digest('hex').slice(0, digestLength);
  return `${release}-vault-${digest}`;
}

/** What pod templates of a release get. */
export function mountsOf(release: string, secrets: VaultSecrets, reader: VaultReader): VaultMounts {
  const { paths, syncSecret } = secrets;
  return { secretProviderClass: className(release, secrets, reader), paths, ...(syncSecret === undefined ? {} : { syncSecret }) };
}
