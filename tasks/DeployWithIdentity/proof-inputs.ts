import type { InputReader } from '../_shared/agent/inputs.js';
import type { SharedInputs } from '../_shared/agent/shared-inputs.js';
import { readSecrets, type SecretsWanted } from '../_shared/agent/vault-inputs.js';
import { itemOf } from '../_shared/azure/vault-items.js';
import type { WorkloadInputs } from '../_shared/fleet/workload.js';
import type { VaultInputs } from './vault-inputs.js';

/** How a proof inside the clusters is made. */
export interface PodProofWish {
  /** Has sh and curl. */
  readonly image: string;
  /** By the label of the workload's place; one without an entry has none to read. Plain secrets only. */
  readonly secrets: ReadonlyMap<string, SecretsWanted>;
}

/** How a deployment is proven once its pods were looked at. */
export interface ProofInputs {
  /** `agent`: a token of the service account is exchanged at Entra on the agent; `pod`: inside the cluster; `none`: the pods are only looked at. */
  readonly proveFrom: 'agent' | 'pod' | 'none';
  /** Present where the proof is made in a pod. */
  readonly podProof?: PodProofWish;
}

/** Source: distribution docs, reference grammar; a tag or a digest is asked for, so that the same image proves today and tomorrow. */
export const imagePattern = /^[a-z0-9][a-z0-9._:/-]*(?::[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64})$/;
const imageForm = 'an image with its tag or digest that has sh and curl, such as contoso.azurecr.io/tools/curl:8.10.1';
/** Source: Azure docs, naming rules of Key Vault objects. */
const readable = {
  pattern: /^[0-9A-Za-z-]{1,127}$/,
  form: 'names of secrets, which a pod can read without cert:, key: and *: letters, digits and hyphens, at most 127',
  idle: 'a pod would read nothing from it',
  remedy: 'name the secrets that a pod has to be able to read',
};

/** Reads where a deployment is proven from. */
export function readProveFrom(inputs: InputReader): ProofInputs['proveFrom'] {
  return inputs.choice('proveFrom', ['agent', 'pod', 'none'], 'agent');
}

/** Reads how a deployment is proven. @param given what of it is read already */
export function readProof(inputs: InputReader, shared: SharedInputs, workload: WorkloadInputs, { proveFrom, vault }: Pick<ProofInputs, 'proveFrom'> & { readonly vault?: VaultInputs }): ProofInputs {
  const given = inputs.optionalText('proofImage');
  if (given !== undefined && !imagePattern.test(given)) inputs.refuse('proofImage', given, imageForm);
  if (proveFrom !== 'pod') return { proveFrom };
  if (given === undefined && inputs.sound('proofImage')) inputs.contradiction('proofImage', 'is empty', 'input proveFrom is pod', `give ${imageForm}, or set proveFrom to agent`);
  // What containers have mounted is known already.
  const named = vault?.secrets ?? readSecrets(inputs, shared, workload, shared.connection.subscriptionId, readable);
  return { proveFrom, podProof: { image: given ?? '', secrets: plainOf(named) } };
}

/** Certificates and keys are left to the mount: a pod that runs has them. */
function plainOf(wanted: ReadonlyMap<string, SecretsWanted>): ReadonlyMap<string, SecretsWanted> {
  const plain = [...wanted].map(([place, { vault, names }]) => [place, { vault, names: names.filter((name) => itemOf(name).section === 'secrets') }] as const);
  return new Map(plain.filter(([, { names }]) => names.length > 0));
}
