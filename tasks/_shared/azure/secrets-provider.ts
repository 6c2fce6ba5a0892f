import type { VaultItem } from './vault-items.js';
import type { VaultSection } from './vault-state.js';

/**
 * Clouds as the Secrets Store CSI provider for Key Vault calls them; empty is its default, the public one. Clouds that are not here need a file with
 * endpoints on each node. Source: provider docs, custom environments; azure-sdk-for-go, names of environments.
 */
const providerClouds: Readonly<Record<string, string>> = { AzureCloud: '', AzureUSGovernment: 'AzureUSGovernmentCloud', AzureChinaCloud: 'AzureChinaCloud' };

/** A cloud as the provider calls it; undefined for one that it does not know by itself. */
export function providerCloud({ name }: { readonly name: string }): string | undefined {
  return providerClouds[name];
}

const objectTypes = { secrets: 'secret', keys: 'key', certificates: 'cert' } as const satisfies Readonly<Record<VaultSection, string>>;

/** A single item of a vault as the provider names it. Source: AKS docs, csi-secrets-store-identity-access. */
export function providerObject({ section, name = '' }: VaultItem): { readonly objectName: string; readonly objectType: 'secret' | 'key' | 'cert' } {
  return { objectName: name, objectType: objectTypes[section] };
}
