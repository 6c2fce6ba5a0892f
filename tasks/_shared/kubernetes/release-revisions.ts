import { ownKeys, type ClusterConnection } from './connection.js';
import { kinds, metadataOf, type ObjectRef } from './objects.js';

/** One revision of a Helm release, as its Secret's labels tell; its content is not read. */
export interface Revision {
  readonly number: number;
  /** `deployed`, `failed`, `pending-install`, `pending-upgrade`, `pending-rollback`, `superseded`, `uninstalling`, … */
  readonly status: string;
  /** Digest of what it was made from; absent when it was not made by this project. */
  readonly digest: string | undefined;
  /** Digest of chart and values without the identity; absent like the other one. */
  readonly content: string | undefined;
  /** Label of its secret values; absent when it had none. */
  readonly secrets: string | undefined;
  /** Label of what its pods run without; absent where nothing was taken out. */
  readonly without: string | undefined;
  /** When Helm last touched it, milliseconds since 1970; NaN when it does not say. */
  readonly changedMs: number;
  /**
   * When the helm of this project that made it has to have ended, milliseconds since 1970; absent on revisions that others made. Helm hands
   * labels on from one revision to the next, whoever makes that: so the label names the revision that it is about.
   */
  readonly untilMs: number | undefined;
  readonly secret: ObjectRef;
}

/** True while Helm works on a revision, or was killed in the middle of it: it refuses to begin another one. */
export function isPending({ status }: Revision): boolean {
  return status.startsWith('pending-');
}

/** The label that says until when the helm may work that makes a revision. */
export function untilLabel(revision: number, untilMs: number): string {
  return `${revision}.${Math.ceil(untilMs / 1000)}`;
}

/** When the helm has to have ended that made a revision, by the label that {@link untilLabel} wrote; undefined when the label is about another revision. Milliseconds since 1970. */
export function untilIn(label: string | undefined, revision: number): number | undefined {
  const [, about, seconds] = /^(\d+)\.(\d+)$/.exec(label ?? '') ?? [];
  return Number(about) === revision ? Number(seconds) * 1000 : undefined;
}

/** The newest revision of a release; undefined when Helm knows none. */
export async function newestRevision(connection: ClusterConnection, namespace: string, release: string): Promise<Revision | undefined> {
  return (await revisionsOf(connection, namespace, release))[0];
}

/** The revisions of a release that Helm knows, the newest first. Source: helm pkg/storage/driver/secrets.go. */
export async function revisionsOf(connection: ClusterConnection, namespace: string, release: string): Promise<readonly Revision[]> {
  const secrets = await connection.list(kinds.secret, namespace, `owner=helm,name=${release}`, { metadataOnly: true });
  const revisions = secrets.map((found): Revision => {
    const { name, labels, created } = metadataOf(found);
    const touched = labels.modifiedAt ?? labels.createdAt;
    return {
      number: Number(labels.version),
      status: labels.status ?? '',
      digest: labels[ownKeys.digest],
      content: labels[ownKeys.content],
      secrets: labels[ownKeys.secrets],
      without: labels[ownKeys.without],
      changedMs: touched === undefined ? Date.parse(created ?? '') : Number(touched) * 1000,
      untilMs: untilIn(labels[ownKeys.until], Number(labels.version)),
      secret: { ...kinds.secret, namespace, name },
    };
  });
  return revisions.sort((one, other) => other.number - one.number);
}
