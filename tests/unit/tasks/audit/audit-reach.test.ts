import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { auditWorkloadIdentity } from '../../../../tasks/AuditWorkloadIdentity/audit-workload-identity.js';
import { namespaceRules } from '../../../../tasks/_shared/fleet/posture/namespace-rules.js';
import { Problem } from '../../../../tasks/_shared/reconcile/problem.js';
import { bootstrap } from '../../../bicep/bootstrapped.js';
import { managementGroupId } from '../../../simulators/arm/hierarchy.js';
import { FakeAgent } from '../../agent/fake-agent.js';
import { clientSecret, clusterId, group, Rig, subscriptionId } from '../../azure/azure-world.js';
import { audit, findingsOf, goodOf } from './audit-rig.js';

/** Takes from the rig's principal what it has, and gives it what the bootstrap gives to an auditor. */
function asAuditor(rig: Rig, choices: { readonly auditSecrets?: boolean } = {}): void {
  for (const { name } of rig.world.roles.assignments()) rig.world.roles.remove(name);
  bootstrap(rig.world, { applier: 'nobody', auditor: rig.deployer.objectId, subscriptions: [subscriptionId], clusters: [clusterId('aks-1'), clusterId('aks-2')], identityGroup: group, targetGroups: [group], ...choices }, managementGroupId('nonprod'));
}

describe('AuditWorkloadIdentity: what it may do', () => {
  it('reads everything with a principal that can only read, and sends nothing that writes', async () => {
    const rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addCluster('aks-2');
    await rig.addVault();
    asAuditor(rig);
    const rights = rig.world.roles.assignments().filter(({ principalId }) => principalId === rig.deployer.objectId).flatMap(({ roleDefinitionId }) => rig.world.roles.definitions().filter(({ id }) => id === roleDefinitionId));
    const actions = rights.flatMap(({ actions: azure, dataActions }) => [...azure, ...dataActions]);
    assert.deepEqual(actions.filter((action) => !action.endsWith('/read')), ['Microsoft.ContainerService/managedClusters/listClusterUserCredential/action', 'Microsoft.ContainerService/managedClusters/listClusterUserCredential/action']);
    rig.network.log.clear();
    const audited = await audit(rig, ['aks-1', 'aks-2']);
    assert.deepEqual(audited.report.findings.filter(({ outcome }) => outcome === 'unknown').map(({ rule, evidence }) => `${rule}: ${evidence}`), []);
    assert.deepEqual(rig.network.log.writes(), []);
    const posts = rig.network.log.all().filter(({ method }) => method !== 'GET').map(({ service, path }) => `${service} ${path.split('?')[0]?.split('/').at(-1) ?? ''}`);
    assert.deepEqual([...new Set(posts)].sort(), ['arm listClusterUserCredential', 'entra token']);
    assert.deepEqual(rig.network.log.all().filter(({ status }) => status === 401 || status === 403), []);
  });

  it('leaves unknown what it may not see, and passes nothing for it', async () => {
    const rig = await Rig.start();
    const api = await rig.addCluster('aks-1', 'ready');
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    asAuditor(rig, { auditSecrets: false });
    const audited = await audit(rig, ['aks-1'], { namespaces: 'orders' });
    assert.match(findingsOf(audited, 'namespace-no-credential-secrets').join('\n'), /^unknown aks-1 \/ orders: secrets could not be read/);
    assert.deepEqual(goodOf(audited, 'namespace-no-credential-secrets'), []);
    assert.equal(audited.end.result, 'Failed');
    assert.match(audited.end.message, /could not be told/);
  });

  it('says which subscription it cannot list, and trusts no silence about it', async () => {
    const rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /userAssignedIdentities\?/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'not you' } } } });
    const audited = await audit(rig, ['aks-1']);
    assert.match(findingsOf(audited, 'audit-reads-access').join('\n'), /^unknown subscription [0-9a-f-]{36}: identities: not you \(AuthorizationFailed\)$/);
    assert.deepEqual(goodOf(audited, 'audit-reads-access'), []);
  });

  it('does not take for all what a list shows to whoever may see only some', async () => {
    const rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addVault();
    const body = { value: [] };
    for (const { name } of rig.world.roles.assignments()) rig.world.roles.remove(name);
    rig.world.assign(rig.deployer.objectId, 'Reader', group);
    for (const kind of ['userAssignedIdentities', 'managedClusters', 'vaults', 'roleAssignments', 'roleDefinitions']) rig.network.faults.plant({ service: 'arm', method: 'GET', path: new RegExp(`^/subscriptions/[^/]+/providers/[^/]+/${kind}\\?`), respond: { status: 200, body } });
    const audited = await audit(rig, ['aks-1']);
    const [reads, ...others] = findingsOf(audited, 'audit-reads-access');
    assert.deepEqual(others, []);
    for (const list of ['clusters', 'identities', 'assignments', 'roles', 'vaults']) assert.match(reads ?? '', new RegExp(`${list}: a list shows only what one may see, and the service connection has no right Microsoft\\.[A-Za-z./]+/read there`));
    assert.deepEqual(goodOf(audited, 'audit-reads-access'), []);
    assert.deepEqual(goodOf(audited, 'cluster-kubelet-nothing-else'), []);
  });
});

