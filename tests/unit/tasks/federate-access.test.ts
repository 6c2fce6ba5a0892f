import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import type { ServiceConnection } from '../../../tasks/_shared/azure/connection.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { grantMark } from '../../../tasks/_shared/fleet/marks.js';
import type { Evidence } from '../../../tasks/_shared/reconcile/proof.js';
import { writes } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { role } from '../../simulators/azure/role-definitions.js';
import type { RoleAssignment } from '../../simulators/azure/roles.js';
import { group, identityId, Rig, subscriptionId, tenantId, type RunChoices } from '../azure/azure-world.js';

const given = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders', keyVault: 'rg-dev/kv-unit', secrets: 'orders-db', boundaryPolicy: 'none' };
const storage = `${group}/providers/Microsoft.Storage/storageAccounts/st1`;

describe('FederateServiceAccount: access', () => {
  let rig: Rig;
  let vault: string;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    vault = await rig.addVault();
  });

  const run = async (inputs: Record<string, string> = {}, choices: RunChoices = {}): Promise<RunResult> => (await rig.runTask(federateServiceAccount, ['aks-1'], { ...given, ...inputs }, choices)).result;
  const proof = ({ proofs }: RunResult): Evidence & { code?: string } => {
    const outcome = proofs[0]?.outcome;
    assert.ok(outcome !== undefined);
    if ('problem' in outcome) return { level: 'none', summary: outcome.problem.because, code: outcome.problem.code };
    return { ...outcome, ...(outcome.shortfall === undefined ? {} : { code: outcome.shortfall.code }) };
  };
  const mine = (): readonly RoleAssignment[] => rig.world.roles.assignments().filter(({ principalId }) => principalId === rig.world.arm.identities.find('id-orders-aks-1').principalId);
  const granted = (): string[] => mine().map(({ scope, roleDefinitionId }) => `${rig.world.roles.definitions().find(({ id }) => id === roleDefinitionId)?.name ?? ''} @ ${scope.replace(vault, '').replace(group, '')}`).sort();
  const problems = (result: RunResult): string[] => result.plan.flatMap(({ change }) => (change.action === 'blocked' ? [change.problem.code] : []));
  const service = (): NonNullable<ReturnType<typeof rig.world.vaults.get>> => {
    const found = rig.world.vaults.get('kv-unit');
    assert.ok(found !== undefined);
    return found;
  };
  const policies = (): Promise<string> => {
    rig.world.arm.vaults.edit('kv-unit', { enableRbacAuthorization: false });
    return Promise.resolve(vault);
  };

  describe('on a vault of roles', () => {
    it('is the least role on each secret, certificate and key, each read as the workload', async () => {
      service().certificates.set('tls', 'canary');
      service().keys.set('sign', 'canary');
      const result = await run({ secrets: 'orders-db, cert:tls, KEY:sign' });
      assert.deepEqual(granted(), ['Key Vault Certificate User @ /certificates/tls', 'Key Vault Crypto User @ /keys/sign', 'Key Vault Secrets User @ /secrets/orders-db']);
      assert.equal(proof(result).summary, 'token after 0.0 s → secret orders-db, certificate tls, key sign of kv-unit readable, another name refused (as it should be)');
      const mark = grantMark(mine()[0]?.description);
      assert.deepEqual(mark, { workload: 'orders/api', principal: identityId('id-orders-aks-1'), run: 'unit 1' });
    });

    it('is the whole vault for *, which widens and says so, and no refusal is asked for', async () => {
      const result = await run({ secrets: '*' });
      assert.deepEqual(granted(), ['Key Vault Secrets User @ ']);
      const change = result.plan.find(({ resource }) => resource.kind === 'grant')?.change;
      assert.ok(change !== undefined && writes(change) && change.widens);
      assert.match(change.reason, /every secret of the vault, those to come included: the input secrets is \*/);
      assert.ok(change.fields.some(({ field }) => field === 'reach'));
      assert.equal(proof(result).summary, 'token after 0.0 s → every secret of kv-unit readable, no refusal asked for (every secret is granted)');
      assert.ok(rig.network.log.all('vault').every(({ status }) => status === 404), 'no secret was read');
    });

    it('counts an inherited assignment, and the proof says that it is broader', async () => {
      await run();
      for (const { name } of mine()) rig.world.roles.remove(name);
      rig.world.assign(rig.world.arm.identities.find('id-orders-aks-1').principalId, 'Key Vault Secrets User', group);
      const result = await run();
      assert.deepEqual([result.result, granted()], ['succeeded', ['Key Vault Secrets User @ ']]);
      assert.ok(proof(result).summary.endsWith(`no refusal asked for (the role is inherited from ${group}, broader than asked)`), proof(result).summary);
    });

    it('is told as granted, not exercised, where the agent cannot reach the vault: by firewall, private endpoint or network', async () => {
      const walls: readonly (readonly [RegExp, () => () => void])[] = [
        [/Client address is not authorized/, () => {
          rig.world.arm.vaults.edit('kv-unit', { networkAcls: { defaultAction: 'Deny', ipRules: [{ value: '203.0.113.0/24' }] } });
          return () => rig.world.arm.vaults.edit('kv-unit', { networkAcls: { defaultAction: 'Allow', ipRules: [] } });
        }],
        [/Public network access is disabled/, () => {
          rig.world.arm.vaults.edit('kv-unit', { publicNetworkAccess: 'Disabled', privateEndpointConnections: [{ properties: { privateLinkServiceConnectionState: { status: 'Approved' } } }] });
          return () => rig.world.arm.vaults.edit('kv-unit', { publicNetworkAccess: 'Enabled', privateEndpointConnections: [] });
        }],
        [/agent cannot reach/, () => rig.network.faults.plant({ service: 'vault', drop: 'before' })],
      ];
      for (const [because, raise] of walls) {
        const lower = raise();
        const result = await run();
        const { level, code, summary, shortfall } = proof(result);
        assert.deepEqual([result.result, level, code], ['succeededWithIssues', 'observed', 'WI2416'], summary);
        assert.match(summary, /granted on kv-unit, not exercised/);
        assert.match(shortfall?.because ?? '', because);
        lower();
      }
      assert.equal((await run()).result, 'succeeded');
    });

    it('warns of rules that keep the pods out although the agent gets in: noted before the first write, and with the proof', async () => {
      rig.world.arm.clusters.edit('aks-1', { agentPoolProfiles: [{ name: 'system', vnetSubnetID: `${group}/subnets/nodes` }] });
      const rules = (more: Record<string, unknown>): void => rig.world.arm.vaults.edit('kv-unit', { networkAcls: { defaultAction: 'Deny', virtualNetworkRules: [], ...more } });
      rules({ virtualNetworkRules: [{ id: `${group}/subnets/agents` }] });
      const unplant = rig.network.faults.plant({ service: 'vault', path: /orders-db/, respond: { status: 200, body: { value: 'x' } } });
      const refused = rig.network.faults.plant({ service: 'vault', path: /wi-proof/, respond: { status: 403, body: {} } });
      const result = await run();
      const { level, code, shortfall } = proof(result);
      assert.deepEqual([result.result, level, code], ['succeededWithIssues', 'exercised', 'WI2415']);
      assert.match(shortfall?.because ?? '', /networkAcls\.defaultAction is Deny, no rule names the subnets of its nodes/);
      assert.ok(result.preflight.notes.some((note) => /▲ key vault kv-unit keeps pods out .*: aks-1/.test(note)), result.preflight.notes.join());
      rules({ virtualNetworkRules: [{ id: `${group}/SUBNETS/nodes` }] });
      assert.deepEqual([(await run()).result], ['succeeded'], 'the subnet of the nodes is named');
      rules({ ipRules: [{ value: '203.0.113.0/24' }] });
      assert.equal((await run()).result, 'succeeded', 'an address may be theirs: no warning that may be wrong');
      unplant();
      refused();
    });

    it('names a vault that is deleted and can be recovered, and a secret', async () => {
      rig.world.arm.vaults.deleted.push({ name: 'kv-gone', vaultId: `${group}/providers/Microsoft.KeyVault/vaults/kv-gone`, location: 'westeurope', deletionDate: '2026-01-01T00:00:00Z', scheduledPurgeDate: '2026-04-01T00:00:00Z' });
      const gone = await run({ keyVault: 'rg-dev/kv-gone' });
      assert.ok(problems(gone).includes('WI2411'), problems(gone).join());
      assert.ok(problems(await run({ keyVault: 'rg-dev/kv-never' })).includes('WI2401'));
      service().secrets.softDelete('orders-db');
      const { code, summary } = proof(await run());
      assert.equal(code, 'WI2417');
      assert.match(summary, /it can be recovered until 20\d\d-/);
      service().secrets.delete('billing-db');
      assert.equal(proof(await run({ secrets: 'never-there' })).code, 'WI2405');
    });
  });

  describe('on a vault of access policies', () => {
    it('is refused without a word that allows it, with the ways out', async () => {
      await policies();
      const result = await run();
      assert.deepEqual([result.result, problems(result).includes('WI2402')], ['failed', true]);
      assert.match(JSON.stringify(result.plan.map(({ change }) => change)), /set allowVaultWideAccess to true/);
      assert.deepEqual(rig.statuses('arm', 'PUT', /accessPolicies|roleAssignments/), []);
    });

    it('is get on everything of a kind where that is allowed, proven, and repeated without a write', async () => {
      await policies();
      service().certificates.set('tls', 'canary');
      const result = await run({ allowVaultWideAccess: 'true', secrets: 'orders-db, cert:tls' });
      assert.equal(result.result, 'succeeded');
      assert.deepEqual(rig.world.arm.vaults.find('kv-unit').properties.accessPolicies, [
        { tenantId, objectId: rig.world.arm.identities.find('id-orders-aks-1').principalId, permissions: { secrets: ['get'], keys: [], certificates: ['get'] } },
      ]);
      assert.deepEqual(granted(), []);
      assert.equal(proof(result).summary, 'token after 0.0 s → secret orders-db, certificate tls of kv-unit readable, no refusal asked for (access policies know no single items)');
      rig.network.log.clear();
      assert.deepEqual([(await run({ allowVaultWideAccess: 'true', secrets: 'orders-db, cert:tls' })).result, rig.writes('arm')], ['succeeded', []]);
    });

    it('says when the entry is gone that was written', async () => {
      await policies();
      rig.network.faults.plant({ service: 'vault', respond: () => {
        rig.world.arm.vaults.edit('kv-unit', { accessPolicies: [] });
        return { status: 403, body: { error: { code: 'Forbidden', message: 'does not have secrets get permission' } } };
      } });
      const { code, summary } = proof(await run({ allowVaultWideAccess: 'true' }));
      assert.deepEqual([code, summary], ['WI2403', 'no access policy lets it get secrets']);
    });

    it('keeps to roles on a vault of roles, whatever is allowed', async () => {
      await run({ allowVaultWideAccess: 'true' });
      assert.deepEqual(granted(), ['Key Vault Secrets User @ /secrets/orders-db']);
    });
  });

  describe('with a connection of the vault’s own', () => {
    const other = idOf('subscription of the vaults');
    let connection: ServiceConnection;
    let principal: string;
    const scope = `/subscriptions/${other}`;
    const inputs = { keyVault: 'rg-vaults/kv-own', vaultConnection: 'contoso-vaults' };
    const byOwn = (): string[] => rig.network.log.all('arm').filter(({ path, principal: who }) => path.includes(other) && who === rig.deployer.objectId).map(({ path }) => path);
    beforeEach(async () => {
      rig.world.hierarchy.addSubscription({ id: other, displayName: 'vaults', managementGroup: 'nonprod' });
      rig.world.hierarchy.addResourceGroup(other, 'rg-vaults', 'westeurope');
      const owned = await rig.world.addVault({ subscriptionId: other, group: 'rg-vaults', name: 'kv-own', location: 'westeurope', properties: {} });
      owned.secrets.set('orders-db', 'canary');
      connection = rig.otherConnection('contoso-vaults', other);
      principal = rig.world.directory.byAppId(connection.signIn.clientId ?? '')?.objectId ?? '';
      rig.world.assign(principal, 'Reader', scope);
    });

    it('is read and written with that one, whose missing right is named with it', async () => {
      const lacking = await run(inputs, { connections: [connection] });
      const finding = lacking.preflight.findings.find(({ problem }) => problem.code === 'WI3001');
      assert.match(finding?.problem.because ?? '', /the principal of the service connection contoso-vaults lacks Microsoft\.Authorization\/roleAssignments\/write/);
      rig.world.assign(principal, 'User Access Administrator', scope);
      const result = await run(inputs, { connections: [connection] });
      assert.deepEqual([result.result, proof(result).level], ['succeeded', 'exercised']);
      const puts = rig.network.log.all('arm').filter(({ method, path }) => method === 'PUT' && path.includes('roleAssignments'));
      assert.deepEqual(puts.map(({ principal: who }) => who), [principal]);
      assert.deepEqual(byOwn(), [], 'the run’s own principal was not asked');
    });

    it('is taken back with that one, and so is what a line of grants names there', async () => {
      for (const { name, principalId, scope: at } of rig.world.roles.assignments()) if (principalId === rig.deployer.objectId && at === scope) rig.world.roles.remove(name);
      rig.world.assign(principal, 'User Access Administrator', scope);
      assert.equal((await run(inputs, { connections: [connection] })).result, 'succeeded');
      rig.network.log.clear();
      const grants = `Storage Blob Data Reader @ ${scope}/resourceGroups/rg-vaults/providers/Microsoft.KeyVault/vaults/kv-own`;
      const result = await run({ ...inputs, grants, state: 'absent' }, { connections: [connection] });
      assert.deepEqual([result.result, problems(result), byOwn()], ['succeeded', [], []]);
      assert.deepEqual([rig.world.roles.assignments().filter(({ roleDefinitionId }) => roleDefinitionId === roles['Key Vault Secrets User']).length, rig.world.arm.identities.all().map(({ name }) => name)], [0, []]);
      assert.ok(result.preflight.permissions.some(({ action, scope: at, via }) => action === 'Microsoft.Authorization/roleAssignments/read' && at.includes(other) && via === 'contoso-vaults'), JSON.stringify(result.preflight.permissions));
    });
  });

  describe('by the input grants', () => {
    const blob = `Storage Blob Data Reader @ ${storage}`;

    it('is a role for data at each scope, observed and said so, and adopted the second time', async () => {
      const grants = `${blob}\nStorage Blob Data Reader @ ${storage}/blobServices/default/containers/orders\n4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0 @ ${group}`;
      const result = await run({ grants });
      assert.equal(result.result, 'succeeded');
      const inStorage = storage.replace(group, '');
      assert.deepEqual(granted(), [
        'Azure Service Bus Data Receiver @ ', 'Key Vault Secrets User @ /secrets/orders-db', `Storage Blob Data Reader @ ${inStorage}`, `Storage Blob Data Reader @ ${inStorage}/blobServices/default/containers/orders`,
      ]);
      assert.match(proof(result).summary, /; observed, not exercised: Storage Blob Data Reader on st1, Storage Blob Data Reader on st1 \/ blobServices \/ default \/ containers \/ orders, 4f6d3b9b\S+ on resource group rg-dev$/);
      rig.network.log.clear();
      assert.deepEqual([(await run({ grants })).result, rig.writes('arm')], ['succeeded', []]);
    });

    it('needs no vault', async () => {
      const result = await run({ grants: blob, keyVault: '', secrets: '' });
      assert.equal(result.result, 'succeeded');
      assert.match(proof(result).summary, /^token after 0\.0 s; observed, not exercised: Storage Blob Data Reader on st1$/);
    });

    it('is told as broader where the role is inherited', async () => {
      await run();
      rig.world.assign(rig.world.arm.identities.find('id-orders-aks-1').principalId, 'Storage Blob Data Reader', `/subscriptions/${subscriptionId}`);
      assert.match(proof(await run({ grants: blob })).summary, /Storage Blob Data Reader on st1 \(inherited from \/subscriptions\/\S+, broader than asked\)/);
    });

    it('is refused for roles that hand out access, that are none for data, or that do not exist', async () => {
      rig.world.roles.define(role(idOf('own'), 'Storage Blob Data Owner Lite', { dataActions: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'] }));
      rig.world.roles.define(role(idOf('sly'), 'Sly', { actions: ['Microsoft.Authorization/*'] }));
      for (const [name, code] of [['Owner', 'WI2612'], ['Key Vault Data Access Administrator', 'WI2612'], ['Sly', 'WI2612'], [idOf('sly'), 'WI2612'], ['Reader', 'WI2614'], ['AcrPush', 'WI2614'], ['Storage Blob Data Owner Lite', 'WI2614'], ['No Such Role', 'WI2611']] as const) {
        const result = await run({ grants: `${name} @ ${storage}` });
        assert.deepEqual([result.result, problems(result).includes(code)], ['failed', true], `${name}: ${problems(result).join()}`);
      }
      assert.deepEqual(rig.world.roles.assignments().filter(({ scope }) => scope.startsWith(storage)), []);
    });

    it('is counted against the limit of the subscription with everything else', async () => {
      const present = rig.world.roles.assignments().filter(({ scope }) => scope.startsWith('/subscriptions/')).length;
      const result = await run({ grants: blob, roleAssignmentLimit: String(present + 1) });
      assert.ok(result.preflight.findings.some(({ problem }) => problem.code === 'WI2621' && problem.because.includes('would add 2')));
      assert.deepEqual(rig.statuses('arm', 'PUT', /roleAssignments/), []);
    });
  });
});
