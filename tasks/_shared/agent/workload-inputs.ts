import { parseArmId, resourceGroupName, resourceNamed, resourceTypes, type ArmId, type ResourceType } from '../fleet/arm-id.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import { regionName } from '../fleet/identity-place.js';
import { names, unknownPlaceholders } from '../fleet/names.js';
import { namesakes, placeWorkloads, type Account, type Namesakes, type PlacedWorkload, type WorkloadInputs } from '../fleet/workload.js';
import { some } from '../fleet/wording.js';
import { assignmentsIn } from './input-text.js';
import type { InputReader } from './inputs.js';

/** Names of namespaces and service accounts. Source: Kubernetes docs, object names (RFC 1123 labels). */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const labelForm = 'lower-case letters, digits and hyphens, at most 63, beginning and ending with a letter or digit';
const accountName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const accountForm = `namespace/name, or namespace/name = secret, secret; both are ${labelForm}`;

/** Source: Azure docs, naming rules of user-assigned identities; not confirmed by another source that we read. */
const identityName = /^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/;

/** What `{workload}` may become in a name. */
const word = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;
const identityForm = 'a name pattern of letters, digits, -, _ with {workload} {cluster} {namespace} {serviceAccount} {ring} {location}, or the ARM id of an identity';
const groupForm = 'the name of a resource group, at most 90 letters, digits and . _ - ( ), no full stop last';

/** Reads the inputs that name one workload and its identity, alike in every task that has them. */
export function readWorkload(inputs: InputReader, fleet: readonly ClusterEntry[]): WorkloadInputs {
  const word = readWord(inputs);
  return readIdentities(inputs, fleet, [readAccount(inputs, word)]);
}

/** The same for tasks that take several service accounts in one call. */
export function readWorkloads(inputs: InputReader, fleet: readonly ClusterEntry[]): WorkloadInputs {
  const word = readWord(inputs);
  const rows = inputs.lines('serviceAccounts', assignmentsIn);
  if (rows.length === 0 && inputs.sound('serviceAccounts')) return readIdentities(inputs, fleet, [readAccount(inputs, word)]);
  const also = ['namespace', 'serviceAccount'].find((name) => inputs.optionalText(name) !== undefined);
  if (also !== undefined) inputs.contradiction('serviceAccounts', 'is given', `input ${also} is given as well`, 'list all service accounts in serviceAccounts and leave namespace and serviceAccount empty, or the other way round');
  return readIdentities(inputs, fleet, readAccounts(inputs, rows, word));
}

function readWord(inputs: InputReader): string | undefined {
  const given = inputs.optionalText('workload');
  if (given !== undefined && !word.test(given)) inputs.refuse('workload', given, 'a word of letters, digits, - and _: it becomes part of names');
  return given;
}

function readAccount(inputs: InputReader, workload: string | undefined): Account {
  const namespace = inputs.matching('namespace', label, labelForm);
  const serviceAccount = inputs.matching('serviceAccount', label, labelForm);
  return { namespace, serviceAccount, workload: workload ?? serviceAccount };
}

/** Lines `namespace/name`, or `namespace/name = secret, secret`. */
function readAccounts(inputs: InputReader, rows: readonly string[], workload: string | undefined): Account[] {
  const split = rows.map((row) => /^([^=]*?)\s*(?:=\s*(.*))?$/s.exec(row) ?? []);
  inputs.checkedNames('serviceAccounts', split.map(([, account = '']) => account), accountName, accountForm);
  return split.map(([row = '', account = '', secrets]) => {
    if (secrets === '') inputs.refuse('serviceAccounts', row, 'the names of secrets after =, or no = for an account that may read those of the input secrets');
    const [namespace = '', serviceAccount = ''] = account.split('/');
    return { namespace, serviceAccount, workload: workload ?? serviceAccount, ...(secrets === undefined ? {} : { secrets }) };
  });
}

