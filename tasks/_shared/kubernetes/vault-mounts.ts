import { isDeepStrictEqual } from 'node:util';
import { object, objects, text, type Json } from '../fleet/json.js';
import type { YamlEdit, YamlPath } from '../fleet/yaml-edits.js';

/** The files of a vault that containers get. Plain data: it is handed to a process of its own. */
export interface VaultMounts {
  /** Name of the class that says which files. */
  readonly secretProviderClass: string;
  /** Where they are mounted, by the name of the container. */
  readonly paths: Readonly<Record<string, string>>;
  /** Secret that is kept equal to the files, which the manifests must not make themselves; absent: none. */
  readonly syncSecret?: string;
}

/** Name of the volume in pods. */
export const vaultVolume = 'aks-wi-vault';

/** Source: secrets-store-csi-driver docs, usage. */
export const secretsStoreDriver = 'secrets-store.csi.k8s.io';

/** Where a pod template has its containers. Source: Kubernetes API reference, PodSpec. */
const containerLists = ['containers', 'initContainers'] as const;

/** The names of a template's containers, those that run before the others included. */
export function containersOf(template: Json): string[] {
  const spec = object(template.spec);
  return containerLists.flatMap((field) => objects(spec[field]).flatMap(({ name }) => text(name) ?? []));
}

/**
 * What a pod template lacks: the volume, and its mount in each container that is named; nothing for a template that has none of these containers.
 * @param at where the template is in its document
 */
export function mountEdits(template: Json, at: YamlPath, mounts: VaultMounts): YamlEdit[] {
  const spec = object(template.spec);
  const inContainers = containerLists.flatMap((field) =>
    objects(spec[field]).flatMap((container, index) => {
      const mount = mountOf(container, mounts);
      return mount === undefined || objects(container.volumeMounts).some((one) => isDeepStrictEqual(one, mount)) ? [] : [{ path: [...at, 'spec', field, index, 'volumeMounts'], item: mount }];
    }),
  );
  const volume = volumeOf(mounts);
  const wanted = mountedContainers(template, mounts).length > 0 && !objects(spec.volumes).some((one) => isDeepStrictEqual(one, volume));
  return wanted ? [...inContainers, { path: [...at, 'spec', 'volumes'], item: volume }] : inContainers;
}

/** Why a pod template cannot get the files, each in a clause: something else is where they belong. */
export function mountConflicts(template: Json, mounts: VaultMounts): string[] {
  const spec = object(template.spec);
  if (mountedContainers(template, mounts).length === 0) return [];
  const volume = objects(spec.volumes).find(({ name }) => name === vaultVolume);
  const taken = volume === undefined || isDeepStrictEqual(volume, volumeOf(mounts)) ? [] : [`it has another volume ${vaultVolume}`];
  return [
    ...taken,
    ...containerLists.flatMap((field) => objects(spec[field])).flatMap((container) => {
      const mount = mountOf(container, mounts);
      if (mount === undefined) return [];
      const other = objects(container.volumeMounts).find((one) => text(one.mountPath)?.replace(/\/+$/, '') === mount.mountPath && !isDeepStrictEqual(one, mount));
      return other === undefined ? [] : [`container ${text(container.name) ?? ''} has volume ${text(other.name) ?? ''} mounted at ${mount.mountPath}`];
    }),
  ];
}

/** The containers of a template, or of a pod, that are to get the files. */
export function mountedContainers(template: Json, { paths }: VaultMounts): string[] {
  return containersOf(template).filter((name) => Object.hasOwn(paths, name));
}

/** The containers of a pod, or of a live template, that are to have the files and have no mount of this class. */
export function unmountedContainers(template: Json, mounts: VaultMounts): string[] {
  const spec = object(template.spec);
  const volume = objects(spec.volumes).find(({ name }) => name === vaultVolume);
  if (object(object(object(volume).csi).volumeAttributes).secretProviderClass !== mounts.secretProviderClass) return mountedContainers(template, mounts);
  return containerLists.flatMap((field) => objects(spec[field])).flatMap((container) => {
    const mount = mountOf(container, mounts);
    const there = mount === undefined || objects(container.volumeMounts).some(({ name, mountPath }) => name === mount.name && mountPath === mount.mountPath);
    return there ? [] : (text(container.name) ?? []);
  });
}

function mountOf({ name }: Json, { paths }: VaultMounts): { readonly name: string; readonly mountPath: string; readonly readOnly: boolean } | undefined {
  const container = text(name) ?? '';
  return Object.hasOwn(paths, container) ? { name: vaultVolume, mountPath: paths[container] ?? '', readOnly: true } : undefined;
}

/** Source: AKS docs, csi-secrets-store-identity-access. */
function volumeOf({ secretProviderClass }: VaultMounts): Json {
  return { name: vaultVolume, csi: { driver: secretsStoreDriver, readOnly: true, volumeAttributes: { secretProviderClass } } };
}
