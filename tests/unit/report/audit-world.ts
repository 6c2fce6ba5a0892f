import { builtInProfile, parseAuditProfile, type AuditProfile } from '../../../tasks/_shared/fleet/posture/profile.js';
import type { Outcome, RuleText } from '../../../tasks/_shared/fleet/posture/rule.js';
import { toAuditReport, type AuditContext, type AuditInventory, type AuditReport, type Judged } from '../../../tasks/_shared/report/audit-report.js';

/** Some rules of every severity. */
export const rules = [
  {
    id: 'local-accounts', title: 'Local accounts are off', severity: 'high', source: ['Cluster baseline, section 2'], remedy: 'switch local accounts off',
    dependants: [], mendedBy: 'disableLocalAccounts',
  },
  { id: 'default-deny', title: 'A default-deny network policy is there', severity: 'medium', source: ['Namespace baseline, section 4'], remedy: 'add one', dependants: [] },
  { id: 'no-static-credentials', title: 'No static credentials are there', severity: 'high', source: [], remedy: 'use a federated identity', dependants: [] },
  { id: 'monitoring', title: 'Containers are monitored', severity: 'low', source: [], remedy: 'connect a workspace', dependants: [] },
] as const satisfies readonly RuleText[];

const [localAccounts, defaultDeny, noCredentials, monitoring] = rules;

export const context: AuditContext = {
  taskVersion: '1.2.3',
  startedAt: '2027-01-05T02:00:00.000Z',
  run: 'audit 20270105.1',
  runUrl: 'https://dev.azure.com/contoso/fleet/_build/results?buildId=7',
  signIn: 'app 1f0c…9a (federated)',
  failOn: 'high',
};

const subscription = '/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg/providers';
const identityId = `${subscription}/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders`;
const registryId = `${subscription}/Microsoft.ContainerRegistry/registries/crprod`;

export const inventory: AuditInventory = {
  clusters: [
    { label: 'aks-1', id: `${subscription}/Microsoft.ContainerService/managedClusters/aks-1`, version: '1.31.2', boundary: 'nonprod' },
    { label: 'aks-2', id: `${subscription}/Microsoft.ContainerService/managedClusters/aks-2` },
  ],
  namespaces: [{ cluster: 'aks-1', name: 'orders' }, { cluster: 'aks-1', name: 'billing' }],
  identities: [
    {
      name: 'id-orders', id: identityId, clientId: '44444444-4444-4444-8444-444444444444',
      credentials: [
        { name: 'wi-orders-api', subject: 'system:serviceaccount:orders:api', cluster: 'aks-1', state: 'ok', detail: 'the service account is there' },
        { name: 'by-hand', subject: 'system:serviceaccount:Orders:web', state: 'foreign', detail: 'issuer https://example.com' },
      ],
      grants: [
        { role: 'AcrPull', scope: registryId, state: 'crossing', detail: 'leads from nonprod to prod', lastUsed: '2027-01-02T00:00:00Z' },
        { role: 'Key Vault Secrets User', scope: `${subscription}/Microsoft.KeyVault/vaults/kv`, state: 'planned', detail: 'in the ledger', unusedSince: '2026-10-01T06:30:00.000Z' },
      ],
    },
  ],
  crossings: [
    {
      access: { kind: 'grant', from: { kind: 'identity', name: 'id-orders', id: identityId }, to: { kind: 'registry', name: 'crprod', id: registryId }, role: 'AcrPull' },
      from: 'nonprod', to: 'prod', verdict: 'allowed', rule: 'pull-releases', reason: 'tests run release images', until: '2027-06-30',
    },
  ],
  unread: [{ what: 'sign-ins of id-orders', because: 'the workspace keeps none' }],
};

/** A verdict, at a cluster, a namespace or an object. */
export function judged(rule: RuleText, outcome: Outcome, evidence: string, cluster?: string, namespace?: string, object?: string): Judged {
  return {
    rule,
    ...(cluster === undefined ? {} : { cluster }),
    ...(namespace === undefined ? {} : { namespace }),
    verdict: { outcome, evidence, ...(object === undefined ? {} : { object }) },
  };
}

