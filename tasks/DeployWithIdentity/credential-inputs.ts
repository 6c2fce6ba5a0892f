import type { InputReader } from '../_shared/agent/inputs.js';
import type { IdentityMode } from '../_shared/kubernetes/chart.js';
import { credentialKinds, type NamedCredential } from '../_shared/kubernetes/named-credentials.js';
import { imagePattern, type ProofInputs } from './proof-inputs.js';

/** Which registry credentials the pods leave behind, and whether they do now. */
export interface CredentialInputs {
  /** At least one. */
  readonly named: readonly NamedCredential[];
  /** `admin-user`: they stay in, or come back. */
  readonly registryAuth: 'workload-identity' | 'admin-user';
  /** Image that no node has yet; present where an image pull secret goes. */
  readonly pullImage?: string;
}

/** Sources: Kubernetes API reference, EnvVar; Kubernetes docs, object names (RFC 1123 labels and subdomains). */
const subdomain = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const names: Readonly<Record<NamedCredential['kind'], RegExp>> = {
  env: /^[-._a-zA-Z][-._a-zA-Z0-9]*$/,
  envFrom: subdomain,
  mount: /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/,
  imagePullSecret: subdomain,
};
const form = 'env:VARIABLE, envFrom:SECRET, mount:VOLUME or imagePullSecret:SECRET, such as env:REGISTRY_PASSWORD';

const pullForm = 'an image with its tag or digest from the registry that is meant, which no node has yet, such as contoso.azurecr.io/orders/api:1.4.2';

/** What else tells what can be taken out. */
interface RemovalPlace extends Pick<ProofInputs, 'proveFrom'> {
  readonly mode: IdentityMode;
}

/** Reads which registry credentials the pods leave behind; nothing where none is named. */
export function readCredentials(inputs: InputReader, { mode, proveFrom }: RemovalPlace): { readonly credentials?: CredentialInputs } {
  const registryAuth = inputs.choice('registryAuth', ['workload-identity', 'admin-user'], 'workload-identity');
  const lines = inputs.checkedNames('removeCredentials', inputs.lines('removeCredentials'), /^/, form);
  const named = lines.flatMap((line) => parsed(inputs, line));
  const image = inputs.optionalText('pullProofImage');
  if (image !== undefined && !imagePattern.test(image)) inputs.refuse('pullProofImage', image, pullForm);
  const pulled = named.some(({ kind }) => kind === 'imagePullSecret');
  if (image !== undefined && !pulled && inputs.sound('removeCredentials')) inputs.contradiction('pullProofImage', 'is given', 'input removeCredentials names no imagePullSecret, so that nothing would be pulled', 'leave pullProofImage empty, or name the imagePullSecret');
  if (lines.length === 0) {
    if (registryAuth === 'admin-user' && inputs.sound('removeCredentials')) inputs.contradiction('registryAuth', 'is admin-user', 'input removeCredentials names nothing, so that there is nothing to switch', 'name the credentials in removeCredentials, or leave registryAuth empty');
    return {};
  }
  if (mode === 'verify') inputs.contradiction('removeCredentials', 'is given', 'input identityMode is verify, so that nothing is changed in what is rendered', 'take them out of the source yourself, or set identityMode to inject');
  if (proveFrom === 'none') inputs.contradiction('removeCredentials', 'is given', 'input proveFrom is none, so that nothing would show that the pods can do without them', 'set proveFrom to agent or pod');
  if (pulled && image === undefined && registryAuth === 'workload-identity' && inputs.sound('pullProofImage')) inputs.contradiction('pullProofImage', 'is empty', 'input removeCredentials names an imagePullSecret', `give ${pullForm}`);
  return { credentials: { named, registryAuth, ...(image !== undefined && pulled ? { pullImage: image } : {}) } };
}

function parsed(inputs: InputReader, line: string): NamedCredential[] {
  const [word = '', ...rest] = line.split(':');
  const kind = credentialKinds.find((one) => one === word.trim());
  const name = rest.join(':').trim();
  if (kind !== undefined && names[kind].test(name)) return [{ kind, name }];
  inputs.refuse('removeCredentials', line, form);
  return [];
}
