import type { PolicyOrigin } from '../fleet/policy-origin.js';
import type { CredentialState } from '../fleet/posture/credential-review.js';
import { isAbout, isValidOn, settingOf, type AuditException, type AuditProfile, type BaseProfile, type FindingPlace, type RuleSetting } from '../fleet/posture/profile.js';
import { severities, type Outcome, type RuleText, type Severity, type Verdict } from '../fleet/posture/rule.js';
import { shown } from '../fleet/shown.js';
import { inOrder } from '../fleet/wording.js';
import type { Crossing } from '../reconcile/access.js';
import { brief } from './columns.js';

/** The type under which the report of an audit is attached to a run. */
export const auditType = 'aks-workload-identity-audit';

/** From which severity on findings make an audit fail. */
export const failThresholds = ['none', 'high', 'medium'] as const;
export type FailOn = (typeof failThresholds)[number];

/** Where, when and how an audit took place. */
export interface AuditContext {
  readonly taskVersion: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** The run in the pipeline's own words. */
  readonly run: string;
  /** Where the run is shown. */
  readonly runUrl?: string;
  /** The principal, as the log shows it. */
  readonly signIn: string;
  /** The file of the profile; absent for a built-in one. */
  readonly profileFile?: PolicyOrigin;
  /** The boundary policy that crossings were judged by; absent where none was given. */
  readonly boundaryPolicy?: PolicyOrigin;
  readonly failOn: FailOn;
}

/** A cluster that was looked at. */
export interface AuditedCluster {
  readonly label: string;
  /** ARM id. */
  readonly id: string;
  /** Version of Kubernetes. */
  readonly version?: string;
  /** Name of the boundary that it lies in. */
  readonly boundary?: string;
}

/** Whom an identity trusts. */
export interface AuditedCredential {
  /** Its own name in the identity. */
  readonly name: string;
  readonly subject: string;
  /** Label of the cluster whose issuer it names; absent where no cluster of the fleet has it. */
  readonly cluster?: string;
  /** A crossing is one that the boundary policy does not allow, by which the cluster may act as the identity. */
  readonly state: CredentialState | 'crossing';
  /** What was seen, in a clause. */
  readonly detail: string;
}

/** What an identity may do. */
export interface AuditedGrant {
  readonly role: string;
  /** ARM id. */
  readonly scope: string;
  readonly state: 'planned' | 'broader' | 'crossing' | 'unplanned' | 'untold';
  /** What was seen, in a clause. */
  readonly detail: string;
  /** When it was last used, ISO 8601, as far as sign-in data tells. */
  readonly lastUsed?: string;
  /** Since when sign-in data tells of no use, ISO 8601; absent where it tells of one, or of nothing. */
  readonly unusedSince?: string;
}

/** An identity with who may become it and what it reaches. */
export interface AuditedIdentity {
  readonly name: string;
  /** ARM id. */
  readonly id: string;
  readonly clientId: string;
  readonly credentials: readonly AuditedCredential[];
  /** Why credentials could not be read; absent where they were. */
  readonly credentialsUnread?: string;
  readonly grants: readonly AuditedGrant[];
  /** Where else grants could not be looked for, and why; absent where they were looked for everywhere. */
  readonly grantsUnread?: string;
}

/** An access that is there and leads from one boundary into another. */
export interface AuditedCrossing extends Omit<Crossing, 'rule' | 'reason'> {
  /** What the boundary policy says of it today. */
  readonly verdict: 'allowed' | 'expired' | 'refused';
  /** The rule that allows it, or did. */
  readonly rule?: string;
  readonly reason?: string;
}

/** What {@link AuditInventory} calls the look at crossings where it was not taken: no crossing is no good news then. */
export const crossingsLook = 'crossings of boundaries';

/** What was looked at. */
export interface AuditInventory {
  readonly clusters: readonly AuditedCluster[];
  readonly namespaces: readonly { readonly cluster: string; readonly name: string }[];
  readonly identities: readonly AuditedIdentity[];
  readonly crossings: readonly AuditedCrossing[];
  /** What could not be looked at: `pods of aks-1`, `the credentials may not list them`. */
  readonly unread: readonly { readonly what: string; readonly because: string }[];
}

/** A rule as the profile sees it. */
export interface AuditedRule extends Pick<RuleText, 'id' | 'title' | 'source' | 'remedy' | 'mendedBy'> {
  /** As the rule says. */
  readonly baseline: Severity;
  /** As the profile says. */
  readonly severity: RuleSetting;
}

/** What does not hold, or could not be told. */
export interface AuditFinding extends FindingPlace, Omit<AuditedRule, 'id' | 'baseline'> {
  readonly severity: Severity;
  readonly outcome: 'fail' | 'unknown';
  readonly evidence: string;
  /** What accepts it; absent where nothing does. */
  readonly exception?: Pick<AuditException, 'reason' | 'until'>;
}

/** What holds, or does not apply. */
export interface AuditedGood extends FindingPlace {
  readonly severity: Severity;
  readonly outcome: 'pass' | 'notApplicable';
  readonly evidence: string;
}

/** An exception of the profile, with how many findings it is about. */
export interface AuditedException extends AuditException {
  /** An expired one accepts nothing; an unused one is about nothing that was found. */
  readonly state: 'used' | 'unused' | 'expired';
  readonly findings: number;
}

