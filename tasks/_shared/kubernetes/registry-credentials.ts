import { object, objects, parseJson, strings, text, type Json } from '../fleet/json.js';
import type { Permission } from '../reconcile/resource.js';
import type { ClusterConnection } from './connection.js';
import { kinds, metadataOf, type ClusterObject } from './objects.js';
import { rights } from './permissions.js';
import { podTemplateOf } from './pod-templates.js';
import { helmRelease } from './secret-facts.js';

/** A user name at a registry. */
export interface RegistryAccount {
  /** Host that clients sign in at, e.g. `contoso.azurecr.io`. */
  readonly loginServer: string;
  readonly user: string;
}

const listed = [kinds.secret, kinds.serviceAccount, kinds.pod, kinds.replicaSet, kinds.deployment, kinds.statefulSet, kinds.daemonSet, kinds.job, kinds.cronJob];

/** The rights that {@link accountUsers} needs, in the whole cluster. */
export function accountRights(connection: ClusterConnection): Permission[] {
  return listed.flatMap((kind) => rights(connection, ['list'], kind));
}

/**
 * What in a cluster holds or uses the credentials of a registry account, as `namespace/kind/name: how`, in order. Values of secrets are
 * compared in memory; names of objects and of variables are all that is returned.
 */
export async function accountUsers(connection: ClusterConnection, account: RegistryAccount): Promise<readonly string[]> {
  // Of replica sets only their owner matters: their pods and their deployments are looked at themselves.
  const lists = await Promise.all(listed.map((kind) => connection.list(kind, undefined, undefined, { metadataOnly: kind === kinds.replicaSet })));
  return new Search(lists.flat(), account).users();
}

/** One environment variable of a container. */
interface Variable {
  readonly name: string;
  readonly value: string;
  /** The secret that it comes from. */
  readonly secret?: string;
}

/** The search through the objects of one cluster. */
class Search {
  readonly #byUid = new Map<string, ClusterObject>();
  /** Decoded values of the secrets, by `namespace/name`. */
  readonly #secrets = new Map<string, Readonly<Record<string, string>>>();
  /** Secrets that hold the account, by `namespace/name`. */
  readonly #holders = new Set<string>();
  readonly #found = new Map<string, Set<string>>();

  constructor(
    private readonly all: readonly ClusterObject[],
    private readonly account: RegistryAccount,
  ) {
    for (const one of all) {
      const { uid, namespace = '', name } = metadataOf(one);
      if (uid !== undefined) this.#byUid.set(uid, one);
      if (one.kind !== kinds.secret.kind || one.type === helmRelease) continue;
      const values = Object.fromEntries(Object.entries(strings(one.data)).map(([key, value]) => [key, decoded(value)]));
      this.#secrets.set(`${namespace}/${name}`, values);
      const how = holds(values, account);
      if (how === undefined) continue;
      this.#holders.add(`${namespace}/${name}`);
      this.#note(one, how);
    }
  }

