import { parseArmId, resourceNamed, type ArmId } from '../fleet/arm-id.js';
import { unknownPlaceholders } from '../fleet/names.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import { namesakes, placeWorkload, type WorkloadInputs } from '../fleet/workload.js';
import type { InputReader } from './inputs.js';

/** Names of namespaces and service accounts. Source: Kubernetes docs, object names (RFC 1123 labels). */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const labelForm = 'lower-case letters, digits and hyphens, at most 63, beginning and ending with a letter or digit';

/** Source: Azure docs, naming rules of user-assigned identities; not confirmed by another source that we read. */
const identityName = /^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/;

/** Reads the inputs that name a workload and its identity, alike in every task that has them. */
export function readWorkload(inputs: InputReader, fleet: readonly ClusterEntry[]): WorkloadInputs {
  const namespace = inputs.matching('namespace', label, labelForm);
  const serviceAccount = inputs.matching('serviceAccount', label, labelForm);
  const workload = inputs.optionalText('workload') ?? serviceAccount;
  const identity = inputs.text('identity');
  checkIdentity(inputs, identity);
  for (const { overrides } of fleet) checkIdentity(inputs, overrides.identity ?? '');
  const group = inputs.optionalText('identityResourceGroup');
  const read = { workload, namespace, serviceAccount, identity, ...(group === undefined ? {} : { identityResourceGroup: group }) };
  for (const { identity: place } of placeWorkload(read, fleet)) {
    if (!place.given && identity !== '' && !identityName.test(place.name)) inputs.refuse('identity', place.name, 'a pattern whose names, once filled, are 3 to 128 letters, digits, - or _');
  }
  for (const [one, other] of namesakes(read, fleet)) {
    inputs.refuse('identity', identity, `each cluster an identity of its own: ${one} and ${other} are namesakes and would share one; set identity or identityResourceGroup in their entries of the list`);
  }
  return read;
}

/** Reads how long a proof waits for what was written to take effect. Milliseconds. */
export function readPropagationTimeout(inputs: InputReader): number {
  return inputs.integer('propagationTimeoutInMinutes', { min: 1, max: 120, fallback: 10 }) * 60_000;
}

/** Reads an input that names one Azure resource. */
export function readResource(inputs: InputReader, name: string, type: string, subscriptionId: string | undefined): ArmId | undefined {
  const given = inputs.optionalText(name);
  return given === undefined ? undefined : namedResource(inputs, name, given, type, subscriptionId);
}

/** Reads the name of one Azure resource from a text that belongs to an input, e.g. from a cluster's override. */
export function namedResource(inputs: InputReader, name: string, given: string, type: string, subscriptionId: string | undefined): ArmId | undefined {
  const found = resourceNamed(given, type, subscriptionId);
  if (found === undefined) inputs.refuse(name, given, `an ARM id of type ${type}, or resourceGroup/name in the connection's subscription`);
  return found;
}

function checkIdentity(inputs: InputReader, identity: string): void {
  const form = 'a name pattern of letters, digits, -, _ with {workload} {cluster} {namespace} {serviceAccount}, or the ARM id of an identity';
  if (identity === '') return;
  if (identity.startsWith('/')) {
    if (parseArmId(identity)?.type.toLowerCase() !== 'microsoft.managedidentity/userassignedidentities') inputs.refuse('identity', identity, form);
  } else if (unknownPlaceholders(identity).length > 0 || !/^[A-Za-z0-9{][\w{}-]{2,}$/.test(identity)) inputs.refuse('identity', identity, form);
}
