import type { Json } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import { Problem } from '../reconcile/problem.js';
import { kinds, metadataOf, nameOf, type ClusterObject, type ObjectRef } from './objects.js';
import { containersOf, mountConflicts, unmountedContainers, type VaultMounts } from './vault-mounts.js';

/** A pod template of a rendering that runs as the service account. */
export interface MountablePods {
  readonly ref: ObjectRef;
  readonly template: Json;
  /** True for a hook that helm lets nobody change. */
  readonly sealed: boolean;
}

/** What is in the way of mounting files of a vault into a rendering, all of it; empty when they can be mounted. */
export function mountFaults(users: readonly MountablePods[], mounts: VaultMounts): Problem[] {
  if (users.length === 0) return [];
  const unknown = Object.keys(mounts.paths).filter((container) => !users.some(({ template }) => containersOf(template).includes(container)));
  return [
    ...(unknown.length === 0 ? [] : [noSuchContainer(unknown, users)]),
    ...users.filter(({ sealed }) => !sealed).flatMap(({ ref, template }) => mountConflicts(template, mounts).map((because) => taken(ref, because, mounts))),
    ...users.filter(({ sealed }) => sealed).flatMap(({ ref, template }) => {
      const bare = unmountedContainers(template, mounts);
      return bare.length === 0 ? [] : [outOfReach(ref, bare)];
    }),
  ];
}

/** A Secret that the chart makes cannot be kept equal to a vault: two would write it. */
export function syncFaults(rendered: readonly ObjectRef[], syncSecret: string | undefined): Problem[] {
  const own = rendered.find(({ kind, name }) => kind === kinds.secret.kind && name === syncSecret);
  if (own === undefined) return [];
  return [
    new Problem({
      code: 'WI4706',
      what: `The chart makes ${nameOf(own)} itself`,
      because: 'it is the Secret that input syncSecret names, and the Secrets Store CSI driver would not change what is in it',
      remedy: 'take the Secret out of the chart (most have a value for that, such as existingSecret), or name another one in syncSecret',
    }),
  ];
}

function noSuchContainer(unknown: readonly string[], users: readonly MountablePods[]): Problem {
  const there = users.map(({ ref, template }) => `${nameOf(ref)} has ${containersOf(template).join(', ')}`);
  return new Problem({
    code: 'WI4702',
    what: `No pod of the chart has a container ${unknown.join(', ')}`,
    tried: 'find the containers that input secretMounts names',
    because: there.join('; '),
    remedy: 'name containers of pods that run as the service account in secretMounts',
  });
}

function taken(ref: ObjectRef, because: string, { paths }: VaultMounts): Problem {
  return new Problem({
    code: 'WI4703',
    what: `The secrets of the vault cannot be mounted into ${nameOf(ref)}`,
    tried: `mount them at ${Object.entries(paths).map(([container, path]) => `${container}: ${path}`).join(', ')}`,
    because,
    remedy: 'give another path in secretMounts, or take out of the chart what is there',
  });
}

function outOfReach(ref: ObjectRef, containers: readonly string[]): Problem {
  return new Problem({
    code: 'WI4704',
    what: `The hook ${nameOf(ref)} would run without the secrets of the vault`,
    because: `input secretMounts names its container ${containers.join(', ')}, and helm before 3.21 lets nobody change hooks on their way to the cluster`,
    remedy: 'use helm 4, or 3.21 and later; or give the container of the hook a name that secretMounts does not have',
  });
}

/** Looks at pods that run as the service account. @throws Problem WI4708 for those that lack the mount in a container that is to have it. */
export function assertMounted(title: string, cluster: string, pods: readonly ClusterObject[], mounts: VaultMounts): void {
  const bare = pods.map((pod) => ({ name: metadataOf(pod).name, containers: unmountedContainers(pod, mounts) })).filter(({ containers }) => containers.length > 0);
  const [first] = bare;
  if (first === undefined) return;
  throw new Problem({
    code: 'WI4708',
    what: `${bare.length} of ${pods.length} running pods of ${title} on ${cluster} do not have the secrets of the vault (${some(bare.map(({ name }) => name))})`,
    tried: `look for secret provider class ${mounts.secretProviderClass} in every running pod`,
    because: `pod ${first.name} lacks the mount in container ${first.containers.join(', ')}`,
    remedy: 'run again: a changed pod template is put right; where it stays so, look for an operator or a webhook that takes volumes out',
  });
}
