import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deployWithIdentity } from '../../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { helmStandsIn } from '../../fleet/bootstrapped-rig.js';
import { idOf } from '../../simulators/azure/directory.js';
import { role } from '../../simulators/azure/role-definitions.js';
import { group, Rig, subscriptionId, type RunChoices } from '../azure/azure-world.js';
import { PolicyFile } from './policy-file.js';

const production = idOf('production that is deployed to');
const cluster = `/subscriptions/${production}/resourceGroups/rg-prd/providers/Microsoft.ContainerService/managedClusters/aks-prd`;
const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const boundaries = 'version: 1\nboundaries:\n  nonprod: [nonprod]\n  prod: [prod]\n';
const chart = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));
const file = new PolicyFile();
const found = ({ preflight }: RunResult): string[] => preflight.findings.map(({ scope, problem }) => `${scope} ${problem.code} ${problem.what}: ${problem.because}`.replaceAll(file.folder, ''));
after(() => file.remove());

describe('DeployWithIdentity and boundaries', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start('2026-03-01T12:00:00Z', [subscriptionId, production]);
    const { world } = rig;
    world.hierarchy.addManagementGroup({ name: 'prod', displayName: 'Production' });
    world.hierarchy.addSubscription({ id: production, displayName: 'production', managementGroup: 'prod' });
    world.hierarchy.addResourceGroup(production, 'rg-prd', 'westeurope');
    await world.addCluster({ subscriptionId: production, group: 'rg-prd', name: 'aks-prd', location: 'westeurope', resource: {} });
    world.arm.clusters.edit('aks-prd', { oidcIssuerProfile: { enabled: true, issuerURL: rig.issuer('aks-prd') }, securityProfile: { workloadIdentity: { enabled: true } } });
    helmStandsIn(rig);
    assert.equal((await rig.runTask(federateServiceAccount, cluster, workload)).result.result, 'succeeded');
    rig.journal.splice(0);
  });
  const deploy = async (policy: string, choices: RunChoices = {}): Promise<RunResult> => (await rig.runTask(deployWithIdentity, cluster, { ...workload, chart, releaseName: 'orders', boundaryPolicy: file.write(policy) }, choices)).result;
  const rule = (...lines: string[]): string => `${boundaries}allow:\n${lines.map((line) => `  - {from: nonprod, to: prod, reason: a test, ${line}}\n`).join('')}`;

  it('a connection of nonprod deploys to no cluster of prod, whatever rights it has there', async () => {
    const result = await deploy(boundaries);
    assert.deepEqual([result.result, rig.journal], ['failed', []]);
    assert.deepEqual(found(result), ['run WI3111 The helm release orders/orders would let service connection contoso-nonprod of nonprod reach cluster aks-prd of prod: no rule of /boundaries.yml allows it']);
    assert.equal(rig.world.clusters.get('aks-prd')?.find('Deployment', 'orders', 'orders'), undefined);
  });

  it('nor with a rule of another kind, or for another cluster', async () => {
    const others = rule('name: a, kinds: [federation]', 'name: b, kinds: [grant], roles: [AcrPull]', `name: c, kinds: [deploy], resources: ["${cluster}-2"]`);
    assert.deepEqual((await deploy(others, { dryRun: true })).preflight.findings.map(({ problem }) => problem.code), ['WI3111']);
  });

  it('it does with its rule, which the ledger names', async () => {
    const result = await deploy(rule(`name: releases, kinds: [deploy], resources: ["${cluster}"]`));
    assert.deepEqual([found(result), result.result], [[], 'succeeded']);
    const crossings = rig.journal.flatMap((entry) => (entry.crossings ?? []).map(({ access, rule: by }) => `${access.kind} ${access.from.name} → ${access.to.name}, ${by}, ${entry.outcome}`));
    assert.deepEqual([...new Set(crossings)], ['deploy contoso-nonprod → aks-prd, releases, done']);
  });
});

describe('the boundary policy of a run', () => {
  const storage = `${group}/providers/Microsoft.Storage/storageAccounts/st1`;
  const given = { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api' };
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addRegistry();
  });
  const listing = (...roles: string[]): string => file.write(`version: 1\nboundaries:\n  nonprod: [nonprod]\nroles: ${JSON.stringify(roles)}\n`);
  const grant = async (name: string, policy: string): Promise<[string, string]> => {
    const { result } = await rig.runTask(federateServiceAccount, ['aks-1'], { ...workload, grants: `${name} @ ${storage}`, boundaryPolicy: policy });
    return [result.result, [...new Set(result.preflight.findings.map(({ problem }) => problem.code))].join()];
  };
  const granted = (): string[] => rig.world.roles.assignments().filter(({ scope }) => scope === storage).map(({ roleDefinitionId }) => roleDefinitionId);

  it('lets a grant through that the list of the task does not know, by its name and by its GUID', async () => {
    const own = idOf('own role');
    rig.world.roles.define(role(own, 'Orders Reader', { dataActions: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'] }));
    assert.deepEqual(await grant('Orders Reader', listing()), ['failed', 'WI2614']);
    assert.deepEqual(await grant('Orders Reader', 'none'), ['failed', 'WI2614']);
    assert.deepEqual([await grant('Orders Reader', listing('orders reader')), granted()], [['succeeded', ''], [own]]);
    const other = idOf('other role');
    rig.world.roles.define(role(other, 'Other Reader', { dataActions: ['Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'] }));
    assert.deepEqual([await grant('Other Reader', listing(other)), granted().sort()], [['succeeded', ''], [own, other].sort()]);
  });

  it('never lets a role through that hands out access, though it lists it', async () => {
    rig.world.roles.define(role(idOf('sly'), 'Sly', { actions: ['Microsoft.Authorization/*'] }));
    const listed = listing('Owner', 'User Access Administrator', 'Key Vault Data Access Administrator', 'Sly', idOf('sly'));
    for (const name of ['Owner', 'User Access Administrator', 'Key Vault Data Access Administrator', 'Sly', idOf('sly')]) assert.deepEqual([name, ...(await grant(name, listed))], [name, 'failed', 'WI2612']);
    assert.deepEqual(granted(), []);
  });

  it('is told to the frame by every task, for report and ledger', async () => {
    helmStandsIn(rig);
    const path = file.write(boundaries);
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    const origins = async (boundaryPolicy: string): Promise<unknown[]> => [
      (await rig.runTask(federateServiceAccount, ['aks-1'], { ...workload, boundaryPolicy })).policy,
      (await rig.runTask(grantRegistryRole, ['aks-1'], { ...given, boundaryPolicy })).policy,
      (await rig.runTask(deployWithIdentity, ['aks-1'], { ...workload, chart, releaseName: 'orders', boundaryPolicy })).policy,
    ];
    assert.deepEqual(await origins(path), [1, 2, 3].map(() => ({ path, sha256 })));
    assert.deepEqual(await origins('none'), [undefined, undefined, undefined]);
  });
});
