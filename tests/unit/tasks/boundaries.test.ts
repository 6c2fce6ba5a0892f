import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { Rig, subscriptionId, tenantId, type RunChoices } from '../azure/azure-world.js';
import { PolicyFile } from './policy-file.js';

const production = idOf('production of the boundary tests');
const registry = `/subscriptions/${production}/resourceGroups/rg-prd/providers/Microsoft.ContainerRegistry/registries/crprod`;
const identity = `/subscriptions/${subscriptionId}/resourceGroups/rg-dev/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-orders-aks-1`;
const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const push = { ...workload, registry, repositories: 'orders/api', role: 'AcrPush' };
const boundaries = 'version: 1\nboundaries:\n  nonprod: [nonprod]\n  prod: [prod]\n';
const rule = `${boundaries}allow:\n  - {name: push-releases, from: nonprod, to: prod, kinds: [grant], roles: [AcrPush], resources: ["${registry}"], reason: release images are built in nonprod, until: 2026-03-31}\n`;

describe('the boundaries of a fleet', () => {
  let rig: Rig;
  const file = new PolicyFile();
  const { folder } = file;
  after(() => file.remove());
  beforeEach(async () => {
    rig = await Rig.start('2026-03-01T12:00:00Z', [subscriptionId, production]);
    rig.world.hierarchy.addManagementGroup({ name: 'prod', displayName: 'Production' });
    rig.world.hierarchy.addSubscription({ id: production, displayName: 'production', managementGroup: 'prod' });
    rig.world.hierarchy.addResourceGroup(production, 'rg-prd', 'westeurope');
    await rig.addCluster('aks-1', 'ready');
    (await rig.world.addRegistry({ subscriptionId: production, group: 'rg-prd', name: 'crprod', location: 'westeurope', properties: {} })).addImage('orders/api', '1.0.0');
    assert.equal((await rig.runTask(federateServiceAccount, ['aks-1'], workload)).result.result, 'succeeded');
    rig.network.log.clear();
    rig.journal.splice(0);
  });
  const policy = (text: string): string => file.write(text);
  const grant = async (text: string, inputs: Record<string, string> = {}, choices: RunChoices = {}): Promise<RunResult> =>
    (await rig.runTask(grantRegistryRole, ['aks-1'], { ...push, boundaryPolicy: text === 'none' ? text : policy(text), ...inputs }, choices)).result;
  const found = ({ preflight }: RunResult): string[] => preflight.findings.map(({ scope, problem }) => `${scope} ${problem.code} ${problem.what}: ${problem.because}`.replaceAll(folder, ''));

  it('stop an identity of nonprod that asks AcrPush on a registry of prod: nothing is written, and the missing rule is named', async () => {
    const result = await grant(boundaries);
    assert.equal(result.result, 'failed');
    assert.deepEqual(found(result), [
      'run WI3111 The grant AcrPush on crprod would let service connection contoso-nonprod of nonprod reach registry crprod of prod: no rule of /boundaries.yml allows it',
      'run WI3111 The grant AcrPush on crprod would let identity id-orders-aks-1 of nonprod reach registry crprod of prod: no rule of /boundaries.yml allows it',
    ]);
    const line = `- {name: <name>, from: "nonprod", to: "prod", kinds: [grant], roles: ["AcrPush"], resources: ["${registry}"], reason: "<why>", until: <yyyy-mm-dd>}`;
    for (const { problem } of result.preflight.findings) assert.ok(problem.remedy.endsWith(`add under allow: ${line}`), problem.remedy);
    assert.deepEqual([rig.writes(), rig.journal], [[], []]);
    assert.ok(result.preflight.notes.includes('boundaries: 2 crossings not allowed'), result.preflight.notes.join());
  });

  it('are crossed where the printed rule was added: the ledger has the crossing with its rule', async () => {
    const line = (await grant(boundaries)).preflight.findings[0]?.problem.remedy.split('add under allow: ')[1] ?? '';
    const result = await grant(`${boundaries}allow:\n  ${line.replace('<name>', 'push-releases').replace('<why>', 'release images are built in nonprod').replace('<yyyy-mm-dd>', '2026-03-31')}\n`);
    assert.deepEqual([found(result), result.result], [[], 'succeeded']);
    assert.equal(rig.journal.length, 1);
    const crossings = (rig.journal[0]?.crossings ?? []).map(({ access, from, to, rule: by, reason, until }) => `${access.kind} ${access.role ?? ''} ${access.from.id.toLowerCase() === identity.toLowerCase() ? 'identity' : access.from.kind} ${from} → ${access.to.id} ${to}, ${by} until ${until ?? ''}: ${reason}`);
    assert.deepEqual(crossings, ['service connection', 'identity'].map((from) => `grant AcrPush ${from} nonprod → ${registry} prod, push-releases until 2026-03-31: release images are built in nonprod`));
    assert.ok(result.preflight.notes.includes('2 crossings allowed by push-releases'), result.preflight.notes.join());
  });

  it('are looked at in a dry run, and not where none was said', async () => {
    const dry = await grant(boundaries, {}, { dryRun: true });
    assert.deepEqual([dry.result, dry.preflight.findings.map(({ problem }) => problem.code)], ['failed', ['WI3111', 'WI3111']]);
    const result = await grant('none');
    assert.deepEqual([result.result, result.preflight.notes.at(-1)], ['succeeded', 'boundaries not looked at (boundaryPolicy: none)']);
    assert.equal(rig.network.log.all('arm').filter(({ path }) => path.includes('getEntities')).length, 1, 'of the dry run only');
  });

  it('allow no other role, no other registry and no other direction than the rule says', async () => {
    const codes = async (text: string, inputs: Record<string, string> = {}): Promise<string[]> => (await grant(text, inputs, { dryRun: true })).preflight.findings.map(({ problem }) => problem.code);
    assert.deepEqual(await codes(rule), []);
    const refused = ['WI3111', 'WI3111'];
    assert.deepEqual(await codes(rule, { role: 'AcrPull' }), refused);
    assert.deepEqual(await codes(rule.replace('registries/crprod', 'registries/crother')), refused);
    assert.deepEqual(await codes(rule.replace('from: nonprod, to: prod', 'from: prod, to: nonprod')), refused);
    assert.deepEqual(await codes(rule.replace('[grant], roles: [AcrPush]', '[federation, deploy]')), refused);
    assert.deepEqual(await codes(rule.replace('/registries/crprod"', '/registries/crprod/*"')), refused, 'what is below the registry is not the registry');
    assert.deepEqual(await codes(rule.replace('/registries/crprod"', '/*"')), []);
    assert.deepEqual(await codes(rule.replace('AcrPush]', '8311e382-0749-4cb8-b61a-304f252e45ec]')), [], 'a role by its GUID');
  });

  it('allow repositories of a registry in ABAC mode by either name of the role, and the whole registry by its own only', async () => {
    const codes = async (role: string): Promise<string[]> => (await grant(rule.replace('roles: [AcrPush]', `roles: ["${role}"]`), {}, { dryRun: true })).preflight.findings.map(({ problem }) => problem.code);
    const names = ['AcrPush', '8311e382-0749-4cb8-b61a-304f252e45ec', 'Container Registry Repository Writer', '2a1e307c-b015-4ebd-883e-5b7698a07328', 'Container Registry Repository Reader'];
    const refused = ['WI3111', 'WI3111'];
    const judged = async (): Promise<string[][]> => {
      const all: string[][] = [];
      for (const name of names) all.push(await codes(name));
      return all;
    };
    assert.deepEqual(await judged(), [[], [], refused, refused, refused]);
    rig.world.arm.registries.edit('crprod', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    assert.deepEqual(await judged(), [[], [], [], [], refused]);
  });

  it('hold again from the day after the last one of the rule', async () => {
    rig.clock.advance(Date.parse('2026-03-31T23:59:00Z') - rig.clock.now().getTime());
    assert.deepEqual(found(await grant(rule, {}, { dryRun: true })), []);
    rig.clock.advance(120_000);
    const result = await grant(rule);
    assert.deepEqual(result.preflight.findings.map(({ scope, problem }) => [scope, problem.code, problem.because.replaceAll(folder, '')]), [1, 2].map(() => ['run', 'WI3112', 'rule push-releases of /boundaries.yml allowed it until 2026-03-31, and today is 2026-04-01 (UTC)']));
    assert.deepEqual([result.result, rig.writes()], ['failed', []]);
  });

  it('stop the run where the management groups above an end cannot be read, and name the right', async () => {
    rig.network.faults.plant({ service: 'arm', path: /getEntities/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'not for you' } } } });
    const result = await grant(rule);
    assert.deepEqual([result.result, rig.writes()], ['failed', []]);
    assert.deepEqual([...new Set(found(result))], ['service connection contoso-nonprod', 'identity id-orders-aks-1'].map((end) => `run WI3113 Nobody can say to which boundary ${end} belongs: the management groups cannot be listed: not for you`));
    assert.match(result.preflight.findings[0]?.problem.remedy ?? '', /Microsoft\.Management\/managementGroups\/read/);
  });

  it('stop the run where an end belongs to another tenant, whatever the rules say', async () => {
    const other = '99999999-9999-4999-8999-999999999999';
    rig.world.hierarchy.addSubscription({ id: production, displayName: 'production', managementGroup: 'prod', tenantId: other });
    const result = await grant(rule);
    assert.deepEqual([result.result, rig.writes()], ['failed', []]);
    assert.deepEqual([...new Set(found(result))], [`run WI3114 The registry crprod belongs to another tenant: it is in tenant ${other}, and the service connection contoso-nonprod in tenant ${tenantId}`]);
  });

  it('stop nothing where nothing is to be written', async () => {
    assert.equal((await grant('none')).result, 'succeeded');
    rig.network.log.clear();
    const again = await grant(boundaries);
    assert.deepEqual([again.result, again.preflight.findings, rig.writes()], ['succeeded', [], []]);
  });

  it('judge a cluster’s credential on an identity of another boundary', async () => {
    const shared = `/subscriptions/${production}/resourceGroups/rg-prd/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-prd`;
    rig.world.arm.identities.add(production, 'rg-prd', 'id-prd', 'westeurope');
    const federate = async (text: string): Promise<RunResult> => (await rig.runTask(federateServiceAccount, ['aks-1'], { ...workload, identity: shared, boundaryPolicy: policy(text) }, { dryRun: true })).result;
    assert.deepEqual(found(await federate(boundaries)), ['service connection contoso-nonprod', 'cluster aks-1'].map((from) => `run WI3111 The federated credential orders/api would let ${from} of nonprod reach identity id-prd of prod: no rule of /boundaries.yml allows it`));
    assert.deepEqual(found(await federate(rule.replace('[grant], roles: [AcrPush]', '[federation]').replace(registry, shared))), []);
  });

  it('judge what the nodes of a cluster may pull', async () => {
    const result = await grant(boundaries, { principal: 'kubelet', role: 'AcrPull' }, { dryRun: true });
    assert.ok(found(result).some((line) => line.startsWith('run WI3111 The grant AcrPull on crprod would let cluster aks-1 of nonprod reach registry crprod of prod')), found(result).join('\n'));
  });
});