/** How many looks of rules ended how; accepted findings are counted as `excepted` and nowhere else. */
export type AuditCounts = Readonly<Record<Outcome | 'excepted', Readonly<Record<Severity, number>>>>;

/** An audit as data. Readers refuse a `version` that they do not know; fields are only ever added within one. */
export interface AuditReport extends AuditContext {
  readonly schema: typeof auditType;
  readonly version: 1;
  readonly profile: { readonly name: string; readonly base: BaseProfile };
  readonly rules: readonly AuditedRule[];
  readonly inventory: AuditInventory;
  /** The worst first. */
  readonly findings: readonly AuditFinding[];
  readonly good: readonly AuditedGood[];
  readonly counts: AuditCounts;
  readonly exceptions: readonly AuditedException[];
}

/** A verdict with the rule and the place that it is about. */
export interface Judged extends Omit<FindingPlace, 'rule' | 'object'> {
  readonly rule: RuleText;
  readonly verdict: Verdict;
}

/**
 * The audit as data: what every output is made of. Rules that the profile switches off leave nothing but their names.
 * @param rules all that there are
 */
export function toAuditReport(context: AuditContext, profile: AuditProfile, rules: readonly RuleText[], judged: readonly Judged[], inventory: AuditInventory): AuditReport {
  const today = context.startedAt.slice(0, 10);
  const looks = judged.flatMap((one) => lookOf(one, profile, today));
  const findings = looks.filter((look): look is AuditFinding => look.outcome === 'fail' || look.outcome === 'unknown').sort(worstFirst);
  return told({
    schema: auditType,
    version: 1,
    ...context,
    profile: { name: profile.name, base: profile.base },
    rules: rules.map((rule) => ({ ...textOf(rule), id: rule.id, baseline: rule.severity, severity: settingOf(profile, rule) })),
    inventory,
    findings,
    good: looks.filter((look): look is AuditedGood => look.outcome === 'pass' || look.outcome === 'notApplicable'),
    counts: countsOf(looks),
    exceptions: profile.exceptions.map((exception) => {
      const about = findings.filter((finding) => isAbout(exception, finding)).length;
      return { ...exception, state: !isValidOn(exception, today) ? 'expired' : about > 0 ? 'used' : 'unused', findings: about };
    }),
  });
}

/**
 * Whether an audit fails: something at or above the threshold does not hold or could not be told, and no exception accepts it.
 * What could not be told counts like what does not hold: otherwise taking a right away would make an audit pass.
 */
export function failed({ findings }: Pick<AuditReport, 'findings'>, failOn: FailOn): boolean {
  const counted: readonly Severity[] = { none: [], high: ['high'] as const, medium: ['high', 'medium'] as const }[failOn];
  return openFindings(findings).some(({ severity }) => counted.includes(severity));
}

/** The findings that no exception accepts. */
export function openFindings(findings: readonly AuditFinding[]): readonly AuditFinding[] {
  return findings.filter(({ exception }) => exception === undefined);
}

/** Longest text of a report: enough for a list of names. */
const longest = 1000;

function lookOf({ rule, cluster, namespace, verdict }: Judged, profile: AuditProfile, today: string): (AuditFinding | AuditedGood)[] {
  const severity = settingOf(profile, rule);
  if (severity === 'off') return [];
  const { outcome, evidence, object } = verdict;
  const place: FindingPlace = {
    rule: rule.id,
    ...(cluster === undefined ? {} : { cluster }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(object === undefined ? {} : { object }),
  };
  if (outcome === 'pass' || outcome === 'notApplicable') return [{ ...place, severity, outcome, evidence }];
  const accepted = profile.exceptions.find((exception) => isValidOn(exception, today) && isAbout(exception, place));
  const exception = accepted === undefined ? {} : { exception: { reason: accepted.reason, until: accepted.until } };
  return [{ ...textOf(rule), ...place, severity, outcome, evidence, ...exception }];
}

/** A value with each of its texts in one line, of bounded length, with every character to be seen: most of them come out of clusters. */
function told<T>(value: T): T;
function told(value: unknown): unknown {
  if (typeof value === 'string') return shown(brief(value, longest), longest).replaceAll(/\p{Cs}/gu, '\uFFFD');
  if (Array.isArray(value)) return value.map((item: unknown) => told(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]: [string, unknown]) => [key, told(item)]));
}

function textOf({ title, source, remedy, mendedBy }: RuleText): Pick<AuditedRule, 'title' | 'source' | 'remedy' | 'mendedBy'> {
  return { title, source, remedy, ...(mendedBy === undefined ? {} : { mendedBy }) };
}

function worstFirst(one: AuditFinding, other: AuditFinding): number {
  const rank = ({ severity, outcome }: AuditFinding): number => severities.indexOf(severity) * 2 + (outcome === 'fail' ? 0 : 1);
  return rank(one) - rank(other) || inOrder(keyOf(one), keyOf(other));
}

function keyOf({ rule, cluster = '', namespace = '', object = '' }: FindingPlace): string {
  return [rule, cluster, namespace, object].join('\n');
}

function countsOf(looks: readonly (AuditFinding | AuditedGood)[]): AuditCounts {
  const none = (): Record<Severity, number> => ({ high: 0, medium: 0, low: 0 });
  const counts = { fail: none(), unknown: none(), excepted: none(), pass: none(), notApplicable: none() };
  for (const look of looks) counts['exception' in look ? 'excepted' : look.outcome][look.severity] += 1;
  return counts;
}
