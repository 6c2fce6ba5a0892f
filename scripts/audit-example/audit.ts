import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { oidcToken } from '../../tasks/_shared/azure/oidc-token.js';
import { auditWorkloadIdentity } from '../../tasks/AuditWorkloadIdentity/audit-workload-identity.js';
import { servicesFor } from '../../tests/kill/contoso-world.js';
import { Lifeline } from '../../tests/kill/lifeline.js';
import { idOf } from '../../tests/simulators/azure/directory.js';
import { inProcessHttpClient } from '../../tests/simulators/kernel-clients/in-process-http-client.js';
import { clusterId, contosoTenant, project, subscriptions } from '../../tests/simulators/world/contoso.js';
import { FakeAgent } from '../../tests/unit/agent/fake-agent.js';
import { stoppedId, type Company } from './company.js';
import type { RunFleet } from './fleet.js';

/** Where the files lie that the audit is given, relative to the repository. */
export const auditFolder = 'tests/fixtures/contoso/audit';
const files = ['boundaries.yml', 'profile.yml'] as const;
/** The commit that the files are said to be from: that of the checkout would make the document another one with every commit. */
const commit = '5f1d0c8a3b7e4962d0a1c5e8f7b6943210fedcba';

/** Audits the whole fleet as the company's auditor. Returns the evidence document. */
export async function auditCompany(fleet: RunFleet, company: Company): Promise<string> {
  const agent = new FakeAgent('AuditWorkloadIdentity');
  try {
    describeJob(agent, fleet, company);
    const lifeline = new Lifeline(fleet.network);
    await auditWorkloadIdentity(agent, {
      createServices: (shared) => servicesFor(shared, { lifeline, agent }),
      requestOidcToken: (request, { clock, signal }) => {
        if (!('requestUri' in request)) throw new Error('the audit runs in no release');
        return oidcToken(request, { clock, signal, debug: () => undefined, httpClient: inProcessHttpClient(lifeline) });
      },
      chooseClock: () => fleet.clock,
    });
    return readFileSync(agent.outputs.evidenceFile ?? '', 'utf8');
  } finally {
    agent.dispose();
  }
}

/** What a pipeline gives to the task: a checkout, variables, the service connection, inputs. */
function describeJob(agent: FakeAgent, { world, ledgers }: RunFleet, { connection, auditor, signIns }: Company): void {
  const { devops, origins } = world;
  const sources = join(agent.tempDirectory, 'sources');
  agent.saveFile(join(sources, '.git', 'HEAD'), `${commit}\n`);
  for (const name of files) agent.saveFile(join(sources, 'audit', name), readFileSync(fileURLToPath(new URL(`../../${auditFolder}/${name}`, import.meta.url)), 'utf8'));
  for (const [name, content] of ledgers) agent.saveFile(join(sources, 'ledgers', name), content);
  const job = { projectId: project.id, pipelineId: 2, planId: idOf('plan of the audit'), jobId: idOf('job of the audit'), hub: 'build' as const };
  Object.assign(agent.variables, {
    'Build.SourcesDirectory': sources,
    'Build.DefinitionName': 'nightly-audit',
    'Build.BuildNumber': '20260302.1',
    'System.OidcRequestUri': devops.oidcRequestUri(origins.devops, job),
  });
  agent.endpoints.SYSTEMVSSCONNECTION = { scheme: 'OAuth', parameters: { AccessToken: devops.issueJobToken(job) } };
  agent.endpoints[connection.id] = {
    url: origins.arm,
    scheme: 'WorkloadIdentityFederation',
    parameters: { serviceprincipalid: auditor.appId, tenantid: contosoTenant },
    data: { subscriptionid: subscriptions.prd, environment: 'AzureCloud', environmentAuthorityUrl: origins.entra },
  };
  Object.assign(agent.inputs, {
    azureSubscription: connection.id,
    clusters: [clusterId('dev'), clusterId('test'), stoppedId, clusterId('prd')].join('\n'),
    boundaryPolicy: 'audit/boundaries.yml',
    profile: 'audit/profile.yml',
    ledger: [...ledgers.keys()].map((name) => `ledgers/${name}`).join('\n'),
    logAnalyticsWorkspace: signIns.armId,
    logAnalyticsEndpoint: origins.logAnalytics,
    unusedAfterDays: '45',
  });
}
