import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { deployWithIdentity } from '../../../tasks/DeployWithIdentity/deploy-with-identity.js';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { object, objects } from '../../../tasks/_shared/fleet/json.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { writes } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { helmStandsIn } from '../../fleet/bootstrapped-rig.js';
import type { KubernetesObject } from '../../simulators/kubernetes/kubernetes-api.js';
import { Rig, tenantId, type RunChoices } from '../azure/azure-world.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const chart = fileURLToPath(new URL('../../fixtures/contoso/charts/orders-api/', import.meta.url));
const release = { ...workload, chart, releaseName: 'orders' };
const mounted = { ...release, keyVault: 'rg-dev/kv-unit', secrets: 'orders-db, cert:tls', secretMounts: 'api: /mnt/secrets/' };
const addOn = { addonProfiles: { azureKeyvaultSecretsProvider: { enabled: true, config: { enableSecretRotation: 'true' } } } };

describe('DeployWithIdentity: secrets of a vault', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    helmStandsIn(rig);
    await rig.addCluster('aks-1', 'ready');
    await rig.addVault();
    await rig.runTask(federateServiceAccount, ['aks-1'], { ...workload, keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' });
    rig.network.log.clear();
  });

  const deploy = async (inputs: Readonly<Record<string, string>>, choices?: RunChoices, clusters: string | readonly string[] = ['aks-1']): Promise<RunResult> => {
    rig.network.log.clear();
    return (await rig.runTask(deployWithIdentity, clusters, inputs, choices)).result;
  };
  const switchOn = (): void => rig.world.arm.clusters.edit('aks-1', addOn);
  const classes = (): readonly KubernetesObject[] => rig.world.clusters.get('aks-1')!.list('SecretProviderClass', 'orders');
  const findings = ({ preflight }: RunResult): readonly ProblemParts[] => preflight.findings.map(({ problem }) => problem);
  const changes = ({ plan }: RunResult): string[] => plan.flatMap(({ resource, change }) => (writes(change) ? [`${change.action} ${resource.kind}`] : []));

  it('are told to be impossible, before anything is sent, where the driver is not enabled; a dry run goes on', async () => {
    const result = await deploy(mounted);
    assert.equal(result.result, 'failed');
    assert.deepEqual(findings(result).map(({ code }) => code), ['WI4701']);
    assert.match(findings(result)[0]!.remedy, /EnableWorkloadIdentity .* with keyVaultSecretsProvider: true/);
    assert.deepEqual(rig.writes(), []);
    const planned = await deploy(mounted, { dryRun: true });
    assert.deepEqual(changes(planned), ['create secret provider class', 'create helm release']);
    assert.equal(planned.result, 'succeeded');
  });

  it('are mounted as this identity, once; a second run writes nothing', async () => {
    switchOn();
    const result = await deploy(mounted);
    assert.equal(result.result, 'succeeded', JSON.stringify(findings(result)));
    const [made] = classes();
    const { clientId } = rig.world.arm.identities.find('id-orders-aks-1');
    const parameters = object(object(made?.spec).parameters);
    assert.deepEqual([parameters.clientID, parameters.tenantId, parameters.keyvaultName, parameters.cloudName], [clientId, tenantId, 'kv-unit', '']);
    assert.match(String(parameters.objects), /objectName: "orders-db"\n {4}objectType: secret\n[^]*objectName: "tls"\n {4}objectType: cert\n/);
    const [pod] = rig.world.clusters.get('aks-1')!.list('Pod', 'orders');
    assert.deepEqual(objects(object(pod?.spec).volumes).map(({ csi }) => object(object(csi).volumeAttributes).secretProviderClass).filter((name) => name !== undefined), [made?.metadata.name]);
    assert.match(JSON.stringify(result.proofs[0]?.outcome), /and the secrets of key vault kv-unit are mounted/);
    const judged = result.plan.find(({ resource }) => resource.kind === 'secret provider class')?.resource.accesses ?? [];
    assert.deepEqual(judged.map(({ kind, from, to }) => `${kind} ${from.kind} ${from.name} → ${to.kind} ${to.name}`), ['deploy service connection contoso-nonprod → cluster aks-1', 'deploy cluster aks-1 → key vault kv-unit']);
    const second = await deploy(mounted);
    assert.equal(second.result, 'succeeded');
    assert.deepEqual([changes(second), rig.writes()], [[], []]);
  });

  it('change with a class of another name before the release, and the former one goes after it', async () => {
    switchOn();
    await deploy(mounted);
    const [former] = classes();
    const result = await deploy({ ...mounted, secrets: 'orders-db', syncSecret: 'orders-env' });
    assert.equal(result.result, 'succeeded', JSON.stringify(findings(result)));
    assert.deepEqual(changes(result), ['create secret provider class', 'update helm release', 'delete former secret provider classes']);
    const [now, ...others] = classes();
    assert.deepEqual(others, []);
    assert.notEqual(now?.metadata.name, former?.metadata.name);
    assert.deepEqual(objects(object(now?.spec).secretObjects).map(({ secretName }) => secretName), ['orders-env']);
    assert.deepEqual(rig.writes('kubernetes').map((write) => write.split(' ')[0]), ['PATCH', 'DELETE']);

    const bare = await deploy(release);
    assert.deepEqual(changes(bare), ['update helm release', 'delete former secret provider classes'], 'nothing names a container any more');
    assert.equal(bare.result, 'succeeded');
    assert.deepEqual(classes(), []);
    await deploy(release);
    assert.deepEqual(rig.writes(), []);
  });

  it('stay as they were for a release that fails: its former class is still there', async () => {
    switchOn();
    await deploy(mounted);
    const [former] = classes();
    const services = rig.services.bind(rig);
    rig.services = async (clusters) => {
      const all = await services(clusters);
      return { ...all, cluster: (entry) => ({ ...all.cluster(entry), helm: (line, options) => (line[0] === 'upgrade' ? Promise.reject(new Error('helm broke')) : all.cluster(entry).helm(line, options)) }) };
    };
    const result = await deploy({ ...mounted, secrets: 'orders-db' });
    assert.equal(result.result, 'failed');
    assert.equal(classes().length, 2);
    assert.ok(classes().some(({ metadata }) => metadata.name === former?.metadata.name));
    rig.services = services;
    assert.equal((await deploy(mounted)).result, 'succeeded');
    assert.deepEqual(classes().map(({ metadata }) => metadata.name), [former?.metadata.name]);
  });

  it('come from the vault that the list names for a cluster, read by another connection where one is named', async () => {
    switchOn();
    await rig.addVault('kv-other');
    const listed = JSON.stringify([{ cluster: 'rg-dev/aks-1', keyVault: 'rg-dev/kv-other', secrets: ['orders-api-key'] }]);
    const other = rig.otherConnection('vaults');
    const refused = await deploy({ ...mounted, vaultConnection: 'vaults' }, { connections: [other] }, listed);
    assert.equal(refused.result, 'failed');
    assert.match(JSON.stringify(refused.plan.map(({ change }) => change)), /Key vault kv-other cannot be read/);
    assert.deepEqual(rig.writes('kubernetes'), []);
    assert.equal((await deploy(mounted, {}, listed)).result, 'succeeded');
    const parameters = object(object(classes()[0]?.spec).parameters);
    assert.equal(parameters.keyvaultName, 'kv-other');
    assert.match(String(parameters.objects), /objectName: "orders-api-key"/);
  });

  it('of a vault that is not there stop the release', async () => {
    switchOn();
    const result = await deploy({ ...mounted, keyVault: 'rg-dev/kv-gone' });
    assert.equal(result.result, 'failed');
    assert.ok(findings(result).some(({ code }) => code === 'WI2401'));
    assert.deepEqual(rig.writes(), []);
  });
});
