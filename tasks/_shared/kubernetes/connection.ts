import type { Problem } from '../reconcile/problem.js';
import type { Permission } from '../reconcile/resource.js';
import type { PodIdentity } from './identity-injection.js';
import type { ClusterObject, ObjectKind, ObjectRef } from './objects.js';

/** The name under which this project's fields are owned in managedFields. */
export const fieldManager = 'aks-workload-identity';

/** The name under which one part of this project owns its fields. @param part absent: what is no part of its own */
export function managerOf(part: string | undefined): string {
  return part === undefined ? fieldManager : `${fieldManager}.${part}`;
}

/** Azure's words on service accounts and pods. Source: azure-workload-identity docs, labels and annotations. */
export const identityKeys = {
  /** Pod label, value `true`. */
  use: 'azure.workload.identity/use',
  /** Service-account annotation. */
  clientId: 'azure.workload.identity/client-id',
  /** Service-account annotation. */
  tenantId: 'azure.workload.identity/tenant-id',
  /** Service-account annotation: lifetime of tokens in seconds. */
  tokenSeconds: 'azure.workload.identity/service-account-token-expiration',
  /** Pod annotation: names of containers that the webhook leaves alone, separated by `;`. */
  skipContainers: 'azure.workload.identity/skip-containers',
} as const;

/** Lifetime of the service-account tokens that proofs ask for: the shortest that API servers give. Seconds. */
export const tokenLifeSeconds = 600;

/** This project's own words on objects. */
export const ownKeys = {
  /** Label, value `true`, on objects that this project created. */
  managed: 'aks-workload-identity/managed',
  /** Label of a Helm release: digest of what it was made from. */
  digest: 'aks-workload-identity/digest',
  /** The same without the identity. */
  content: 'aks-workload-identity/content',
  /** Label of a Helm release: when the operation that made the revision has to have ended, seconds since 1970. */
  until: 'aks-workload-identity/until',
  /** Label, value `true`, of the Secret that remembers a manifest set: nothing that it holds is secret. */
  plain: 'aks-workload-identity/plain',
  /** Label on the objects of a manifest set: its name. */
  set: 'aks-workload-identity/set',
  /** Label of a role binding: the release that it was made with. */
  access: 'aks-workload-identity/access',
  /** Label of a Helm release: salt and slow digest of the secret values that it was made with. */
  secrets: 'aks-workload-identity/secrets',
  /** Label of what belongs to a Helm release without being a part of it: the release's name. */
  release: 'aks-workload-identity/release',
  /** Label of a Helm release whose pods run without registry credentials that its chart has: digest of which, and of the identity that was proven before. */
  without: 'aks-workload-identity/without',
  /** Label of a pod that tries a pull: the release that it is for. */
  pull: 'aks-workload-identity/pull',
  /** Pod annotation: client id that the pods were made for. */
  clientId: 'aks-workload-identity/client-id',
} as const;

/** A right asked for with a SelfSubjectAccessReview. */
export interface AccessAttributes {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** Plural, with `/subresource` where it applies. */
  readonly resource: string;
  /** Absent for the whole cluster. */
  readonly namespace?: string;
  /** Absent for any object. */
  readonly name?: string;
}

/** How an object is applied. */
export interface ApplyOptions {
  /** Takes fields over from other managers; only where the caller knows that they are this project's by right. */
  readonly force?: boolean;
  /**
   * Keeps these fields apart from others of the same object: what a manager stops sending is removed, so two resources that
   * write one object must be two managers. Default: {@link fieldManager} alone.
   */
  readonly part?: string;
  /** Only what would come of it: `dryRun=All`, admission included, so that nothing is stored. */
  readonly dryRun?: boolean;
  /** The kind's resource name, where it is known. */
  readonly plural?: string;
}

