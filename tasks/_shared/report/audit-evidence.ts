import { placeText } from '../fleet/posture/profile.js';
import { reachRules } from '../fleet/posture/record-rules.js';
import { severities, type Severity } from '../fleet/posture/rule.js';
import { crossingsLook, openFindings, type AuditedException, type AuditedGrant, type AuditedIdentity, type AuditedRule, type AuditFinding, type AuditReport } from './audit-report.js';
import { auditName, credentialStates, crossingVerdicts, exceptionText, grantStates, momentText, profileText, resultText, seenText, severityTitles, thresholdText, whereText } from './audit-words.js';
import { accessText, policyText } from './crossing-text.js';
import { escape, table } from './markup.js';

/** Most rows of one table, and most identities: the JSON report has all of them. */
const longest = 500;

/**
 * The audit as a document for a security review: what was looked at, who reaches what, what crosses boundaries and why, what is accepted and until
 * when, what is open, and what could not be told. Every text that came from a service or a user is escaped.
 */
export function toEvidence(report: AuditReport): string {
  const { inventory, findings, exceptions } = report;
  const open = openFindings(findings);
  const inForce = exceptions.filter(({ state }) => state !== 'expired');
  const expired = exceptions.filter(({ state }) => state === 'expired');
  return [
    '# Security evidence: workload identity on AKS',
    '',
    ...factTable(report),
    ...part('Result', resultLines(report)),
    ...part('What was looked at', inventoryLines(report)),
    ...part('Who reaches what', inventory.identities.length === 0 ? noIdentity(report) : identityLines(inventory.identities)),
    ...part('Crossings of boundaries', crossingLines(report)),
    ...part('Exceptions', [
      ...(inForce.length === 0 ? ['None is in force.'] : exceptionLines(inForce)),
      ...(expired.length === 0 ? [] : ['', 'Past their day; they no longer count:', '', ...exceptionLines(expired)]),
    ]),
    ...acceptedLines(findings),
    ...part('Open findings', findingLines(open.filter(({ outcome }) => outcome === 'fail'), 'Nothing is open.')),
    ...part('What could not be told', [
      ...findingLines(open.filter(({ outcome }) => outcome === 'unknown'), 'Every rule came to a verdict.'),
      ...(inventory.unread.length === 0 ? [] : ['', 'What could not be looked at:', '', ...rows(['What', 'Why'], inventory.unread.map(({ what, because }) => [what, because]))]),
    ]),
    ...part('Rules', ruleLines(report)),
    '',
  ].join('\n');
}

/** Lists that were refused show no identity either. */
function noIdentity({ findings }: AuditReport): string[] {
  const blind = findings.some(({ rule, outcome }) => rule === reachRules.access.id && outcome === 'unknown');
  return [blind ? 'No identity could be seen; what could not be told says why.' : 'No identity was in scope.'];
}

function part(title: string, lines: readonly string[]): string[] {
  return ['', `## ${title}`, '', ...lines];
}

function rows(heads: readonly string[], body: readonly (readonly string[])[]): string[] {
  return table(heads, body, longest);
}

