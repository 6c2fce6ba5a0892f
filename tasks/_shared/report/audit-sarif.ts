import { createHash } from 'node:crypto';
import type { FindingPlace } from '../fleet/posture/profile.js';
import type { Severity } from '../fleet/posture/rule.js';
import type { AuditedRule, AuditFinding, AuditReport } from './audit-report.js';
import { auditName, pathOf, profileText, seenText, whereText } from './audit-words.js';
import { brief } from './columns.js';

/** How SARIF calls severities. */
type Level = 'error' | 'warning' | 'note';
const levels: Readonly<Record<Severity, Level>> = { high: 'error', medium: 'warning', low: 'note' };

interface SarifText {
  readonly text: string;
}

/** A rule in SARIF. */
export interface SarifRule {
  readonly id: string;
  readonly shortDescription: SarifText;
  readonly help: SarifText;
  readonly defaultConfiguration: { readonly level: Level };
  readonly properties: { readonly tags: readonly string[]; readonly source: readonly string[]; readonly mendedBy?: string };
}

/** A finding in SARIF. */
export interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  /** `open` is what could not be told; SARIF gives it no level, so that the severity is among the properties. */
  readonly kind: 'fail' | 'open';
  readonly level: Level | 'none';
  readonly message: SarifText;
  readonly locations: readonly { readonly logicalLocations: readonly { readonly name: string; readonly fullyQualifiedName: string; readonly kind: string }[] }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly suppressions: readonly { readonly kind: 'external'; readonly status: 'accepted'; readonly justification: string; readonly properties: { readonly until: string } }[];
  readonly properties: { readonly severity: Severity };
}

/** A SARIF 2.1.0 log with one run. */
export interface SarifLog {
  readonly $schema: string;
  readonly version: '2.1.0';
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly name: string; readonly semanticVersion: string; readonly rules: readonly SarifRule[] } };
      readonly automationDetails: { readonly id: string };
      readonly invocations: readonly [SarifInvocation];
      readonly results: readonly SarifResult[];
      readonly properties: Readonly<Record<string, string>>;
    },
  ];
}

interface SarifInvocation {
  readonly executionSuccessful: true;
  readonly startTimeUtc: string;
  /** Where the profile says something else than the rules. */
  readonly ruleConfigurationOverrides: readonly { readonly descriptor: { readonly id: string; readonly index: number }; readonly configuration: { readonly enabled: boolean; readonly level?: Level } }[];
  /** What could not be looked at. */
  readonly toolExecutionNotifications: readonly { readonly level: 'warning'; readonly message: SarifText }[];
}

/** The findings as SARIF 2.1.0. They lie in clusters and not in files, so that their locations are logical ones only. */
export function toSarif(report: AuditReport): SarifLog {
  const { rules, findings, run, runUrl, startedAt, inventory } = report;
  const places = new Map(rules.map(({ id }, index) => [id, index]));
  const before = new Map<string, number>();
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: auditName, semanticVersion: report.taskVersion, rules: rules.map(ruleOf) } },
        automationDetails: { id: `${auditName}/${report.profile.base}/${run.replaceAll('/', '-')}` },
        invocations: [
          {
            executionSuccessful: true,
            startTimeUtc: startedAt,
            ruleConfigurationOverrides: rules.flatMap(({ id, baseline, severity }, index) => {
              if (severity === baseline) return [];
              return [{ descriptor: { id, index }, configuration: severity === 'off' ? { enabled: false } : { enabled: true, level: levels[severity] } }];
            }),
            toolExecutionNotifications: inventory.unread.map(({ what, because }) => ({ level: 'warning', message: message(`${what}: ${because}`) })),
          },
        ],
        results: findings.map((finding) => resultOf(finding, places.get(finding.rule) ?? -1, fingerprint(finding, before))),
        properties: { run, ...(runUrl === undefined ? {} : { runUrl }), profile: profileText(report), signIn: report.signIn, failOn: report.failOn },
      },
    ],
  };
}

function ruleOf(rule: AuditedRule): SarifRule {
  const { id, title, source, baseline, mendedBy } = rule;
  return {
    id,
    shortDescription: { text: title },
    help: { text: [rule.remedy, ...(source.length === 0 ? [] : [`Asked for by: ${source.join('; ')}`])].join('\n') },
    defaultConfiguration: { level: levels[baseline] },
    properties: { tags: ['security'], source, ...(mendedBy === undefined ? {} : { mendedBy }) },
  };
}

function resultOf(finding: AuditFinding, ruleIndex: number, print: string): SarifResult {
  const { rule, severity, outcome, exception } = finding;
  const path = pathOf(finding);
  return {
    ruleId: rule,
    ruleIndex,
    kind: outcome === 'fail' ? 'fail' : 'open',
    level: outcome === 'fail' ? levels[severity] : 'none',
    message: message(`${whereText(finding)}: ${seenText(finding)}`),
    locations: [{ logicalLocations: [{ name: path.at(-1) ?? '', fullyQualifiedName: path.join('/'), kind: kindOf(finding) }] }],
    partialFingerprints: { 'auditedPlace/v1': print },
    suppressions: exception === undefined ? [] : [{ kind: 'external', status: 'accepted', justification: exception.reason, properties: { until: exception.until } }],
    properties: { severity },
  };
}

function kindOf({ namespace, object }: FindingPlace): string {
  return object !== undefined ? 'object' : namespace !== undefined ? 'namespace' : 'resource';
}

/**
 * Tells a finding again in a later run, whatever was seen: rule and place, and the how manieth it is there.
 * @param before how many there were of each
 */
function fingerprint({ rule, cluster, namespace, object }: AuditFinding, before: Map<string, number>): string {
  const key = JSON.stringify([rule, cluster?.toLowerCase(), namespace, object]);
  const count = (before.get(key) ?? 0) + 1;
  before.set(key, count);
  return `${createHash('sha256').update(key).digest('hex').slice(0, 32)}:${count}`;
}

/** Longest message: viewers show it in a row. */
const messageLength = 2000;

/**
 * A message that means what it says: braces would be places of arguments, and brackets before a parenthesis a link.
 * Source: SARIF 2.1.0, 3.11.5 and 3.11.6.
 */
function message(text: string): SarifText {
  return { text: brief(text, messageLength).replaceAll(/[{}]/g, '$&$&').replaceAll('](', '] (') };
}
