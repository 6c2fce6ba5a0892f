import type { Severity } from '../fleet/posture/rule.js';
import type { FindingPlace } from '../fleet/posture/profile.js';
import { many } from '../fleet/wording.js';
import { failed, openFindings, type AuditedCredential, type AuditedCrossing, type AuditedException, type AuditedGrant, type AuditFinding, type AuditReport } from './audit-report.js';
import { policyText } from './crossing-text.js';

/** The task as outputs call it. */
export const auditName = 'AuditWorkloadIdentity';

/** How a federated credential is, in words. */
export const credentialStates: Readonly<Record<AuditedCredential['state'], string>> = {
  ok: 'as it should be',
  elsewhere: 'of a cluster that was not looked into',
  accountUnread: 'the service account could not be read',
  clusterGone: 'the cluster is gone',
  accountGone: 'the service account is gone',
  caseDiffers: 'the subject differs in case',
  issuerOld: 'the issuer is an old one',
  foreign: 'of no cluster that is seen',
  unclear: 'could not be told',
  crossing: 'crosses a boundary',
};

/** How a grant is, in words. */
export const grantStates: Readonly<Record<AuditedGrant['state'], string>> = {
  planned: 'as planned',
  broader: 'broader than needed',
  crossing: 'crosses a boundary',
  unplanned: 'not planned',
  untold: 'of unknown origin',
};

/** What the boundary policy says of a crossing that is there, in words. */
export const crossingVerdicts: Readonly<Record<AuditedCrossing['verdict'], string>> = { allowed: 'allowed', expired: 'no longer allowed', refused: 'not allowed' };

/** How severities head a part of a page. */
export const severityTitles: Readonly<Record<Severity, string>> = { high: 'High', medium: 'Medium', low: 'Low' };

/** Where a look was, for people: `aks-1 / orders / pod api`, or `identity id-orders` of what belongs to no cluster. */
export function whereText({ cluster, namespace, object }: FindingPlace): string {
  return cluster === undefined && object !== undefined ? object : pathOf({ cluster, namespace, object }).join(' / ');
}

/** A time to the minute: `2027-01-05 02:00 UTC`; any other text as it is. @param time ISO 8601, UTC */
export function momentText(time: string): string {
  return time.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):[\d.]+Z$/, '$1 $2 UTC');
}

/** The parts of a place, the widest first; what belongs to no cluster is shared. */
export function pathOf({ cluster = 'shared', namespace, object }: Partial<Record<'cluster' | 'namespace' | 'object', string | undefined>>): string[] {
  return [cluster, ...(namespace === undefined ? [] : [namespace]), ...(object === undefined ? [] : [object])];
}

/** Why a finding is accepted: `accepted until 2027-01-31: moved with release 7`. */
export function acceptedText({ reason, until }: { readonly reason: string; readonly until: string }): string {
  return `accepted until ${until}: ${reason}`;
}

/** What was seen, and that it is no verdict where there is none. */
export function seenText({ outcome, evidence }: Pick<AuditFinding, 'outcome' | 'evidence'>): string {
  return outcome === 'unknown' ? `could not be told: ${evidence}` : evidence;
}

/** What became of an exception: `expired: 3 findings are no longer accepted`. */
export function exceptionText({ state, findings }: Pick<AuditedException, 'state' | 'findings'>): string {
  switch (state) {
    case 'used':
      return `accepts ${many(findings, 'finding')}`;
    case 'unused':
      return 'accepts nothing that was found: it can be removed';
    case 'expired':
      return findings === 0 ? 'past its day: it can be removed' : `past its day: ${many(findings, 'finding')} no longer accepted`;
  }
}

/** `prod`, or `profiles/fleet.yml · sha256 6e2f… (extends nonprod)`. */
export function profileText({ profile: { name, base }, profileFile }: Pick<AuditReport, 'profile' | 'profileFile'>): string {
  if (profileFile === undefined && name === base) return name;
  return `${profileFile === undefined ? name : policyText(profileFile)} (extends ${base})`;
}

/** What the audit came to, in a few words. */
export function resultText(report: AuditReport): string {
  if (failed(report, report.failOn)) return 'failed';
  return openFindings(report.findings).length === 0 ? 'nothing to mend' : 'passed, with findings';
}

/** From when on findings make the audit fail, in words. */
export function thresholdText({ failOn }: Pick<AuditReport, 'failOn'>): string {
  return { none: 'findings never fail it', high: 'fails on high findings', medium: 'fails on high and medium findings' }[failOn];
}
