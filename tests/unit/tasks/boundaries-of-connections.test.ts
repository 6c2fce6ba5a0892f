import assert from 'node:assert/strict';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { ServiceConnection } from '../../../tasks/_shared/azure/connection.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { Rig, subscriptionId } from '../azure/azure-world.js';
import { PolicyFile } from './policy-file.js';

const production = idOf('production that another connection sees');
const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const boundaries = 'version: 1\nboundaries:\n  nonprod: [nonprod]\n  prod: [prod]\n';

describe('boundaries that only another service connection of the run can tell', () => {
  let rig: Rig;
  let connection: ServiceConnection;
  const file = new PolicyFile();
  after(() => file.remove());
  beforeEach(async () => {
    rig = await Rig.start();
    const { world } = rig;
    world.hierarchy.addManagementGroup({ name: 'prod', displayName: 'Production' });
    world.hierarchy.addSubscription({ id: production, displayName: 'production', managementGroup: 'prod' });
    world.hierarchy.addResourceGroup(production, 'rg-prd', 'westeurope');
    await rig.addCluster('aks-1', 'ready');
    const place = { subscriptionId: production, group: 'rg-prd', location: 'westeurope' };
    (await world.addRegistry({ ...place, name: 'crprod', properties: {} })).addImage('orders/api', '1.0.0');
    (await world.addVault({ ...place, name: 'kv-prod', properties: {} })).secrets.set('orders-db', 'canary');
    connection = rig.otherConnection('production', production);
    const { signIn } = connection;
    const caller = signIn.kind === 'secret' ? world.directory.byAppId(signIn.clientId) : undefined;
    world.assign(caller?.objectId ?? '', 'Owner', `/subscriptions/${production}`);
    assert.equal((await rig.runTask(federateServiceAccount, ['aks-1'], workload)).result.result, 'succeeded');
    rig.network.log.clear();
  });
  const found = ({ preflight }: RunResult): string[] => preflight.findings.map(({ problem }) => `${problem.code} ${problem.what}`);
  const runs: Readonly<Record<string, readonly [string, (policy: string) => Promise<RunResult>]>> = {
    'a registry of registryConnection': ['AcrPull', async (policy) => (await rig.runTask(grantRegistryRole, ['aks-1'], { ...workload, registry: 'rg-prd/crprod', registryConnection: 'production', repositories: 'orders/api', boundaryPolicy: policy }, { connections: [connection] })).result],
    'a vault of vaultConnection': ['Key Vault Secrets User', async (policy) => (await rig.runTask(federateServiceAccount, ['aks-1'], { ...workload, keyVault: 'rg-prd/kv-prod', vaultConnection: 'production', secrets: 'orders-db', boundaryPolicy: policy }, { connections: [connection] })).result],
  };

  for (const [place, [role, run]] of Object.entries(runs)) {
    it(`${place} is placed, and judged: refused without a rule, granted with one`, async () => {
      const result = await run(file.write(boundaries));
      const [only = '', ...more] = found(result);
      assert.deepEqual([result.result, rig.writes(), more], ['failed', [], []]);
      assert.match(only, new RegExp(`^WI3111 The grant ${role} on .* would let identity id-orders-aks-1 of nonprod reach .* of prod$`));
      const allowed = await run(file.write(`${boundaries}allow:\n  - {name: wanted, from: nonprod, to: prod, kinds: [grant], roles: ["${role}"], reason: a test}\n`));
      assert.deepEqual([found(allowed), allowed.result], [[], 'succeeded']);
    });
  }

  for (const [wish, adminUserEnabled] of [['restore', false], ['disable', true]] as const) {
    it(`judges the admin user as a grant of its own name: ${wish}`, async () => {
      const registry = rig.world.arm.registries.find('crprod');
      const change = (policy: string): Promise<{ readonly result: RunResult }> =>
        rig.runTask(grantRegistryRole, ['aks-1'], { ...workload, registry: registry.id, repositories: 'orders/api', adminUser: wish, force: 'true', boundaryPolicy: policy });
      rig.world.assign(rig.deployer.objectId, 'Owner', `/subscriptions/${production}`);
      registry.properties = { ...registry.properties, adminUserEnabled };
      const rule = (roles: string): string => file.write(`${boundaries}allow:\n  - {name: wanted, from: nonprod, to: prod, kinds: [grant], roles: [${roles}], reason: a test}\n`);
      const { result } = await change(rule('AcrPull'));
      assert.match(found(result).join('\n'), /WI3111 The admin user crprod would let service connection .* of nonprod reach registry crprod of prod/);
      assert.deepEqual(rig.writes(), []);
      assert.deepEqual(found((await change(rule('AcrPull, admin user'))).result), []);
    });
  }

  it('does not let the connection itself write beyond its boundary', async () => {
    const { signIn } = connection;
    connection = { ...rig.connection, id: 'elsewhere', name: 'production', subscriptionId, signIn };
    const registry = rig.world.arm.registries.find('crprod').id;
    const { result } = await rig.runTask(grantRegistryRole, ['aks-1'], { ...workload, registry, registryConnection: 'production', repositories: 'orders/api', boundaryPolicy: file.write(boundaries) }, { connections: [connection] });
    assert.match(found(result).join('\n'), /WI3111 The grant AcrPull on crprod would let service connection production of nonprod reach registry crprod of prod/);
  });
});
