import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import { conditionedActions, printCondition } from '../../../tasks/_shared/azure/repository-conditions.js';
import { roles } from '../../../tasks/_shared/azure/roles.js';
import { describeGrant } from '../../../tasks/_shared/fleet/marks.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { idOf } from '../../simulators/azure/directory.js';
import { takeKeysAgain } from '../../simulators/kernel/rsa-keys.js';
import { clusterId, group, identityId, Rig, subscriptionId, tenantId } from '../azure/azure-world.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const secrets = { keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' };
const entry = { keyVault: 'rg-dev/kv-pol', secrets: 'orders-db', allowVaultWideAccess: 'true' };
const shared = { identity: 'id-shared', identityResourceGroup: 'rg-dev' };
const other = idOf('other subscription');
const clientKey = 'azure.workload.identity/client-id';
const reader = roles['Container Registry Repository Reader'];

describe('what others made, use or wrote, beside a run', () => {
  let rig: Rig;
  let folder: string;
  let vault: string;
  beforeEach(async () => {
    takeKeysAgain();
    folder = mkdtempSync(join(tmpdir(), 'defects-'));
    rig = await Rig.start(undefined, [subscriptionId, other]);
    await rig.addCluster('aks-1', 'ready');
    vault = await rig.addVault('kv-unit');
    await rig.addVault('kv-pol', { enableRbacAuthorization: false });
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const federate = async (inputs: Record<string, string> = {}, clusters: string | readonly string[] = ['aks-1']): Promise<RunResult> => (await rig.runTask(federateServiceAccount, clusters, { ...workload, ...inputs })).result;
  const grant = async (inputs: Record<string, string> = {}, clusters: string | readonly string[] = ['aks-1']): Promise<RunResult> => (await rig.runTask(grantRegistryRole, clusters, { registry: `${group}/providers/Microsoft.ContainerRegistry/registries/crunit`, ...inputs })).result;
  const ledger = (lines: readonly object[] = rig.journal): string => {
    const path = join(folder, 'ledger.jsonl');
    writeFileSync(path, lines.map((line) => `${JSON.stringify({ version: 1, ...line })}\n`).join(''));
    return path;
  };
  const identities = (): string[] => rig.world.arm.identities.all().map(({ name }) => name);
  const assigned = (part: string): number => rig.world.roles.assignments().filter(({ scope }) => scope.includes(part)).length;
  const policies = (): string => JSON.stringify((rig.world.arm.vaults.find('kv-pol').properties as { accessPolicies?: unknown }).accessPolicies ?? []);
  const principalOf = (name = 'id-orders-aks-1'): string => rig.world.arm.identities.find(name).principalId;
  const allow = (permissions: object): void => rig.world.arm.vaults.edit('kv-pol', { accessPolicies: [{ tenantId, objectId: principalOf(), permissions }] });
  const told = ({ proofs }: RunResult): string[] => proofs.flatMap(({ outcome }) => ('shortfall' in outcome ? (outcome.shortfall.details?.map(({ parts }) => parts) ?? [outcome.shortfall]).map(({ code, what }) => `${code} ${what}`) : []));
  const kubeletOf = (name: string): string => {
    const objectId = JSON.stringify(rig.world.arm.clusters.find(name).resource.properties.identityProfile).replace(/.*"objectId":"([^"]+)".*/, '$1');
    rig.world.directory.add({ displayName: 'pool', objectId, kind: 'managedIdentity' });
    return objectId;
  };

  it('a shared identity keeps its grants while a service account uses it whose credential was adopted', async () => {
    rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-shared', 'westeurope').credentials.set('terraform-web', rig.issuer(), 'system:serviceaccount:orders:web');
    const both = await federate({ ...shared, ...secrets, namespace: '', serviceAccount: '', serviceAccounts: 'orders/api\norders/web' });
    assert.equal(both.result, 'succeeded');
    await federate({ ...shared, ...secrets, state: 'absent' });
    assert.equal(assigned('/secrets/orders-db'), 1);
  });

  it('the ledger of a cluster of the same name restores nothing on another', async () => {
    await rig.addCluster('aks-2', 'ready');
    for (const name of ['aks-1', 'aks-2']) {
      const api = rig.world.clusters.get(name)!;
      api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders' } });
      api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api', annotations: { [clientKey]: idOf(`before ${name}`) } } }, 'theirs');
      api.edit('ServiceAccount', 'orders', 'api', ({ metadata }) => { metadata.managedFields = []; }, 'theirs');
      await federate({}, [name]);
    }
    // What separate runs write for rg-a/aks and rg-b/aks: each has the label `aks`, and the cluster's ARM id only in `resource`.
    const path = ledger(rig.journal.map((line) => ({ ...line, ...(line.cluster === undefined ? {} : { cluster: 'aks-2' }) })));
    await federate({ state: 'absent', ledger: path }, ['aks-2']);
    assert.equal(rig.world.clusters.get('aks-2')!.find('ServiceAccount', 'orders', 'api')?.metadata.annotations?.[clientKey], idOf('before aks-2'));
  });

  it('a removal of an access policy that was cut off before Azure took it is made by the next run', async () => {
    await federate({ ...entry, secrets: 'cert:tls' });
    allow({ secrets: ['list'] });
    rig.journal.splice(0);
    await federate(entry);
    const written = [...rig.journal];
    const { id } = rig.world.arm.vaults.find('kv-pol');
    // As the ledger of a run tells it whose connection broke: no answer, so unknown; the PUT never arrived.
    const cut = { at: '2099-01-01T00:00:00Z', resource: `removal of access policy at ${id.toLowerCase()} for ${principalOf()}`, object: `${id}/accessPolicies/${principalOf()}`, action: 'update', before: 'secrets: list, get', after: 'secrets: list', outcome: 'unknown' };
    const result = await federate({ ...entry, state: 'absent', ledger: ledger([...written, cut]) });
    assert.ok(!policies().includes('"get"') || told(result).length > 0, `${result.result} ${policies()}`);
  });

  it('a vault that cannot be read is told, or stops the withdrawal', async () => {
    await federate(entry);
    const principal = principalOf();
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /vaults\/kv-pol\?/, respond: { status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no read' } } } });
    const result = await federate({ ...entry, state: 'absent' });
    assert.ok(policies().includes(principal));
    assert.notEqual(result.result, 'succeeded');
  });

  it('an identity stays while somebody else’s access policy lets it into the vault', async () => {
    await federate(entry);
    allow({ secrets: ['get'], keys: ['wrapKey', 'unwrapKey'] });
    const result = await federate({ ...entry, state: 'absent', ledger: ledger() });
    assert.deepEqual([identities(), told(result).length > 0], [['id-orders-aks-1'], true]);
  });

  it('an identity stays on which a cluster outside the run runs that the connection sees', async () => {
    await rig.addCluster('aks-2', 'ready');
    await federate();
    rig.world.arm.clusters.edit('aks-2', { addonProfiles: { azurepolicy: { identity: { resourceId: identityId('id-orders-aks-1') } } } });
    await federate({ state: 'absent' });
    assert.deepEqual(identities(), ['id-orders-aks-1']);
  });

  it('a service account stays that a CronJob uses', async () => {
    await federate();
    const api = rig.world.clusters.get('aks-1')!;
    api.put({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { namespace: 'orders', name: 'nightly' }, spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: { spec: { serviceAccountName: 'api', containers: [{ name: 'a', image: 'a' }] } } } } } });
    await federate({ state: 'absent' });
    assert.ok(api.find('ServiceAccount', 'orders', 'api') !== undefined);
  });

  it('a pod that ends between plan and apply does not fail the withdrawal', async () => {
    await federate(secrets);
    const api = rig.world.clusters.get('aks-1')!;
    api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'orders', name: 'api-1' }, spec: { serviceAccountName: 'api', containers: [{ name: 'api', image: 'api' }] }, status: { phase: 'Running' } });
    rig.network.faults.plant({ service: 'kubernetes/aks-1', method: 'GET', path: /pods/, times: 1, then: () => { api.remove('Pod', 'orders', 'api-1'); } });
    const { result, applied } = await federate({ ...secrets, state: 'absent' });
    assert.notEqual(result, 'failed', JSON.stringify(applied.flatMap(({ outcome }) => ('problem' in outcome ? [`${outcome.problem.code} ${outcome.problem.because}`] : []))));
  });

  it('the grant of nodes stays whose own mark names a cluster in another subscription, which is there', async () => {
    await rig.addRegistry('crunit');
    await rig.world.addCluster({ subscriptionId: other, group: 'rg-dev', name: 'aks-2', location: 'westeurope', resource: {} });
    rig.world.arm.clusters.find('aks-2').resource.properties.identityProfile = { kubeletidentity: { objectId: kubeletOf('aks-1') } };
    assert.equal((await grant({ principal: 'kubelet' }, clusterId('aks-2').replace(subscriptionId, other))).result, 'succeeded');
    await grant({ principal: 'kubelet', state: 'absent' });
    assert.equal(assigned('/registries/crunit'), 1);
  });

  it('a ledger shows the grant of nodes as well', async () => {
    await rig.addRegistry('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    kubeletOf('aks-1');
    await grant({ principal: 'kubelet', repositories: 'orders/api' });
    const path = ledger();
    const found = rig.world.roles.assignments().find(({ scope }) => scope.includes('/registries/'))!;
    rig.world.roles.replace({ ...found, description: 'edited' });
    await grant({ principal: 'kubelet', repositories: 'orders/api', state: 'absent', ledger: path });
    assert.equal(assigned('/registries/crunit'), 0);
  });

  it('repositories of nodes that are gone go: nobody can use them, and Azure writes nothing for their principal', async () => {
    const scope = await rig.addRegistry('crunit', { roleAssignmentMode: 'AbacRepositoryPermissions' });
    const condition = printCondition({ actions: conditionedActions['Container Registry Repository Reader'], repositories: ['orders/api', 'web'] });
    rig.world.roles.add({ name: idOf('of nodes'), scope, principalId: idOf('old kubelet'), principalType: 'ServicePrincipal', roleDefinitionId: reader, condition, conditionVersion: '2.0', description: describeGrant({ workload: 'kubelet of aks-1', principal: clusterId(), run: 'long ago' }) });
    const { result, applied } = await grant({ principal: 'kubelet', repositories: 'orders/api', state: 'absent' });
    assert.equal(result, 'succeeded', JSON.stringify(applied.flatMap(({ outcome }) => ('problem' in outcome ? [outcome.problem.what] : []))));
  });

  it('an identity that somebody makes between plan and apply is not overwritten', async () => {
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /Microsoft.Authorization\/permissions/, times: 1, then: () => { rig.world.arm.identities.add(subscriptionId, 'rg-dev', 'id-orders-aks-1', 'westeurope').tags = { team: 'theirs' }; } });
    await federate();
    assert.deepEqual(rig.world.arm.identities.find('id-orders-aks-1').tags, { team: 'theirs' });
  });

  it('the permissions on storage accounts of an entry survive', async () => {
    await federate({ ...entry, secrets: 'cert:tls' });
    allow({ storage: ['get', 'list'] });
    rig.world.arm.vaults.knobs.addJoins = false;
    await federate(entry);
    assert.match(policies(), /"storage":\["get","list"\]/);
  });

  it('the cluster’s name in another case is the same cluster', async () => {
    await federate();
    const result = await federate({ state: 'absent' }, clusterId('AKS-1'));
    assert.deepEqual([result.result, told(result), identities()], ['succeeded', [], []]);
  });

  it('what stays is listed once, though two scopes of the run show it', async () => {
    await federate(secrets);
    rig.world.roles.add({ name: idOf('by hand'), scope: `${vault}/secrets/billing-db`, principalId: principalOf(), principalType: 'ServicePrincipal', roleDefinitionId: roles['Key Vault Secrets User'] });
    const result = await federate({ ...secrets, state: 'absent', grants: `Storage Blob Data Reader @ ${group}` });
    assert.deepEqual(told(result).map((line) => line.slice(0, 6)), ['WI2312', 'WI2313']);
  });
});