/** A kind of objects as discovery tells it. */
export interface ServedKind {
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** How objects are listed. */
export interface ListOptions {
  /** Leaves out everything but metadata, so that large objects need not travel; secrets least of all. */
  readonly metadataOnly?: boolean;
  /** `type!=Opaque`: the server leaves out what does not match, and refuses (400) fields that the kind does not offer for it. Source: Kubernetes docs, field selectors. */
  readonly fieldSelector?: string;
}

/**
 * One argument of a helm command. Files are named by what they are, not by where they lie, so that a connection which runs
 * helm elsewhere can ship them.
 */
export type HelmArgument =
  | string
  /** A chart of this machine: its folder, or its package (a file). */
  | { readonly folder: string }
  /** A file that exists only while the command runs; its mode is 0600. */
  | { readonly fileName: string; readonly content: string };

/** How helm is run. */
export interface HelmOptions {
  /** `helm`, or the path of the executable, for connections that run it on this machine. */
  readonly executable: string;
  /** True for commands that need no cluster (`template`, `version`): they run on this machine and get no credential. */
  readonly offline: boolean;
  readonly signal: AbortSignal;
  /** Makes what helm renders right for an identity, before helm sends or stores it. */
  readonly inject?: HelmInjection;
}

/** How what helm renders is made right for an identity. */
export interface HelmInjection {
  readonly identity: PodIdentity;
  /** Helm 4 finds post-renderers as plugins, Helm 3 as programs. */
  readonly helmMajor: number;
}

/** Which lines of which container's log are read. */
export interface PodLogQuery {
  readonly namespace: string;
  readonly pod: string;
  /** Name of the container. */
  readonly name: string;
  /** True for what the container wrote before it was restarted. */
  readonly previous: boolean;
  /** At most so many, the last ones. */
  readonly lines: number;
}

/** What a deployment would have carried to a cluster, and from it. */
export interface Cargo {
  readonly manifests: string;
  /** Whether it was made with values that are secret. */
  readonly secretValues: boolean;
  /** Namespace and name of the service account of which its proof asks for a token; absent: of none. */
  readonly token?: string;
}

/** How an object is deleted. */
export interface RemoveOptions {
  /** True to send it also once the run is cancelled: for what the run itself made for a moment only. It is given a few seconds then. */
  readonly finishing?: boolean;
}

/** The one way to a cluster. Every method throws a Problem; none falls back to another credential. */
export interface ClusterConnection {
  /** What logs call the cluster. */
  readonly label: string;
  /** ARM id of the cluster. */
  readonly clusterId: string;
  /** The Kubernetes version of the API server, e.g. `v1.31.5`. */
  version(): Promise<string>;
  /** The object; undefined when it does not exist. */
  get(ref: ObjectRef): Promise<ClusterObject | undefined>;
  /**
   * All objects of a kind; an unknown namespace has none.
   * @param namespace undefined for kinds of the whole cluster.
   * @param labelSelector `app=orders,tier!=web`
   */
  list(kind: ObjectKind, namespace: string | undefined, labelSelector?: string, options?: ListOptions): Promise<readonly ClusterObject[]>;
  /**
   * Server-side apply: creates the object or changes exactly the fields that it has.
   * @throws Problem WI4004 when another manager owns one of the fields with another value.
   */
  apply(object: ClusterObject, options?: ApplyOptions): Promise<ClusterObject>;
  /**
   * What the API server would make of a new object, admission included: with `dryRun=All`, so that nothing is stored.
   * @throws Problem when it would refuse it.
   */
  rehearse(object: ClusterObject): Promise<ClusterObject>;
  /** The kinds that the cluster serves of a group version (`apps/v1`); undefined when it knows no such version. */
  served(apiVersion: string): Promise<readonly ServedKind[] | undefined>;
  /** Deletes the object; not found counts as done. */
  remove(ref: ObjectRef, options?: RemoveOptions): Promise<void>;
  /**
   * A token of a service account. Reads only: nothing is stored in the cluster.
   * @param seconds lifetime, at least 600.
   */
  serviceAccountToken(namespace: string, name: string, audience: string, seconds: number): Promise<string>;
  /** The last lines of a container's log; absent or undefined where the way to the cluster does not offer it. Asks once: nobody depends on it. */
  podLog?(query: PodLogQuery): Promise<string | undefined>;
  /** Whether this connection may do that. */
  can(access: AccessAttributes): Promise<boolean>;
  /** Rights in Azure that this way to the cluster needs for every request; none before it was chosen. Absent: none at all. */
  needs?(): readonly Permission[];
  /** What of a deployment this way must not carry, each with a way out. Absent: it carries everything. */
  refusals?(cargo: Cargo): Promise<readonly Problem[]>;
  /**
   * Runs helm and gives its standard output.
   * @throws Problem WI4201 when helm cannot be started, WI4202 with helm's own words when it fails, WI9002 when it was cancelled.
   */
  helm(helmArguments: readonly HelmArgument[], options: HelmOptions): Promise<string>;
}
