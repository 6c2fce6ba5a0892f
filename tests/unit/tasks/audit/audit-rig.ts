import { auditWorkloadIdentity } from '../../../../tasks/AuditWorkloadIdentity/audit-workload-identity.js';
import type { TaskEnd } from '../../../../tasks/_shared/agent/agent.js';
import type { AuditFinding, AuditReport } from '../../../../tasks/_shared/report/audit-report.js';
import { FakeAgent } from '../../agent/fake-agent.js';
import { clientSecret, clusterId, tenantId, type Rig } from '../../azure/azure-world.js';

/** What one audit came to, and what it said to its agent. */
export interface Audited {
  readonly end: TaskEnd;
  readonly agent: FakeAgent;
  readonly report: AuditReport;
}

/** Runs an audit of a rig's clusters from its inputs to its end, signed in as the rig's principal or as another one. */
export async function audit(rig: Rig, clusters: readonly string[], inputs: Readonly<Record<string, string>> = {}): Promise<Audited> {
  const agent = new FakeAgent('AuditWorkloadIdentity');
  try {
    const { cloud, subscriptionId = '' } = rig.connection;
    agent.endpoints.contoso = {
      url: cloud.resourceManager,
      scheme: 'ServicePrincipal',
      parameters: { serviceprincipalid: rig.deployer.appId, tenantid: tenantId, authenticationType: 'spnKey', serviceprincipalkey: clientSecret },
      data: { subscriptionid: subscriptionId, environment: 'AzureCloud', environmentAuthorityUrl: cloud.authority },
    };
    Object.assign(agent.variables, { 'Build.DefinitionName': 'audit', 'Build.BuildNumber': '20260105.1' });
    Object.assign(agent.inputs, { azureSubscription: 'contoso', clusters: clusters.map((name) => clusterId(name)).join('\n') }, inputs);
    const requestOidcToken = (): Promise<string> => Promise.reject(new Error('the rig signs in with a secret'));
    const end = await auditWorkloadIdentity(agent, { createServices: ({ clusters: entries }) => rig.services(entries), requestOidcToken, chooseClock: () => rig.clock });
    const attached = agent.attachments.find(({ type }) => type === 'aks-workload-identity-audit');
    if (attached === undefined) throw new Error('no report was attached');
    return { end, agent, report: JSON.parse(attached.content) as AuditReport };
  } finally {
    agent.dispose();
  }
}

/** The findings of a rule as `outcome place: evidence`. */
export function findingsOf({ report }: Pick<Audited, 'report'>, rule: string): string[] {
  return report.findings.filter((finding) => finding.rule === rule).map(told);
}

function told({ outcome, cluster, namespace, object, evidence }: AuditFinding): string {
  return `${outcome} ${[cluster, namespace, object].filter((part) => part !== undefined).join(' / ')}: ${evidence}`;
}

/** How a rule ended at every place that does not need anybody's attention: `pass`, `notApplicable`. */
export function goodOf({ report }: Pick<Audited, 'report'>, rule: string): string[] {
  return report.good.filter((look) => look.rule === rule).map(({ outcome }) => outcome);
}
