import { accountOf, credentialNamePart, longestReadable, uuidOf } from './names.js';

/** How everything that this project makes in Azure says so: the value of the tag `managed-by`, and the beginning of descriptions. */
export const ownName = 'aks-workload-identity';

/** What a role assignment of this project says of itself in its description. */
export interface GrantMark {
  /** Whom it is for: `orders/api`, `kubelet of aks-1`. */
  readonly workload: string;
  /** ARM id of the identity or cluster whose principal has the role: the way to find out whether it is still there. Absent for a principal that was named by its object id. */
  readonly principal?: string;
  /** The run that made it, in the pipeline's own words. */
  readonly run: string;
}

/** The description of a grant: `aks-workload-identity | orders/api | /subscriptions/… | contoso 20260105.1, job apply`. */
export function describeGrant({ workload, principal = '', run }: GrantMark): string {
  return [ownName, workload, principal, run].map((part) => part.replaceAll('|', '/')).join(' | ');
}

/** Reads a description that {@link describeGrant} made; undefined for every other text. */
export function grantMark(description: string | undefined): GrantMark | undefined {
  const [name, workload, principal, run, ...rest] = (description ?? '').split(' | ');
  if (name !== ownName || workload === undefined || principal === undefined || run === undefined || rest.length > 0) return undefined;
  return { workload, run, ...(principal === '' ? {} : { principal }) };
}

/**
 * The name of the role assignment that this project makes: the same for the same scope, role and principal in any spelling, so that a
 * repeated write hits the same one.
 * @param role GUID of the role's definition
 */
export function grantName(scope: string, role: string, principalId: string): string {
  return uuidOf([scope, role, principalId].join('|').toLowerCase());
}

/**
 * True for a federated credential that has the name that this project gives: `wi-…` with the namespace and the service account of its own
 * subject, and a digest of the cluster. The digest itself can only be checked against a cluster that is known.
 */
export function isOwnCredential({ name, subject }: { readonly name: string; readonly subject: string }): boolean {
  const account = accountOf(subject);
  const readable = /^(wi-.+)-[0-9a-f]{8}$/.exec(name)?.[1];
  if (readable === undefined || account === undefined) return false;
  return readable.endsWith(`-${credentialNamePart(account.namespace)}-${credentialNamePart(account.serviceAccount)}`) || readable.length === longestReadable;
}
