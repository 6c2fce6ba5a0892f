import { readFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import { number, object, objects, parseJson, strings, text, type Json } from '../fleet/json.js';
import { injectIdentity, type PodIdentity } from '../kubernetes/identity-injection.js';
import { credentialKinds, type NamedCredential } from '../kubernetes/named-credentials.js';
import type { VaultMounts } from '../kubernetes/vault-mounts.js';

/**
 * What helm starts between rendering and sending: manifests come in on standard input and go out on standard output, right for the identity in
 * the file that its argument names. It knows nothing of the task around it. Anything that fails ends it with a message, and helm with it.
 */
export async function postRender(): Promise<void> {
  try {
    const identity = identityIn(readFileSync(process.argv[2] ?? '', 'utf8'));
    process.stdout.write(injectIdentity(await textOf(process.stdin), identity));
  } catch (error) {
    process.stderr.write(`the identity could not be put into the chart: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

function identityIn(content: string): PodIdentity {
  const { namespace, serviceAccount, clientId, tenantId, tokenSeconds, vault, without } = object(parseJson(content));
  const given = { namespace: text(namespace), serviceAccount: text(serviceAccount), clientId: text(clientId), tenantId: text(tenantId) };
  const { namespace: place, serviceAccount: account, clientId: client, tenantId: tenant } = given;
  if (place === undefined || account === undefined || client === undefined || tenant === undefined) throw new Error('the file of the identity is not whole');
  const seconds = number(tokenSeconds);
  const lifetime = seconds === undefined ? {} : { tokenSeconds: seconds };
  return { namespace: place, serviceAccount: account, clientId: client, tenantId: tenant, ...lifetime, ...(vault === undefined ? {} : { vault: mountsIn(object(vault)) }), ...(without === undefined ? {} : { without: objects(without).map(credentialIn) }) };
}

function credentialIn(given: Json): NamedCredential {
  const kind = credentialKinds.find((one) => one === given.kind);
  const name = text(given.name);
  if (kind === undefined || name === undefined) throw new Error('the file of the identity is not whole');
  return { kind, name };
}

function mountsIn({ secretProviderClass, paths }: Json): VaultMounts {
  const name = text(secretProviderClass);
  if (name === undefined) throw new Error('the file of the identity is not whole');
  return { secretProviderClass: name, paths: strings(paths) };
}