describe('AuditWorkloadIdentity: what stands in its way', () => {
  it('hides no other cluster: one that is not there, one that is stopped, one that is out of reach', async () => {
    const rig = await Rig.start();
    for (const name of ['aks-1', 'aks-stopped', 'aks-dark']) await rig.addCluster(name, 'ready');
    rig.world.arm.clusters.edit('aks-stopped', { powerState: { code: 'Stopped' } });
    rig.network.faults.plant({ service: 'kubernetes/aks-dark', drop: 'before' });
    const audited = await audit(rig, ['aks-1', 'aks-gone', 'aks-stopped', 'aks-dark']);
    assert.match(findingsOf(audited, 'audit-reads-cluster').join('\n'), /^unknown aks-gone: there is no cluster \/subscriptions\/.*aks-gone$/);
    const dark = findingsOf(audited, 'audit-reads-namespaces');
    assert.deepEqual(dark.map((one) => one.split(':')[0]), ['unknown aks-dark', 'unknown aks-stopped']);
    assert.match(dark.join('\n'), /aks-stopped: the cluster is stopped/);
    const looked = (cluster: string): number => [...audited.report.findings, ...audited.report.good].filter((look) => look.cluster === cluster).length;
    assert.equal(looked('aks-gone'), 1);
    assert.equal(looked('aks-stopped'), looked('aks-dark'));
    assert.ok(looked('aks-1') >= looked('aks-dark') + namespaceRules.length, 'the namespaces of aks-1 were judged');
    assert.equal(audited.report.inventory.clusters.length, 4);
  });

  it('names namespaces that no cluster has, identities that are not there, and what nobody asked for', async () => {
    const rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    const audited = await audit(rig, ['aks-1'], { namespaces: 'orders,billing-*', identities: 'rg-dev/id-nobody' });
    assert.ok(audited.report.inventory.unread.some(({ what, because }) => what === 'namespace orders' && because === 'no cluster has it'));
    assert.match(findingsOf(audited, 'audit-reads-access').join('\n'), /identity id-nobody: there is no identity \/subscriptions\//);
    assert.deepEqual(audited.report.inventory.namespaces, []);
  });

  it('leaves no report when it is cancelled', async () => {
    const rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    rig.network.faults.plant({ service: 'kubernetes/aks-1', times: 1, then: () => rig.abort.abort(new Error('cancelled by the test')) });
    await assert.rejects(audit(rig, ['aks-1']), (error) => error instanceof Problem || String(error).includes('cancelled by the test'));
  });

  it('sees namespaces that are being deleted, and judges them no more', async () => {
    const rig = await Rig.start();
    const api = await rig.addCluster('aks-1', 'ready');
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leaving' } });
    rig.network.faults.plant({ service: 'kubernetes/aks-1', path: /\/namespaces\?/, times: 1, respond: { status: 200, body: { kind: 'NamespaceList', apiVersion: 'v1', metadata: {}, items: [{ metadata: { name: 'leaving', deletionTimestamp: '2026-01-05T08:00:00Z' } }] } } });
    const audited = await audit(rig, ['aks-1']);
    assert.ok(audited.report.inventory.unread.some(({ what, because }) => what === 'namespace leaving of aks-1' && because === 'it is being deleted'));
    assert.deepEqual(audited.report.inventory.namespaces, []);
  });
});

describe('AuditWorkloadIdentity: what it leaves', () => {
  it('is in four files, an attachment, a summary and outputs, which agree', async () => {
    const rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    const { connection, deployer } = rig;
    const agent = new FakeAgent('AuditWorkloadIdentity');
    try {
      agent.endpoints.contoso = { url: connection.cloud.resourceManager, scheme: 'ServicePrincipal', parameters: { serviceprincipalid: deployer.appId, tenantid: connection.tenantId, authenticationType: 'spnKey', serviceprincipalkey: clientSecret }, data: { subscriptionid: subscriptionId, environment: 'AzureCloud', environmentAuthorityUrl: connection.cloud.authority } };
      Object.assign(agent.inputs, { azureSubscription: 'contoso', clusters: clusterId('aks-1'), reportFolder: `${agent.tempDirectory}/evidence/nightly` });
      await auditWorkloadIdentity(agent, { createServices: ({ clusters }) => rig.services(clusters), requestOidcToken: () => Promise.reject(new Error('no')), chooseClock: () => rig.clock });
      const { high, medium, low, unknown, reportFolder, reportFile = '', sarifFile = '', junitFile = '', evidenceFile = '' } = agent.outputs;
      for (const file of [reportFile, sarifFile, junitFile, evidenceFile]) assert.ok(existsSync(file) && file.startsWith(reportFolder ?? '?'), file);
      const read = (path: string): string => readFileSync(path, 'utf8');
      const report = JSON.parse(read(reportFile)) as { findings: { severity: string; outcome: string }[] };
      assert.deepEqual(report, JSON.parse(agent.attachments.find(({ type }) => type === 'aks-workload-identity-audit')?.content ?? '{}'));
      const count = (severity: string): string => String(report.findings.filter((one) => one.severity === severity && one.outcome === 'fail').length);
      assert.deepEqual([high, medium, low, unknown], [count('high'), count('medium'), count('low'), '0']);
      assert.ok(Number(high) > 0 && Number(low) > 0);
      const sarif = JSON.parse(read(sarifFile)) as { runs: { results: unknown[] }[] };
      assert.equal(sarif.runs[0]?.results.length, report.findings.length);
      assert.match(read(junitFile), /<testsuite name="aks-1" tests="\d+" failures="[1-9]/);
      assert.match(read(evidenceFile), /^# Security evidence: workload identity on AKS$/m);
      assert.match(agent.summaries.join('\n'), /Open findings/);
      assert.match(agent.log.join('\n'), /^HIGH {5}/m);
    } finally {
      agent.dispose();
    }
  });

  it('fails, has issues or succeeds by threshold and exceptions', async () => {
    const rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    const end = async (inputs: Record<string, string>): Promise<string> => (await audit(rig, ['aks-1'], inputs)).end.result;
    assert.equal(await end({}), 'Failed');
    assert.equal(await end({ failOn: 'none' }), 'SucceededWithIssues');
    const { report } = await audit(rig, ['aks-1']);
    const agent = new FakeAgent();
    try {
      const open = [...new Set(report.findings.map(({ rule }) => rule))];
      const profile = agent.keepFile('all.yml', `version: 1\nextends: prod\nexceptions:\n${open.map((rule) => `  - {rule: ${rule}, cluster: aks-1, reason: it is known, until: 2099-12-31}`).join('\n')}\n`);
      assert.equal(await end({ profile }), 'Succeeded');
      const off = agent.keepFile('off.yml', `version: 1\nextends: nonprod\nrules:\n${open.map((rule) => `  ${rule}: off`).join('\n')}\n`);
      assert.equal(await end({ profile: off }), 'Succeeded');
      const past = agent.keepFile('past.yml', `version: 1\nextends: prod\nexceptions:\n${open.map((rule) => `  - {rule: ${rule}, reason: it was known, until: 2020-12-31}`).join('\n')}\n`);
      assert.equal(await end({ profile: past }), 'Failed');
    } finally {
      agent.dispose();
    }
  });

  it('has no value of a secret anywhere', async () => {
    const rig = await Rig.start();
    const api = await rig.addCluster('aks-1', 'ready');
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
    const value = 'AccountKey=canary0canary0canary0canary0canary0canary0canary0canary0canary0canary0canary0canary0canary0aa==';
    api.put({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'orders', name: 'storage' }, type: 'Opaque', data: { connection: Buffer.from(`DefaultEndpointsProtocol=https;AccountName=st;${value};EndpointSuffix=core.windows.net`).toString('base64') } });
    const audited = await audit(rig, ['aks-1']);
    assert.match(findingsOf(audited, 'namespace-no-credential-secrets').join('\n'), /^fail aks-1 \/ orders \/ secret orders\/storage/);
    assert.ok(!audited.agent.everything().includes('canary0'));
    assert.ok(!rig.debug.join('\n').includes('canary0'));
  });
});

describe('AuditWorkloadIdentity: how many requests it takes', () => {
  it('reads subscriptions by list: per cluster there is its settings, its address and its API server', async () => {
    const rig = await Rig.start();
    const names = Array.from({ length: 30 }, (_, index) => `aks-${index + 10}`);
    for (const name of names) await rig.addCluster(name, 'ready');
    rig.network.log.clear();
    await audit(rig, names);
    const to = (service: string): number => rig.network.log.all(service).length;
    const arm = rig.network.log.all('arm').length;
    assert.equal(rig.network.log.all('arm').filter(({ path }) => /diagnosticSettings|listClusterUserCredential/.test(path)).length, 60);
    assert.ok(arm <= 60 + 12, `${arm} requests to ARM`);
    for (const name of names) assert.ok(to(`kubernetes/${name}`) <= 20, `${name}: ${to(`kubernetes/${name}`)}`);
  });
});
