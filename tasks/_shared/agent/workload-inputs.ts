import { parseArmId, resourceGroupName, resourceNamed, resourceTypes, type ArmId, type ResourceType } from '../fleet/arm-id.js';
import { unknownPlaceholders } from '../fleet/names.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import { namesakes, placeWorkload, type WorkloadInputs } from '../fleet/workload.js';
import type { InputReader } from './inputs.js';

/** Names of namespaces and service accounts. Source: Kubernetes docs, object names (RFC 1123 labels). */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const labelForm = 'lower-case letters, digits and hyphens, at most 63, beginning and ending with a letter or digit';

/** Source: Azure docs, naming rules of user-assigned identities; not confirmed by another source that we read. */
const identityName = /^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/;

/** What `{workload}` may become in a name. */
const word = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
const identityForm = 'a name pattern of letters, digits, -, _ with {workload} {cluster} {namespace} {serviceAccount}, or the ARM id of an identity';
const groupForm = 'the name of a resource group, at most 90 letters, digits and . _ - ( ), no full stop last';

/** Reads the inputs that name a workload and its identity, alike in every task that has them. */
export function readWorkload(inputs: InputReader, fleet: readonly ClusterEntry[]): WorkloadInputs {
  const namespace = inputs.matching('namespace', label, labelForm);
  const serviceAccount = inputs.matching('serviceAccount', label, labelForm);
  const identity = inputs.text('identity');
  checkIdentity(inputs, identity);
  const given = inputs.optionalText('workload');
  if (given !== undefined && !word.test(given)) inputs.refuse('workload', given, 'a word of letters, digits, - and _: it becomes part of names');
  const group = inputs.optionalText('identityResourceGroup');
  if (group !== undefined && !resourceGroupName.test(group)) inputs.refuse('identityResourceGroup', group, groupForm);
  for (const { label: of, overrides } of fleet) {
    if (overrides.identity !== undefined) checkIdentity(inputs, overrides.identity, of);
    const own = overrides.identityResourceGroup;
    if (own !== undefined && !resourceGroupName.test(own)) inputs.refuse('identityResourceGroup', own, groupForm, of);
  }
  const read = { workload: given ?? serviceAccount, namespace, serviceAccount, identity, ...(group === undefined ? {} : { identityResourceGroup: group }) };
  if (inputs.sound('namespace', 'serviceAccount', 'identity', 'workload', 'identityResourceGroup')) checkPlaces(inputs, read, fleet);
  return read;
}

/** Checks what follows from the inputs together; each of them is right. */
function checkPlaces(inputs: InputReader, read: WorkloadInputs, fleet: readonly ClusterEntry[]): void {
  const { identity, identityResourceGroup: group } = read;
  for (const { identity: place } of placeWorkload(read, fleet)) {
    if (!place.given && !identityName.test(place.name)) inputs.refuse('identity', place.name, 'a pattern whose names, once filled, are 3 to 128 letters, digits, - or _');
  }
  for (const labels of namesakes(read, fleet)) {
    const some = `${labels.slice(0, 5).join(', ')}${labels.length > 5 ? ` and ${labels.length - 5} more` : ''}`;
    inputs.refuse('identity', identity, `each cluster an identity of its own: ${some} are namesakes and would share one; set identity or identityResourceGroup in their entries of the list`);
  }
  if (group !== undefined && identity.startsWith('/') && fleet.every(({ overrides }) => overrides.identity?.startsWith('/') ?? true)) {
    inputs.contradiction('identityResourceGroup', `is "${group}"`, 'input identity is an ARM id, which names its resource group itself', 'leave one of the two out: the group, or the ARM id in favour of a name');
  }
}

/** Reads how long a proof waits for what was written to take effect. Milliseconds. */
export function readPropagationTimeout(inputs: InputReader): number {
  return inputs.integer('propagationTimeoutInMinutes', { min: 1, max: 120, fallback: 10 }) * 60_000;
}

/** Reads an input that names one Azure resource. */
export function readResource(inputs: InputReader, name: string, type: ResourceType, subscriptionId: string | undefined): ArmId | undefined {
  const given = inputs.optionalText(name);
  return given === undefined ? undefined : namedResource(inputs, name, given, type, subscriptionId);
}

/**
 * Reads the name of one Azure resource from a text that belongs to an input.
 * @param of the cluster that sets it in its entry; absent for the input itself.
 */
export function namedResource(inputs: InputReader, name: string, given: string, type: ResourceType, subscriptionId: string | undefined, of?: string): ArmId | undefined {
  const found = resourceNamed(given, type, subscriptionId);
  const short = subscriptionId === undefined ? '; the connection has no subscription that would complete resourceGroup/name' : ", or resourceGroup/name in the connection's subscription";
  if (found === undefined) inputs.refuse(name, given, `an ARM id of type ${type}${short}; a name is ${resourceTypes[type].form}`, of);
  return found;
}

function checkIdentity(inputs: InputReader, identity: string, of?: string): void {
  if (identity === '' && of === undefined) return;
  const isId = parseArmId(identity)?.type.toLowerCase() === 'microsoft.managedidentity/userassignedidentities';
  const isPattern = unknownPlaceholders(identity).length === 0 && /^[A-Za-z0-9{][\w{}-]{2,}$/.test(identity) && !/[{}]/.test(identity.replaceAll(/\{\w+\}/g, ''));
  if (!isId && !isPattern) inputs.refuse('identity', identity, identityForm, of);
}
