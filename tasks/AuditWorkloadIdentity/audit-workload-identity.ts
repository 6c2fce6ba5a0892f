import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import type { Agent, TaskEnd } from '../_shared/agent/agent.js';
import { describeRun, describeSignIn, runFacts } from '../_shared/agent/run-context.js';
import type { Services } from '../_shared/agent/services.js';
import { runInFrame, type FrameParts, type ServiceTools } from '../_shared/agent/task-frame.js';
import { namedAssignments, readInventory, type AccessInventory } from '../_shared/azure/access-inventory.js';
import { AccessJudge } from '../_shared/azure/access-judge.js';
import { resourceEnd } from '../_shared/azure/accesses.js';
import { assignedPolicies } from '../_shared/azure/assigned-policies.js';
import type { SharedFacts } from '../_shared/azure/cluster-facts.js';
import { identitySignIns } from '../_shared/azure/identity-sign-ins.js';
import { subscriptionsOf } from '../_shared/azure/visible-clusters.js';
import { accessRules } from '../_shared/fleet/posture/access-rules.js';
import type { SeenCluster } from '../_shared/fleet/posture/credential-review.js';
import { driftRule, judgeDrift, reached, reachRules } from '../_shared/fleet/posture/record-rules.js';
import type { Gathered, GrantFact } from '../_shared/fleet/posture/rule.js';
import { attempt } from '../_shared/reconcile/attempt.js';
import { Limiter } from '../_shared/reconcile/limits.js';
import { sharedReader } from '../_shared/reconcile/plan.js';
import type { Reader } from '../_shared/reconcile/resource.js';
import { auditHead } from '../_shared/report/audit-log.js';
import { crossingsLook, toAuditReport, type AuditContext, type AuditedCluster, type AuditInventory, type AuditReport, type Judged } from '../_shared/report/audit-report.js';
import { policyText } from '../_shared/report/crossing-text.js';
import { auditCluster, type ClusterAudit } from './cluster-audit.js';
import type { KnownSignIns } from './grants.js';
import { findCandidates, trustsOf, underReview } from './identities.js';
import { readInputs, type AuditInputs } from './inputs.js';
import { auditedIdentity } from './inventory.js';
import { ledgerObjects } from './ledger-drift.js';
import { publishAudit } from './publish.js';
import { reviewIdentities } from './review.js';
import { allRules } from './rules.js';

/** Looks whether a fleet is as the written procedures ask, and who reaches what. Sends nothing that writes. */
export function auditWorkloadIdentity(agent: Agent, parts: FrameParts<Services>): Promise<TaskEnd> {
  return runInFrame(agent, agent.task, (inputs, requestToken) => readInputs(inputs, agent, requestToken), parts, async (inputs, services, tools) => {
    const context = contextOf(agent, inputs, tools);
    for (const line of auditHead({ ...context, profile: inputs.profile }, inputs.shared.clusters.length)) agent.line(line);
    if (inputs.policy !== undefined) agent.line(`Policy   ${policyText(inputs.policy.origin)}`);
    const report = await audit(inputs, services, tools, context);
    return publishAudit(agent, report, inputs.folder ?? join(agent.tempDirectory, 'workload-identity-audit'));
  });
}

function contextOf(agent: Agent, { shared, profileFile, policy, failOn }: AuditInputs, { clock }: ServiceTools): AuditContext {
  const { url } = runFacts(agent);
  return {
    taskVersion: manifest.version,
    startedAt: clock.now().toISOString(),
    run: describeRun(agent),
    ...(url === undefined ? {} : { runUrl: url }),
    signIn: describeSignIn(shared.connection.signIn),
    ...(profileFile === undefined ? {} : { profileFile }),
    ...(policy === undefined ? {} : { boundaryPolicy: policy.origin }),
    failOn,
  };
}

/** Reads, judges and puts the report together. */
export async function audit(inputs: AuditInputs, services: Services, tools: Pick<ServiceTools, 'progress'>, context: AuditContext): Promise<AuditReport> {
  const { azure } = services;
  const { shared, policy, history } = inputs;
  const { clusters } = shared;
  const reader = sharedReader();
  const limiter = new Limiter(shared.concurrency);
  const subscriptions = [...new Set([...subscriptionsOf([...clusters, ...inputs.identities].map(({ id }) => id)), ...inputs.subscriptions.map((id) => id.toLowerCase())])];
  const [inventories, signIns] = await Promise.all([Promise.all(subscriptions.map((id) => readInventory(azure, id, reader))), knownSignIns(inputs, services)]);
  const candidates = await findCandidates({ azure, wanted: inputs.identities, inventories, limiter }, reader);
  const options = { services, shared: sharedFacts(services, inventories, reader), namespaces: inputs.namespaces, edge: inputs.edge, trusts: trustsOf(candidates) };
  let done = 0;
  const audited = await Promise.all(clusters.map((entry) => limiter.run(async () => {
    const found = await auditCluster(entry, options, reader);
    done += 1;
    tools.progress.waiting('clusters', `${done} of ${clusters.length} looked at`);
    return found;
  })));
  const named = new Set(audited.flatMap(({ clientIds }) => clientIds));
  const judge = policy === undefined ? undefined : new AccessJudge(policy.policy, [azure]);
  const seen = audited.flatMap((one) => ('found' in one.seen ? one.seen.found : []));
  const review = await reviewIdentities(underReview(candidates, inputs.identities, named), {
    azure, inventories, clusters: seen, unseen: unseenClusters(inventories, audited), limiter, history,
    ...(judge === undefined ? {} : { judge }), ...(signIns === undefined ? {} : { signIns }),
  });
  const drift = history === undefined ? undefined : ledgerObjects(history, { inventories, candidates: candidates.all, clusters: audited.map(forDrift) });
  const judged: Judged[] = [
    ...inventories.map(subscriptionVerdict),
    ...candidates.unreadable.map(({ object, because }) => ({ rule: reachRules.access, verdict: { ...reached({ unread: because }), object } })),
    ...audited.flatMap((one) => one.judged),
    ...review.identities.flatMap((identity) => accessRules.flatMap((rule) => rule.judge(identity).map((verdict) => ({ rule, verdict })))),
    ...judgeDrift(drift).map((verdict) => ({ rule: driftRule, verdict })),
  ];
  const inventory: AuditInventory = {
    clusters: await Promise.all(audited.map(({ cluster }) => withBoundary(cluster, judge))),
    namespaces: audited.flatMap(({ cluster, namespaces }) => namespaces.map((name) => ({ cluster: cluster.label, name }))),
    identities: review.identities.map(auditedIdentity),
    crossings: review.crossings,
    unread: notLookedAt(inputs, audited),
  };
  return toAuditReport(context, inputs.profile, allRules, judged, inventory);
}

