import { isWithin, lastPart } from '../arm-id.js';
import { object, objects, text, texts, type Json } from '../json.js';
import { some } from '../wording.js';
import { shown } from '../shown.js';
import { addOn, addOnState, anyCase, holds, judgeRead, properties, seen, verdict, word } from './cluster-values.js';
import { procedures } from './procedures.js';
import type { ClusterRule, Verdict } from './rule.js';

const { authnAuthz, auth, enterpriseScale, sop } = procedures;

const policyAddOn = 'azurepolicy';

/** Wire names of this file: npm @azure/arm-containerservice 25.5.0, @azure/arm-monitor 7.0.0. */
const azurePolicyAddOn: ClusterRule = {
  id: 'cluster-azure-policy-add-on',
  title: 'The Azure Policy add-on is on, so that policies reach into the cluster',
  severity: 'medium',
  source: [`${authnAuthz}, Network`, `${authnAuthz}, Auditing`, `${sop}, Auditing`, `${auth}, Cluster`],
  remedy: 'run EnableWorkloadIdentity with `azurePolicyAddOn: true` (az aks enable-addons -g <group> -n <cluster> --addons azure-policy)',
  dependants: [],
  mendedBy: 'azurePolicyAddOn',
  judge: ({ raw }) => holds(addOn(raw, policyAddOn).enabled === true, addOnState(raw, policyAddOn)),
};

/**
 * The built-in policy that the procedure names; its effects are Audit and Disabled, and newer versions have an "Azure" before the name.
 * Source: azure-policy, ASC_EnableRBAC_KubernetesService_Audit.json.
 */
export const rbacPolicyId = 'ac4a19c2-fa67-49b4-8ae5-0b2e78c49457';
const rbacPolicyName = /Role-Based Access Control \(RBAC\) should be used on Kubernetes Services/i;
const builtInPolicy = /^\/providers\/Microsoft\.Authorization\/policyDefinitions\//i;

/**
 * True for a policy whose definition the rules look at: the built-in one by its id, and each that a tenant made itself, since its name may tell that
 * it is a copy. Of other built-in policies the id is enough.
 */
export function isWatchedPolicy(id: string): boolean {
  return !builtInPolicy.test(id) || lastPart(id).toLowerCase() === rbacPolicyId;
}

/** The policy that an entry of assigned policies is about. */
function policyOf(assignment: Json): { readonly id: string; readonly name: string | undefined } {
  const definition = object(assignment.definition);
  return { id: text(definition.id) ?? text(properties(assignment).policyDefinitionId) ?? '', name: text(definition.displayName) };
}

function isRbacPolicy(assignment: Json): boolean {
  const { id, name } = policyOf(assignment);
  return lastPart(id).toLowerCase() === rbacPolicyId || (name !== undefined && rbacPolicyName.test(name));
}

/** True when it cannot be told whether the policy is the one: an initiative or a policy of the tenant's own whose definition was not read. */
function isUnread(assignment: Json): boolean {
  const { id, name } = policyOf(assignment);
  return name === undefined && !builtInPolicy.test(id);
}

/**
 * How an assignment of the policy counts. With `enforcementMode: DoNotEnforce` neither the effect nor the activity log happens, with `Enroll` only where
 * an enrolment says so, which nobody reads; scopes under `notScopes` are left out; what is exempt is not evaluated.
 * Source: Azure Policy docs, assignment structure, enrollment structure, exemption structure and effect disabled.
 */
function judgeAssignment(assignment: Json, clusterId: string): Verdict {
  const { enforcementMode, notScopes } = properties(assignment);
  const name = `assignment ${text(assignment.name) ?? lastPart(text(assignment.id) ?? 'without a name')}`;
  const effect = text(object(assignment.definition).effect);
  const left = texts(notScopes).find((scope) => isWithin(clusterId, scope));
  if (left !== undefined) return verdict('fail', `${name} leaves ${left} out`);
  if (assignment.exemption !== undefined) return verdict('fail', `${name}: ${exempted(object(assignment.exemption))}`);
  if (word(enforcementMode) === 'enroll') return verdict('unknown', `${name}: ${seen('enforcementMode', enforcementMode)}, and enrolments are not read`);
  if (enforcementMode !== undefined && word(enforcementMode) !== 'default') return verdict('fail', `${name}: ${seen('enforcementMode', enforcementMode)}`);
  if (effect === undefined || effect.startsWith('[')) return verdict('unknown', `${name}: its effect could not be read`);
  const found = holds(['audit', 'deny'].includes(effect.toLowerCase()), `${name}: ${seen('effect', effect)}`);
  const unread = text(assignment.exemptionsUnread);
  return found.outcome === 'pass' && unread !== undefined ? verdict('unknown', `${found.evidence}, but its exemptions could not be read: ${unread}`) : found;
}

function exempted({ name, expiresOn }: Json): string {
  const until = text(expiresOn);
  return `exemption ${shown(text(name) ?? 'without a name')} takes the cluster out${until === undefined ? '' : ` until ${shown(until)}`}`;
}

