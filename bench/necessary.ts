import { armBuckets } from '../tests/simulators/arm/arm-limits.js';
import { clusterBuckets } from '../tests/simulators/arm/cluster-limits.js';
import { credentialRates, sizeOf } from '../tests/simulators/arm/federated-credentials.js';
import { isRecord } from '../tests/simulators/kernel/service.js';
import { latencies } from '../tests/simulators/world/latencies.js';
import type { World } from '../tests/simulators/world/world.js';
import type { Bucket, Step } from './bound.js';

/** The tasks whose whole run is measured against a bound. */
export type MeasuredTask = 'EnableWorkloadIdentity' | 'FederateServiceAccount' | 'GrantRegistryRole';

/** One cluster as the world knows it now. */
interface Place {
  readonly name: string;
  readonly subscriptionId: string;
  readonly ready: boolean;
  /** Principal of its workload's identity; undefined while there is none. */
  readonly principalId: string | undefined;
  readonly identityId: string;
  readonly trusted: boolean;
  readonly mayRead: boolean;
  readonly mayPull: boolean;
  readonly account: boolean;
}

/**
 * What has to happen for a task to do its work on a world as it is now, looked up in the simulators, not in our code:
 * whoever does it has to sign in, to read what is there before anything is written (a plan comes first), to write what is missing, to wait
 * until it acts, and to use it once. Reading everything of one kind is one read here, however large the fleet: a list could show it.
 * Reads that confirm a write are not necessary, since the proof shows it.
 */
export function necessarySteps(world: World, task: MeasuredTask): Step[] {
  const places = placesOf(world);
  const signIn: Step = { name: 'sign in', takes: latencies.token, after: [] };
  const clusters = armRead('read clusters', places[0]?.subscriptionId ?? '', ['sign in']);
  switch (task) {
    case 'EnableWorkloadIdentity':
      return [signIn, clusters, ...places.flatMap(enable)];
    case 'FederateServiceAccount':
      return [signIn, clusters, ...planned(places, federateReads), ...places.flatMap(federate)];
    case 'GrantRegistryRole':
      return [signIn, clusters, ...planned(places, grantReads), ...places.flatMap(grant)];
  }
}

function enable(place: Place): Step[] {
  const { name, subscriptionId, ready } = place;
  const put = { key: `put ${name}`, ...clusterBuckets.put };
  const on = ready ? 'read clusters' : `see ${name}`;
  const used: Step[] = [
    approach(place),
    { name: `rehearse a pod ${name}`, takes: latencies.kubernetes, after: [`approach ${name}`, on] },
  ];
  return ready ? used : [
    ...used,
    { name: `update ${name}`, takes: latencies.armWrite, after: ['read clusters'], buckets: [arm('writes', subscriptionId), put] },
    { name: `updated ${name}`, takes: latencies.clusterUpdate, after: [`update ${name}`] },
    armRead(`see ${name}`, subscriptionId, [`updated ${name}`]),
  ];
}

/** Reads, and the moment at which all of them are over. */
function planned(places: readonly Place[], reads: (place: Place) => Step[]): Step[] {
  const shared = [
    armRead('read identities', places[0]?.subscriptionId ?? '', ['sign in']),
    armRead('read grants', places[0]?.subscriptionId ?? '', ['sign in']),
    armRead('read target', places[0]?.subscriptionId ?? '', ['sign in']),
  ];
  const own = places.flatMap(reads);
  return [...shared, ...own, { name: 'plan', takes: 0, after: ['read clusters', ...shared, ...own].map((step) => (typeof step === 'string' ? step : step.name)) }];
}

/** The way to an API server: its address and authority are in the user credential. */
function approach({ name, subscriptionId }: Place): Step {
  const other = { key: `other ${subscriptionId}`, ...clusterBuckets.other };
  return { name: `approach ${name}`, takes: latencies.armRead, after: ['read clusters'], buckets: [arm('writes', subscriptionId), other] };
}

function federateReads(place: Place): Step[] {
  const { name, subscriptionId, identityId, principalId } = place;
  const listed: Step[] = principalId === undefined ? [] : [{ ...armRead(`list credentials ${name}`, subscriptionId, ['sign in']), buckets: [arm('reads', subscriptionId), ...credential('list', subscriptionId, identityId)] }];
  return [approach(place), { name: `look at account ${name}`, takes: latencies.kubernetes, after: [`approach ${name}`] }, ...listed];
}