function readIdentities(inputs: InputReader, fleet: readonly ClusterEntry[], accounts: readonly Account[]): WorkloadInputs {
  const identity = inputs.text('identity');
  checkIdentity(inputs, identity);
  const group = inputs.optionalText('identityResourceGroup');
  if (group !== undefined && !resourceGroupName.test(group)) inputs.refuse('identityResourceGroup', group, groupForm);
  for (const { label: of, overrides } of fleet) {
    if (overrides.identity !== undefined) checkIdentity(inputs, overrides.identity, of);
    const own = overrides.identityResourceGroup;
    if (own !== undefined && !resourceGroupName.test(own)) inputs.refuse('identityResourceGroup', own, groupForm, of);
  }
  const read = {
    accounts,
    identity,
    ...(group === undefined ? {} : { identityResourceGroup: group }),
    ...ringFor(inputs, [identity, ...fleet.flatMap(({ overrides }) => overrides.identity ?? [])]),
    ...readLocation(inputs),
  };
  if (inputs.sound('namespace', 'serviceAccount', 'serviceAccounts', 'identity', 'workload', 'identityResourceGroup', 'identityLocation', 'ring')) checkPlaces(inputs, read, fleet);
  return read;
}

function ringFor(inputs: InputReader, patterns: readonly string[]): { ring?: string } {
  const ring = readRing(inputs);
  if (ring === undefined && inputs.sound('ring') && patterns.some((pattern) => names(pattern, 'ring'))) {
    inputs.contradiction('ring', 'is empty', 'input identity names {ring}', 'give the ring that the clusters belong to, or take {ring} out of the pattern');
  }
  return ring === undefined ? {} : { ring };
}

function readLocation(inputs: InputReader): { identityLocation?: string } {
  const given = inputs.optionalText('identityLocation');
  if (given === undefined) return {};
  const identityLocation = regionName(given);
  if (!/^[a-z]+[a-z0-9]*$/.test(identityLocation)) inputs.refuse('identityLocation', given, 'an Azure region such as westeurope or West Europe');
  return { identityLocation };
}

/** Checks what follows from the inputs together; each of them is right. */
function checkPlaces(inputs: InputReader, read: WorkloadInputs, fleet: readonly ClusterEntry[]): void {
  const { identity, identityResourceGroup: group } = read;
  const placed = placeEarly(read, fleet);
  for (const { identity: place } of placed) {
    if (!place.given && !identityName.test(place.name)) inputs.refuse('identity', place.name, 'a pattern whose names, once filled, are 3 to 128 letters, digits, - or _');
  }
  for (const same of namesakes(read, placed)) inputs.refuse('identity', identity, namesakesForm(same));
  if (group !== undefined && identity.startsWith('/') && fleet.every(({ overrides }) => overrides.identity?.startsWith('/') ?? true)) {
    inputs.contradiction('identityResourceGroup', `is "${group}"`, 'input identity is an ARM id, which names its resource group itself', 'leave one of the two out: the group, or the ARM id in favour of a name');
  }
}

/** The workloads as far as inputs tell: regions are read later, and until then each cluster has one of its own. */
export function placeEarly(read: WorkloadInputs, fleet: readonly ClusterEntry[]): PlacedWorkload[] {
  return placeWorkloads(read, fleet, new Map(fleet.map(({ label: of }, index) => [of, `region${index}`])));
}

/** What namesakes need instead. */
export function namesakesForm({ who, of }: Namesakes): string {
  const told = `${some(who)} are namesakes and would share one`;
  return of === 'clusters'
    ? `each cluster an identity of its own: ${told}; set identity or identityResourceGroup in their entries of the list`
    : `each service account an identity of its own: ${told}; put {namespace} into the pattern`;
}

/** Reads how long a proof waits for what was written to take effect. Milliseconds. */
export function readPropagationTimeout(inputs: InputReader): number {
  return inputs.integer('propagationTimeoutInMinutes', { min: 1, max: 120, fallback: 10 }) * 60_000;
}

/** Where proofs that act as the workload run: on the agent, or nowhere. */
export type ProveFrom = 'agent' | 'none';

/** Reads the stage of the rollout that the clusters of a run belong to; undefined when it is not said. */
export function readRing(inputs: InputReader): string | undefined {
  const ring = inputs.optionalText('ring');
  if (ring !== undefined && !word.test(ring)) inputs.refuse('ring', ring, 'a word of letters, digits, - and _: it becomes part of names');
  return ring;
}

/** Reads where proofs run, alike in every task that proves as a workload. */
export function readProveFrom(inputs: InputReader): ProveFrom {
  return inputs.choice('proveFrom', ['agent', 'none'], 'agent');
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