const rbacPolicy: ClusterRule = {
  id: 'cluster-rbac-policy',
  title: 'The policy “Role-Based Access Control (RBAC) should be used on Kubernetes Services” audits the cluster',
  severity: 'low',
  source: [`${enterpriseScale}, Design recommendations for operator access`, `${authnAuthz}, Auditing`],
  remedy: `az policy assignment create --policy ${rbacPolicyId} --scope <subscription or management group> --params '{"effect":{"value":"Audit"}}'`,
  dependants: [],
  judge: ({ id, policyAssignments }) =>
    judgeRead('policy assignments', policyAssignments, (assignments) => {
      const verdicts = assignments.filter(isRbacPolicy).map((assignment) => judgeAssignment(assignment, id));
      const unread = assignments.filter(isUnread).map((assignment) => lastPart(policyOf(assignment).id));
      const best = (['pass', 'unknown'] as const).map((outcome) => verdicts.find((one) => one.outcome === outcome)).find((one) => one !== undefined);
      if (best !== undefined) return best;
      if (unread.length > 0) return verdict('unknown', `no assigned policy that could be read is this one, and definitions could not be read: ${some(unread)}`);
      return verdict('fail', verdicts.length === 0 ? `none of the ${assignments.length} assigned policies is this one` : some(verdicts.map(({ evidence }) => evidence), 5, '; '));
    }),
};

/** What a diagnostic setting sends to a workspace: enabled categories and groups of categories, in lower case. */
interface Sent {
  readonly name: string;
  readonly workspace: string;
  readonly categories: readonly string[];
  readonly groups: readonly string[];
}

function sentBy(setting: Json): readonly Sent[] {
  const { workspaceId, logs } = properties(setting);
  const workspace = text(workspaceId);
  if (workspace === undefined) return [];
  const enabled = objects(logs).filter((log) => log.enabled === true);
  const named = (key: string): string[] => enabled.flatMap((log) => word(log[key]) ?? []);
  return [{ name: text(setting.name) ?? 'without a name', workspace: lastPart(workspace), categories: named('category'), groups: named('categoryGroup') }];
}

/**
 * Which of several categories a workspace gets; the group `allLogs` has each. What the group `audit` has of AKS is not documented.
 * Source: AKS docs, monitor-aks and monitor-aks-reference; Azure Monitor docs, diagnostic settings (category groups).
 */
function received(sent: readonly Sent[], wanted: readonly string[]): string | undefined {
  for (const { name, workspace, categories, groups } of sent) {
    const category = wanted.find((one) => categories.includes(one)) ?? (groups.includes('alllogs') ? 'allLogs' : undefined);
    if (category !== undefined) return `setting ${name} sends ${category} to workspace ${workspace}`;
  }
  return undefined;
}

/** `kube-audit-admin` is `kube-audit` without reads; `guard` tells of Entra and Azure RBAC. Source: AKS docs, monitor-aks. */
const auditLogs: ClusterRule = {
  id: 'cluster-audit-logs',
  title: 'Audit logs (kube-audit-admin or kube-audit, and guard) go to a Log Analytics workspace',
  severity: 'high',
  source: [`${authnAuthz}, Auditing`, `${sop}, Auditing`, `${sop}, Monitoring`, `${auth}, Cluster`],
  remedy: 'run EnableWorkloadIdentity with `auditWorkspace: <workspace>`, or az monitor diagnostic-settings create --resource <cluster id> --workspace <workspace> with these categories',
  dependants: [],
  mendedBy: 'auditWorkspace',
  judge: ({ diagnosticSettings }) =>
    judgeRead('diagnostic settings', diagnosticSettings, (settings) => {
      const sent = settings.flatMap(sentBy);
      const audit = received(sent, ['kube-audit-admin', 'kube-audit']);
      const guard = received(sent, ['guard']);
      const told = `${audit ?? 'neither kube-audit-admin nor kube-audit is sent to a workspace'}; ${guard ?? 'guard is not sent to a workspace'}`;
      if (audit !== undefined && guard !== undefined) return verdict('pass', audit === guard ? audit : told);
      const grouped = sent.find(({ groups }) => groups.includes('audit'));
      if (grouped !== undefined) return verdict('unknown', `setting ${grouped.name} sends the group audit, and which categories it has is not documented; name the categories`);
      return verdict('fail', settings.length === 0 ? 'the cluster has no diagnostic setting' : told);
    }),
};

const monitoringAddOn = 'omsagent';

/** The two places where a cluster names the workspace of its containers' logs; the second is the newer one, and may be there besides the first. */
const containerMonitoring: ClusterRule = {
  id: 'cluster-container-monitoring',
  title: 'Azure Monitor collects what containers write into a Log Analytics workspace',
  severity: 'medium',
  source: [`${sop}, Monitoring`],
  remedy: 'az aks enable-addons -g <group> -n <cluster> --addons monitoring --workspace-resource-id <workspace id>',
  dependants: [],
  judge: ({ raw }) => {
    const insights = object(object(properties(raw).azureMonitorProfile).containerInsights);
    const ways = [
      { told: addOnState(raw, monitoringAddOn), profile: addOn(raw, monitoringAddOn), workspaces: addOn(raw, monitoringAddOn).config },
      { told: seen('azureMonitorProfile.containerInsights.enabled', insights.enabled), profile: insights, workspaces: insights },
    ].map(({ told, profile, workspaces }) => ({ told, on: profile.enabled === true, workspace: text(anyCase(workspaces, 'logAnalyticsWorkspaceResourceID')) }));
    const way = ways.find(({ on, workspace }) => on && workspace !== undefined);
    if (way !== undefined) return verdict('pass', `${way.told}, with workspace ${lastPart(way.workspace ?? '')}`);
    return verdict('fail', ways.map(({ told, on }) => (on ? `${told} and names no workspace` : told)).join('; '));
  },
};

/** Who watches over a cluster, and what is kept for them. */
export const oversightRules: readonly ClusterRule[] = [azurePolicyAddOn, rbacPolicy, auditLogs, containerMonitoring];
