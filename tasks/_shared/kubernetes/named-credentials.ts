import { createHash } from 'node:crypto';
import { object, objects, text, type Json } from '../fleet/json.js';
import type { YamlEdit, YamlPath } from '../fleet/yaml-edits.js';

/** How pods come by a registry credential, in the words of the input removeCredentials. */
export const credentialKinds = ['env', 'envFrom', 'mount', 'imagePullSecret'] as const;

/** One thing in pod templates that is, or holds, a registry credential. Plain data: it is handed to a process of its own. */
export interface NamedCredential {
  readonly kind: (typeof credentialKinds)[number];
  /** `env`: of the variable; `envFrom`: of the Secret whose keys become variables; `mount`: of the volume; `imagePullSecret`: of the Secret. */
  readonly name: string;
}

/** Where an object has one of them. */
export interface CredentialPlace extends NamedCredential {
  /** To the item of a sequence, from the pod template or the service account. */
  readonly path: YamlPath;
  /** Container that has it; absent for what belongs to the whole pod, or to the service account. */
  readonly container?: string;
}

/** As users name it: `env:REGISTRY_PASSWORD`. */
export function credentialText({ kind, name }: NamedCredential): string {
  return `${kind}:${name}`;
}

/**
 * Everything in a pod template that can be named: variables, sources of variables, volumes with their mounts, and the Secrets that images are pulled with. Source:
 * Kubernetes API reference, PodSpec and Container.
 */
export function credentialPlaces(template: Json): CredentialPlace[] {
  const spec = object(template.spec);
  const inContainers = ['containers', 'initContainers'].flatMap((field) =>
    objects(spec[field]).flatMap((container, index) => {
      const at = ['spec', field, index];
      const owner = { container: text(container.name) ?? '' };
      return [
        ...items('env', container.env, [...at, 'env'], nameOf, owner),
        ...items('envFrom', container.envFrom, [...at, 'envFrom'], ({ secretRef }) => text(object(secretRef).name), owner),
        ...items('mount', container.volumeMounts, [...at, 'volumeMounts'], nameOf, owner),
      ];
    }),
  );
  return [...inContainers, ...items('mount', spec.volumes, ['spec', 'volumes'], nameOf), ...items('imagePullSecret', spec.imagePullSecrets, ['spec', 'imagePullSecrets'], nameOf)];
}

/** The Secrets that a service account gives its pods to pull images with. Source: Kubernetes docs, add image pull secret to service account. */
export function accountPlaces(account: Json): CredentialPlace[] {
  return items('imagePullSecret', account.imagePullSecrets, ['imagePullSecrets'], nameOf);
}

/**
 * What takes the named ones out.
 * @param at where the pod template, or the service account, is in its document
 */
export function removalEdits(places: readonly CredentialPlace[], at: YamlPath, named: readonly NamedCredential[]): YamlEdit[] {
  // The last item of a sequence goes first, so that the indexes of the others stay right.
  return among(places, named).map(({ path }): YamlEdit => ({ path: [...at, ...path], remove: true })).reverse();
}

/** The places of the named ones. */
export function among(places: readonly CredentialPlace[], named: readonly NamedCredential[]): CredentialPlace[] {
  return places.filter((place) => named.some((one) => isSame(one, place)));
}

/** True for two that name the same. */
export function isSame(one: NamedCredential, other: NamedCredential): boolean {
  return one.kind === other.kind && one.name === other.name;
}

/** Digits of a digest that fit a label with room to spare. */
const digits = 40;

/** What a deployment is labelled with whose pods run without some credentials: equal for the same credentials and the same identity. */
export function withoutLabel({ clientId, tenantId }: { readonly clientId: string; readonly tenantId: string }, named: readonly NamedCredential[]): string {
  return createHash('sha256').update(JSON.stringify([clientId, tenantId, named.map(credentialText).sort()])).digest('hex').slice(0, digits);
}

function nameOf({ name }: Json): string | undefined {
  return text(name);
}

function items(kind: NamedCredential['kind'], sequence: unknown, path: YamlPath, named: (item: Json) => string | undefined, owner: Pick<CredentialPlace, 'container'> = {}): CredentialPlace[] {
  return objects(sequence).flatMap((item, index) => {
    const name = named(item);
    return name === undefined ? [] : [{ kind, name, path: [...path, index], ...owner }];
  });
}
