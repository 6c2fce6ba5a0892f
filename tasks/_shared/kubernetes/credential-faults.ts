import { some } from '../fleet/wording.js';
import { Problem } from '../reconcile/problem.js';
import { among, credentialPlaces, credentialText, isSame, type CredentialPlace, type NamedCredential } from './named-credentials.js';
import { metadataOf, nameOf, type ClusterObject, type ObjectRef } from './objects.js';

/** An object of a rendering that credentials can be taken out of. */
export interface CredentialHolder {
  readonly ref: ObjectRef;
  readonly places: readonly CredentialPlace[];
  /** True for a hook that helm lets nobody change. */
  readonly sealed: boolean;
}

/** One credential with where a rendering has it. */
export interface CredentialUse extends NamedCredential {
  /** `deployment api, container api`. */
  readonly at: string;
}

/** Where the named credentials are, one entry for each that is anywhere. */
export function credentialUses(holders: readonly CredentialHolder[], named: readonly NamedCredential[]): CredentialUse[] {
  return named.flatMap((one) => {
    const at = holders.flatMap(({ ref, places }) => places.filter((place) => isSame(place, one)).map(({ container }) => `${nameOf(ref)}${container === undefined ? '' : `, container ${container}`}`));
    return at.length === 0 ? [] : [{ ...one, at: some([...new Set(at)], 5, '; ') }];
  });
}

/** What is in the way of taking credentials out of a rendering, all of it. @param holders none where no pod runs as the service account, which is told by itself */
export function removalFaults(holders: readonly CredentialHolder[], named: readonly NamedCredential[], source: string): Problem[] {
  if (holders.length === 0) return [];
  const lost = named.filter((one) => !holders.some(({ places }) => places.some((place) => isSame(place, one))));
  const kept = holders.filter(({ sealed }) => sealed).flatMap(({ ref, places }) => {
    const found = among(places, named);
    return found.length === 0 ? [] : [outOfReach(ref, found)];
  });
  return [...(lost.length === 0 ? [] : [notThere(lost, holders, source)]), ...kept];
}

/** @throws Problem WI4810 where running pods have credentials that were taken out of what they are made from. */
export function assertWithout(title: string, cluster: string, pods: readonly ClusterObject[], named: readonly NamedCredential[]): void {
  const found = pods.flatMap((pod) => among(credentialPlaces(pod), named).map((place) => ({ text: credentialText(place), at: `pod ${metadataOf(pod).name}${place.container === undefined ? '' : `, container ${place.container}`}` })));
  if (found.length === 0) return;
  throw new Problem({
    code: 'WI4810',
    what: `Pods of ${title} on ${cluster} still have ${[...new Set(found.map(({ text }) => text))].join(', ')}`,
    tried: 'look at every running pod for what input removeCredentials names',
    because: `what is deployed does not say so any more, and something else does: ${some([...new Set(found.map(({ at }) => at))], 3, '; ')}`,
    remedy: 'look who has set it (kubectl get deployment --output yaml --show-managed-fields, the service account, admission webhooks) and take it out there; or take it out of removeCredentials',
  });
}

function notThere(lost: readonly NamedCredential[], holders: readonly CredentialHolder[], source: string): Problem {
  const there = [...new Set(holders.flatMap(({ places }) => places.map(credentialText)))];
  return new Problem({
    code: 'WI4801',
    what: `No pod of ${source} that runs as the service account has ${lost.map(credentialText).join(', ')}`,
    tried: 'find what the input removeCredentials names',
    because: there.length === 0 ? 'these pods have no variables, volumes or image pull secrets at all' : `these pods have ${some(there, 20)}`,
    remedy: `correct the name in removeCredentials; or take it out of that input, where ${source} ${source === 'the chart' ? 'does' : 'do'} without it already`,
  });
}

function outOfReach(ref: ObjectRef, found: readonly CredentialPlace[]): Problem {
  return new Problem({
    code: 'WI4802',
    what: `The hook ${nameOf(ref)} would keep ${[...new Set(found.map(credentialText))].join(', ')}`,
    because: 'input removeCredentials names it, and helm before 3.21 lets nobody change hooks on their way to the cluster',
    remedy: 'use helm 4, or 3.21 and later; or take it out of the hook in the chart',
  });
}