/** Sign-ins of the period, read once for all identities; undefined where no workspace was named. */
async function knownSignIns({ signIns, unusedAfterDays }: AuditInputs, { azure }: Services): Promise<KnownSignIns | undefined> {
  if (signIns === undefined) return undefined;
  const now = azure.clock.now();
  const from = new Date(now.getTime() - unusedAfterDays * 86_400_000);
  return { read: await identitySignIns(azure, signIns, unusedAfterDays), from: from.toISOString(), to: now.toISOString() };
}

function sharedFacts({ azure }: Services, inventories: readonly AccessInventory[], reader: Reader): SharedFacts {
  return {
    listed: new Map(inventories.flatMap(({ clusters }) => ('found' in clusters ? clusters.found.map((state) => [state.id.toLowerCase(), state] as const) : []))),
    grants: allGrants(inventories),
    policies: ({ id, location }) => attempt(azure.signal, () => assignedPolicies(azure, { id, location }, reader)),
  };
}

/** Every grant that the lists show, and which lists are missing: any of those may hold one of any identity. */
function allGrants(inventories: readonly AccessInventory[]): Gathered<GrantFact> {
  const lists = inventories.map((inventory) => ({ subscriptionId: inventory.subscriptionId, named: namedAssignments(inventory) }));
  return {
    found: [...new Map(lists.flatMap(({ named }) => ('found' in named ? named.found : [])).map((one) => [one.assignment.id.toLowerCase(), one])).values()],
    unread: lists.flatMap(({ subscriptionId, named }) => ('unread' in named ? [`subscription ${subscriptionId}: ${named.unread}`] : [])),
  };
}

/** Without these lists, silence about identities and grants of a subscription means nothing. */
function subscriptionVerdict({ subscriptionId, ...lists }: AccessInventory): Judged {
  const missing = Object.entries(lists).flatMap(([name, list]) => ('unread' in list ? [`${name}: ${list.unread}`] : []));
  const object = `subscription ${subscriptionId}`;
  return { rule: reachRules.access, verdict: { ...reached(missing.length === 0 ? { found: 'clusters, identities, role assignments, roles and vaults were listed' } : { unread: missing.join('; ') }), object } };
}

function unseenClusters(inventories: readonly AccessInventory[], audited: readonly ClusterAudit[]): string[] {
  return [
    ...inventories.flatMap(({ subscriptionId, clusters }) => ('unread' in clusters ? [`clusters of subscription ${subscriptionId}: ${clusters.unread}`] : [])),
    ...audited.flatMap(({ cluster, seen }) => ('unread' in seen ? [`cluster ${cluster.label}: ${seen.unread}`] : [])),
  ];
}

/** Of a cluster that could not be read, no service account can be told to be as it was written. */
function forDrift({ cluster: { id, label }, seen }: ClusterAudit): SeenCluster {
  return 'found' in seen ? seen.found : { id, label, account: () => seen };
}

async function withBoundary(cluster: AuditedCluster, judge: AccessJudge | undefined): Promise<AuditedCluster> {
  const side = await judge?.side(resourceEnd(cluster.id, cluster.label));
  return side !== undefined && 'side' in side ? { ...cluster, boundary: side.side } : cluster;
}

/** What nobody asked for, or what is nowhere: neither is a verdict of a rule. */
function notLookedAt({ policy, history, signIns, namespaces }: AuditInputs, audited: readonly ClusterAudit[]): AuditInventory['unread'] {
  const nowhere = namespaces.filter((name) => !name.endsWith('*') && audited.every(({ absent }) => absent.includes(name)));
  return [
    ...audited.flatMap(({ cluster, ending }) => ending.map((name) => ({ what: `namespace ${name} of ${cluster.label}`, because: 'it is being deleted' }))),
    ...nowhere.map((name) => ({ what: `namespace ${name}`, because: 'no cluster has it' })),
    ...(policy === undefined ? [{ what: crossingsLook, because: 'no boundaryPolicy was given' }] : []),
    ...(history === undefined ? [{ what: 'drift against ledgers', because: 'no ledger was given' }] : []),
    ...(signIns === undefined ? [{ what: 'when grants were last used', because: 'no logAnalyticsWorkspace with sign-ins was given' }] : []),
  ];
}