/** An address that can stand in a link as it is. */
const plainUrl = /^https:\/\/[\w.~:/?#&=%+,;@-]+$/;

function factTable(report: AuditReport): string[] {
  const { run, runUrl = '', startedAt, taskVersion, signIn, boundaryPolicy } = report;
  const facts = rows(
    ['', ''],
    [
      ['Made by', `${auditName} ${taskVersion}, which only reads`],
      ['When', momentText(startedAt)],
      ['Run', run],
      ['Signed in as', signIn],
      ['Profile', profileText(report)],
      ['Boundary policy', boundaryPolicy === undefined ? 'none was given' : policyText(boundaryPolicy)],
      ['Threshold', thresholdText(report)],
    ],
  );
  return plainUrl.test(runUrl) ? [...facts, '', `[The run with its log](${runUrl})`] : facts;
}

function resultLines(report: AuditReport): string[] {
  const { fail, unknown, excepted, pass, notApplicable } = report.counts;
  return [
    `The audit came to: ${resultText(report)}. The table counts verdicts: one for each rule at each place that it is about.`,
    '',
    ...rows(
      ['Severity', 'does not hold', 'could not be told', 'accepted', 'holds', 'does not apply'],
      severities.map((severity) => [severity, ...[fail, unknown, excepted, pass, notApplicable].map((tally) => String(tally[severity]))]),
    ),
  ];
}

/** What stays unknown where a cluster or its namespaces could not be read. */
const unreadRules: readonly string[] = [reachRules.cluster.id, reachRules.namespaces.id];

function inventoryLines({ inventory: { clusters, namespaces }, findings }: AuditReport): string[] {
  if (clusters.length === 0) return ['No cluster was in scope.'];
  const byCluster = new Map<string, string[]>();
  for (const { cluster, name } of namespaces) byCluster.set(cluster, [...(byCluster.get(cluster) ?? []), name]);
  const dark = new Set(findings.filter(({ rule, namespace }) => unreadRules.includes(rule) && namespace === undefined).map(({ cluster }) => cluster));
  const none = (label: string): string => (dark.has(label) ? 'could not be read' : 'none in scope');
  return rows(
    ['Cluster', 'Version', 'Boundary', 'Namespaces', 'Resource'],
    clusters.map(({ label, version = '', boundary = '', id }) => [label, version, boundary, byCluster.get(label)?.join(', ') ?? none(label), id]),
  );
}

function identityLines(identities: readonly AuditedIdentity[]): string[] {
  const told = identities.slice(0, longest).flatMap((identity, index) => [
    ...(index === 0 ? [] : ['']),
    `### ${escape(identity.name)}`,
    '',
    `Client id ${escape(identity.clientId)}, resource ${escape(identity.id)}`,
    '',
    ...credentialLines(identity),
    '',
    ...grantLines(identity),
  ]);
  return identities.length > longest ? [...told, '', `and ${identities.length - longest} more identities, in the JSON report`] : told;
}

function credentialLines({ credentials, credentialsUnread }: AuditedIdentity): string[] {
  if (credentialsUnread !== undefined) return [`Who can become it could not be read: ${escape(credentialsUnread)}.`];
  if (credentials.length === 0) return ['Nobody can become it: it has no federated credential.'];
  return rows(['Who can become it', 'Cluster', 'By credential', 'State', 'What was seen'], credentials.map(({ name, subject, cluster = '', state, detail }) => [subject, cluster, name, credentialStates[state], detail]));
}

function grantLines({ grants, grantsUnread }: AuditedIdentity): string[] {
  const found = rows(
    ['Role', 'What it reaches', 'State', 'What was seen', 'Last used'],
    grants.map((grant) => [grant.role, grant.scope, grantStates[grant.state], grant.detail, useText(grant)]),
  );
  if (grantsUnread !== undefined) return [...found, ...(found.length === 0 ? [] : ['']), `What ${found.length === 0 ? '' : 'else '}it reaches could not be read: ${escape(grantsUnread)}.`];
  return found.length === 0 ? ['It reaches nothing: it has no grant.'] : found;
}

function useText({ lastUsed, unusedSince }: AuditedGrant): string {
  if (lastUsed !== undefined) return momentText(lastUsed);
  return unusedSince === undefined ? 'not known' : `not since ${momentText(unusedSince)}`;
}

function crossingLines({ inventory: { crossings, unread } }: AuditReport): string[] {
  const unasked = unread.find(({ what }) => what === crossingsLook);
  if (unasked !== undefined) return [`They were not looked at: ${escape(unasked.because)}.`];
  if (crossings.length === 0) return ['Nothing that was found crosses a boundary.'];
  return rows(
    ['What', 'From', 'To', 'Boundary policy', 'Rule', 'Reason', 'Last day'],
    crossings.map((crossing) => [accessText(crossing), crossing.from, crossing.to, crossingVerdicts[crossing.verdict], crossing.rule ?? '', crossing.reason ?? '', crossing.until ?? '']),
  );
}

function exceptionLines(exceptions: readonly AuditedException[]): string[] {
  return rows(
    ['Rule and place', 'Reason', 'Last day', 'State'],
    exceptions.map((exception) => [placeText(exception), exception.reason, exception.until, exceptionText(exception)]),
  );
}

/** What exceptions accept, finding by finding. */
function acceptedLines(findings: readonly AuditFinding[]): string[] {
  const accepted = alike(findings.filter(({ exception }) => exception !== undefined)).map(({ where, finding }) => [finding.severity, finding.title, where, seenText(finding), finding.exception?.reason ?? '', finding.exception?.until ?? '']);
  return accepted.length === 0 ? [] : ['', '### Findings that are accepted', '', ...rows(['Severity', 'Rule', 'Where', 'What was seen', 'Reason', 'Last day'], accepted)];
}

/** Findings by severity, then by rule: what to do is said once for all its places. */
function findingLines(findings: readonly AuditFinding[], none: string): string[] {
  if (findings.length === 0) return [none];
  const bySeverity = severities.map((severity) => ({ severity, own: findings.filter((finding) => finding.severity === severity) })).filter(({ own }) => own.length > 0);
  return bySeverity.flatMap(({ severity, own }, index) => [...(index === 0 ? [] : ['']), ...severityLines(severity, own)]);
}

function severityLines(severity: Severity, findings: readonly AuditFinding[]): string[] {
  const byRule = new Map<string, AuditFinding[]>();
  for (const finding of findings) {
    const own = byRule.get(finding.rule) ?? [];
    own.push(finding);
    byRule.set(finding.rule, own);
  }
  const rules = [...byRule].flatMap(([rule, own]) => {
    const [first] = own;
    if (first === undefined) return [];
    return [
      '',
      `#### ${escape(first.title)}`,
      '',
      `Rule ${escape(rule)}. ${toDo(first)}: ${escape(first.remedy)}.${first.source.length === 0 ? '' : ` Asked for by: ${escape(first.source.join('; '))}.`}`,
      '',
      ...rows(['Where', 'What was seen'], alike(own).map(({ where, finding }) => [where, finding.evidence])),
    ];
  });
  return [`### ${severityTitles[severity]}`, ...rules];
}

/** What could not be told is mended by looking again: only of what an audit has to read is that the remedy. */
function toDo({ rule, outcome }: AuditFinding): string {
  return outcome === 'fail' || Object.values(reachRules).some(({ id }) => id === rule) ? 'To do' : 'To do, should it not hold';
}

/** Findings with where they are; what was seen alike in several namespaces of a cluster, such as one binding that reaches all of them, is one. */
function alike(findings: readonly AuditFinding[]): { readonly finding: AuditFinding; readonly where: string }[] {
  const groups = new Map<string, { readonly finding: AuditFinding; readonly namespaces: string[] }>();
  for (const finding of findings) {
    const { rule, severity, outcome, cluster, namespace, object, evidence, exception } = finding;
    const key = JSON.stringify([rule, severity, outcome, cluster, object, evidence, exception, namespace === undefined]);
    const group = groups.get(key) ?? { finding, namespaces: [] };
    groups.set(key, group);
    if (namespace !== undefined && !group.namespaces.includes(namespace)) group.namespaces.push(namespace);
  }
  return [...groups.values()].map(({ finding, namespaces }) => ({ finding, where: whereText(namespaces.length === 0 ? finding : { ...finding, namespace: namespaces.join(', ') }) }));
}

function ruleLines({ rules }: AuditReport): string[] {
  if (rules.length === 0) return ['No rule was looked at.'];
  const severityOf = ({ severity, baseline }: AuditedRule): string => (severity === baseline ? severity : `${severity} (${baseline} without the profile)`);
  return rows(['Rule', 'What it asks for', 'Severity', 'Asked for by'], rules.map((rule) => [rule.id, rule.title, severityOf(rule), rule.source.join('; ')]));
}
