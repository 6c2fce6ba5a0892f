import type { ObjectKind } from './objects.js';

/**
 * In which order the objects of a set are applied; those of one line side by side. What is not named comes after the workloads. Deleting goes the other way
 * round. Definitions come before their objects, accounts and rights before what uses them, and what the API server itself calls last, once there are pods to answer.
 */
const waves: readonly (readonly string[])[] = [
  ['Namespace', 'CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'IngressClass', 'RuntimeClass'],
  ['ServiceAccount', 'Role', 'ClusterRole', 'ResourceQuota', 'LimitRange', 'NetworkPolicy'],
  ['RoleBinding', 'ClusterRoleBinding'],
  ['ConfigMap', 'Secret', 'SecretProviderClass', 'PersistentVolume', 'PersistentVolumeClaim'],
  ['Service'],
  ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Pod', 'Job', 'CronJob'],
];
const last: readonly string[] = ['APIService', 'MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];

function waveOf({ kind }: ObjectKind): number {
  const found = waves.findIndex((names) => names.includes(kind));
  if (found !== -1) return found;
  return last.includes(kind) ? waves.length + 1 : waves.length;
}

/** Things in the order in which they are applied: each list side by side, after the one before it. */
export function inWaves<T>(things: readonly T[], kindOf: (thing: T) => ObjectKind): readonly (readonly T[])[] {
  const byWave = new Map<number, T[]>();
  for (const thing of things) {
    const wave = waveOf(kindOf(thing));
    byWave.set(wave, [...(byWave.get(wave) ?? []), thing]);
  }
  return [...byWave].sort(([one], [other]) => one - other).map(([, each]) => each);
}