  users(): string[] {
    for (const one of this.all) if (one.kind === kinds.serviceAccount.kind) this.#pullSecrets(one, one, '');
    const makers = this.all.flatMap((one) => {
      const template = podTemplateOf(one);
      return template === undefined || one.kind === kinds.replicaSet.kind ? [] : [{ one, spec: object(template.spec), owner: this.#owner(one) }];
    });
    // What a controller's own template says is not told of its pods again.
    for (const { one, spec, owner } of makers) if (owner === one) this.#pods(spec, one, owner, '');
    for (const { one, spec, owner } of makers) if (owner !== one) this.#pods(spec, one, owner, 'its pods: ');
    return [...this.#found].map(([place, hows]) => `${place}: ${[...hows].join(', ')}`).sort();
  }

  #pods(spec: Json, one: ClusterObject, owner: ClusterObject, prefix: string): void {
    const { namespace = '' } = metadataOf(one);
    this.#pullSecrets(owner, { ...one, imagePullSecrets: spec.imagePullSecrets }, prefix);
    for (const volume of objects(spec.volumes)) {
      const sources = objects(object(volume.projected).sources).map(({ secret }) => text(object(secret).name));
      for (const name of [text(object(volume.secret).secretName), ...sources]) {
        if (name !== undefined && this.#holders.has(`${namespace}/${name}`)) this.#note(owner, `a volume from secret ${name}`, prefix);
      }
    }
    for (const container of [...objects(spec.initContainers), ...objects(spec.containers)]) {
      for (const { name, secret } of this.#suspects(container, namespace)) {
        const origin = secret === undefined ? '' : ` from secret ${secret}`;
        this.#note(owner, `variable ${name}${origin} of container ${text(container.name) ?? ''}`, prefix);
      }
    }
  }

  #pullSecrets(owner: ClusterObject, one: ClusterObject, prefix: string): void {
    const { namespace = '' } = metadataOf(one);
    for (const { name } of objects(one.imagePullSecrets)) {
      if (typeof name === 'string' && this.#holders.has(`${namespace}/${name}`)) this.#note(owner, `imagePullSecrets ${name}`, prefix);
    }
  }

  /**
   * Variables that bring the account into a container: those from a secret that holds it, those that hold it themselves, and those
   * that are the user's name where the registry is named beside it. A secret's value that is the name counts with an image of the registry too.
   */
  #suspects(container: Json, namespace: string): Variable[] {
    const variables = this.#variables(container, namespace);
    const server = hostPattern(this.account.loginServer);
    const named = variables.some(({ value }) => server.test(value));
    const pulled = (text(container.image) ?? '').toLowerCase().startsWith(`${this.account.loginServer.toLowerCase()}/`);
    return variables.filter(({ value, secret }) => {
      if (secret !== undefined && this.#holders.has(`${namespace}/${secret}`)) return true;
      const isUser = value.trim().toLowerCase() === this.account.user.toLowerCase();
      return mentions(value, this.account) || (isUser && (named || (pulled && secret !== undefined)));
    });
  }

  #variables(container: Json, namespace: string): Variable[] {
    const single = objects(container.env).map((entry): Variable => {
      const { name: secret, key } = object(object(entry.valueFrom).secretKeyRef);
      const name = text(entry.name) ?? '';
      if (typeof secret !== 'string') return { name, value: text(entry.value) ?? '' };
      return { name, secret, value: this.#secrets.get(`${namespace}/${secret}`)?.[text(key) ?? ''] ?? '' };
    });
    const whole = objects(container.envFrom).flatMap((source): Variable[] => {
      const secret = text(object(source.secretRef).name);
      const values = secret === undefined ? undefined : this.#secrets.get(`${namespace}/${secret}`);
      if (secret === undefined || values === undefined) return [];
      return Object.entries(values).map(([key, value]) => ({ name: `${text(source.prefix) ?? ''}${key}`, value, secret }));
    });
    return [...single, ...whole];
  }

  /** What controls an object in the end, as far as it was listed; the object itself when nothing does. */
  #owner(one: ClusterObject): ClusterObject {
    const above = this.#byUid.get(metadataOf(one).controller ?? '');
    return above === undefined ? one : this.#owner(above);
  }

  #note(one: ClusterObject, how: string, prefix = ''): void {
    const { namespace = '', name } = metadataOf(one);
    const place = `${namespace}/${one.kind.toLowerCase()}/${name}`;
    const known = this.#found.get(place) ?? new Set();
    this.#found.set(place, known.has(how) ? known : known.add(`${prefix}${how}`));
  }
}

/** How a secret holds the account; undefined when it does not. */
function holds(values: Readonly<Record<string, string>>, account: RegistryAccount): string | undefined {
  if (Object.values(values).some((value) => signsIn(value, account))) return 'signs in with it';
  return mentions(Object.values(values).join('\n'), account) ? 'has the login server and the user name' : undefined;
}

/**
 * True for a Docker configuration that signs in to the registry as the user. Source: Kubernetes docs, kubernetes.io/dockerconfigjson and
 * dockercfg; an entry is a host or a URL, with `username` or with `auth`, the base64 of `username:password`.
 */
function signsIn(value: string, { loginServer, user }: RegistryAccount): boolean {
  const config = object(parseJson(value));
  return Object.entries(object(config.auths ?? config)).some(([server, entry]) => {
    const host = server.toLowerCase().replace(/^https?:\/\//, '').split('/')[0];
    const { username, auth } = object(entry);
    const name = text(username) ?? decoded(text(auth) ?? '').split(':')[0];
    return host === loginServer.toLowerCase() && name?.toLowerCase() === user.toLowerCase();
  });
}

/** True for a text with the login server and, elsewhere in it, the user's name. */
function mentions(value: string, { loginServer, user }: RegistryAccount): boolean {
  const server = hostPattern(loginServer);
  if (!server.test(value)) return false;
  const rest = value.replaceAll(new RegExp(server, 'gi'), ' ');
  return new RegExp(`(?<![\\w.-])${escaped(user)}(?![\\w.-])`, 'i').test(rest);
}

/** A host that is not part of a longer one. */
function hostPattern(host: string): RegExp {
  return new RegExp(`(?<![\\w.-])${escaped(host)}(?![\\w-]|\\.\\w)`, 'i');
}

function escaped(literal: string): string {
  return literal.replaceAll(/[.+?^${}()|[\]\\*]/g, '\\$&');
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