const verdicts: readonly Judged[] = [
  judged(localAccounts, 'fail', 'disableLocalAccounts is false', 'aks-1'),
  judged(localAccounts, 'pass', 'disableLocalAccounts is true', 'aks-2'),
  judged(monitoring, 'unknown', 'diagnostic settings may not be read', 'aks-1'),
  judged(monitoring, 'notApplicable', 'the cluster is stopped', 'aks-2'),
  judged(defaultDeny, 'fail', 'no policy selects all pods', 'aks-1', 'orders'),
  judged(defaultDeny, 'pass', 'deny-all selects all pods', 'aks-1', 'billing'),
  judged(noCredentials, 'fail', 'key password', 'aks-1', 'orders', 'secret db'),
  judged(noCredentials, 'fail', 'key token', 'aks-1', 'orders', 'secret cache'),
  judged(noCredentials, 'fail', 'a secret of an app', undefined, undefined, 'app deployer'),
];

/** The profile in a file with exceptions of every kind. */
export function profileWith(exceptions: string, base = 'prod'): AuditProfile {
  const parsed = parseAuditProfile(`version: 1\nextends: ${base}\n${exceptions}`, 'fleet.yml', rules);
  if ('mistakes' in parsed) throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.profile;
}

const exceptions = `exceptions:
  - {rule: no-static-credentials, cluster: aks-1, namespace: orders, object: secret db, reason: moves with release 7, until: 2027-01-31}
  - {rule: default-deny, cluster: aks-1, reason: policies are on their way, until: 2027-01-04}
  - {rule: monitoring, cluster: aks-9, reason: it is new, until: 2027-12-31}
`;

/** A report with something of everything. */
export function example(profile: AuditProfile = profileWith(exceptions)): AuditReport {
  return toAuditReport(context, profile, rules, verdicts, inventory);
}

/** A report of a few verdicts, and nothing else. */
export function reportOf(all: readonly Judged[], profile: AuditProfile = builtInProfile('prod', rules), own: readonly RuleText[] = rules): AuditReport {
  return toAuditReport(context, profile, own, all, { clusters: [], namespaces: [], identities: [], crossings: [], unread: [] });
}

/** Texts that somebody could put into a cluster to harm who reads a report. */
export const hostile = [']]>', '<script>alert(1)</script>', '--> &amp; "quoted" \'too\'', 'a|b\nc\r\nd', '[click](https://evil.example)', '\u0000\u001b[31m\ud800\ufffe', '{0} {{1}}', '`code` **bold** ~~x~~ # h', '\u202e\u200b'].join(' ');

/** A report in which everything that comes from elsewhere is hostile. */
export function hostileReport(): AuditReport {
  const bad = judged({ ...noCredentials, title: hostile, remedy: hostile, source: [hostile] }, 'fail', hostile, hostile, hostile, hostile);
  const inventoryOf: AuditInventory = {
    clusters: [{ label: hostile, id: hostile, version: hostile, boundary: hostile }],
    namespaces: [{ cluster: hostile, name: hostile }],
    identities: [{ name: hostile, id: hostile, clientId: hostile, grantsUnread: hostile, credentials: [{ name: hostile, subject: hostile, cluster: hostile, state: 'foreign', detail: hostile }], grants: [{ role: hostile, scope: hostile, state: 'unplanned', detail: hostile }] }, { name: hostile, id: hostile, clientId: hostile, credentials: [], credentialsUnread: hostile, grants: [], grantsUnread: hostile }],
    crossings: [{ access: { kind: 'grant', from: { kind: 'identity', name: hostile, id: hostile }, to: { kind: 'registry', name: hostile, id: hostile }, role: hostile }, from: hostile, to: hostile, verdict: 'refused', reason: hostile, rule: hostile }],
    unread: [{ what: hostile, because: hostile }],
  };
  const own = { ...profileWith(''), name: hostile, exceptions: [{ rule: 'monitoring', cluster: hostile, reason: hostile, until: '2027-12-31' }, { rule: 'monitoring', reason: hostile, until: '2026-12-31' }] };
  const all = [bad, judged(monitoring, 'fail', hostile, hostile), judged(defaultDeny, 'unknown', hostile, hostile), judged(localAccounts, 'notApplicable', hostile, hostile)];
  return toAuditReport({ ...context, run: hostile, signIn: hostile, runUrl: hostile, taskVersion: hostile }, own, [...rules.slice(0, 2), bad.rule, rules[3]], all, inventoryOf);
}

let vast: AuditReport | undefined;

/** A report with 10,000 findings, each with far too much evidence. */
export function vastReport(): AuditReport {
  return (vast ??= makeVast());
}

function makeVast(): AuditReport {
  const evidence = '& | long evidence '.repeat(100);
  const all = Array.from({ length: 10_000 }, (_, index) => judged(rules[index % rules.length]!, index % 7 === 0 ? 'unknown' : 'fail', evidence, `aks-${index % 200}`, `team-${index % 50}`, `pod api-${index}`));
  return reportOf(all);
}
