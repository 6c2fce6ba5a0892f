import { objects, text, type Json } from '../json.js';
import { valueLikenesses } from './credential-likeness.js';

/**
 * Names of variables that hold a static credential of Azure or of its registries. Sources: Azure SDK environment variables; Terraform azurerm provider
 * (ARM_…); Azure CLI (AZURE_STORAGE_…); the ACR migration plan (REGISTRY_PASSWORD).
 */
export const azureCredentialNames: readonly RegExp[] = [
  /^(?:AZURE|ARM|AAD|ENTRA)_(?:CLIENT_SECRET|PASSWORD|CLIENT_CERTIFICATE_PASSWORD|ACCESS_KEY)$/,
  /(?:^|_)(?:ACR|REGISTRY|DOCKER)_(?:SERVER_)?(?:PASSWORD|PASSWD|PWD)$/,
  /(?:^|_)(?:STORAGE|STORAGE_ACCOUNT|BLOB|SERVICE_?BUS|EVENT_?HUBS?|COSMOS|COSMOS_?DB)_(?:CONNECTION_?STRING|ACCOUNT_KEY|ACCESS_KEY|KEY|SAS|SAS_TOKEN)$/,
];

/** A variable that a container sets to a credential. Its value is not in here. */
export interface LiteralCredential {
  readonly name: string;
  /** `to what looks like a SAS token`, `to a value of its own`. */
  readonly how: string;
}

/** The variables of a container that are set to a credential: by the form of their value, or by their name in capitals. */
export function literalCredentials(container: Json, names: readonly RegExp[] = azureCredentialNames): LiteralCredential[] {
  return literals(container).flatMap(({ name, value }) => {
    const looks = valueLikenesses(value);
    if (looks.length > 0) return [{ name, how: `to what looks like a ${looks.join(', a ')}` }];
    return names.some((form) => form.test(name.toUpperCase())) ? [{ name, how: 'to a value of its own' }] : [];
  });
}

/** Variables with a value of their own: not one that is taken from elsewhere, nor only another variable's. */
function literals(container: Json): { readonly name: string; readonly value: string }[] {
  return objects(container.env).flatMap((entry) => {
    const [name, value] = [text(entry.name), text(entry.value)];
    return name === undefined || value === undefined || /^\s*(?:\$\([\w.-]+\))?\s*$/.test(value) ? [] : [{ name, value }];
  });
}