function federate(place: Place): Step[] {
  const { name, subscriptionId, identityId } = place;
  const write = { takes: latencies.armWrite, buckets: [arm('writes', subscriptionId)] };
  const made: Step[] = place.principalId === undefined ? [{ ...write, name: `make identity ${name}`, after: ['plan'] }] : [];
  const identity = made.map((step) => step.name);
  const trust: Step[] = place.trusted ? [] : [
    { name: `trust ${name}`, takes: latencies.armWrite, after: ['plan', ...identity], buckets: [arm('writes', subscriptionId), ...credential('write', subscriptionId, identityId)] },
    { name: `trusted ${name}`, takes: latencies.propagation, after: [`trust ${name}`] },
  ];
  const role: Step[] = place.mayRead ? [] : [{ ...write, name: `grant ${name}`, after: ['plan', ...identity] }, { name: `granted ${name}`, takes: latencies.propagation, after: [`grant ${name}`] }];
  const account: Step[] = place.account ? [] : [
    { name: `namespace ${name}`, takes: latencies.kubernetes, after: ['plan'] },
    { name: `account ${name}`, takes: latencies.kubernetes, after: [`namespace ${name}`, ...identity] },
  ];
  return [
    ...made, ...trust, ...role, ...account,
    { name: `account token ${name}`, takes: latencies.kubernetes, after: ['plan', ...account.slice(1).map((step) => step.name)] },
    { name: `exchange ${name}`, takes: latencies.token, after: [`account token ${name}`, ...trust.slice(1).map((step) => step.name)] },
    { name: `read secret ${name}`, takes: latencies.vault, after: [`exchange ${name}`, ...role.slice(1).map((step) => step.name)] },
  ];
}

function grantReads(place: Place): Step[] {
  return [approach(place)];
}

function grant({ name, subscriptionId, mayPull }: Place): Step[] {
  const role: Step[] = mayPull ? [] : [
    { name: `grant ${name}`, takes: latencies.armWrite, after: ['plan'], buckets: [arm('writes', subscriptionId)] },
    { name: `granted ${name}`, takes: latencies.propagation, after: [`grant ${name}`] },
  ];
  return [
    ...role,
    { name: `account token ${name}`, takes: latencies.kubernetes, after: ['plan'] },
    { name: `exchange ${name}`, takes: latencies.token, after: [`account token ${name}`] },
    { name: `refresh token ${name}`, takes: latencies.registry, after: [`exchange ${name}`] },
    { name: `access token ${name}`, takes: latencies.registry, after: [`refresh token ${name}`, ...role.slice(1).map((step) => step.name)] },
  ];
}

function armRead(name: string, subscriptionId: string, after: readonly string[]): Step {
  return { name, takes: latencies.armRead, after, buckets: [arm('reads', subscriptionId)] };
}

function arm(kind: 'reads' | 'writes', subscriptionId: string): Bucket {
  return { key: `${kind} ${subscriptionId}`, ...armBuckets[kind] };
}

function credential(kind: keyof typeof credentialRates, subscriptionId: string, identityId: string): Bucket[] {
  const places = ['tenant', subscriptionId, identityId];
  return credentialRates[kind].map((perSecond, index) => ({ key: `credentials ${kind} ${places[index] ?? ''}`, ...sizeOf(perSecond) }));
}

function placesOf(world: World): Place[] {
  const identities = new Map(world.arm.identities.all().map((record) => [record.id.toLowerCase(), record]));
  const principals = new Map<string, string[]>();
  for (const { principalId, scope } of world.roles.assignments()) principals.set(principalId, [...(principals.get(principalId) ?? []), scope]);
  return [...world.clusters].map(([name, api]) => {
    const { id, subscriptionId, resource } = world.arm.clusters.find(name);
    const identityId = id.replace(/\/providers\/.*/, `/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders-${name}`);
    const identity = identities.get(identityId.toLowerCase());
    const scopes = identity === undefined ? [] : (principals.get(identity.principalId) ?? []);
    const { oidcIssuerProfile: issuer, securityProfile: security } = resource.properties;
    const ready = isRecord(issuer) && issuer.enabled === true && isRecord(security) && isRecord(security.workloadIdentity) && security.workloadIdentity.enabled === true;
    return {
      name, subscriptionId, ready, identityId,
      principalId: identity?.principalId,
      trusted: (identity?.credentials.trusts().length ?? 0) > 0,
      mayRead: scopes.some((scope) => scope.includes('/secrets/')),
      mayPull: scopes.some((scope) => /\/registries\/[^/]+$/i.test(scope)),
      account: api.find('ServiceAccount', 'orders', 'api') !== undefined,
    };
  });
}
