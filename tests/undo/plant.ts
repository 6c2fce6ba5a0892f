import { roles } from '../../tasks/_shared/azure/roles.js';
import { describeGrant } from '../../tasks/_shared/fleet/marks.js';
import { credentialName, subjectOf, uuidOf } from '../../tasks/_shared/fleet/names.js';
import { idOf } from '../simulators/azure/directory.js';
import { tenantId } from '../simulators/azure/authority.js';
import { takeKeysAgain } from '../simulators/kernel/rsa-keys.js';
import { clusterId, identityId, Rig, subscriptionId } from '../unit/azure/azure-world.js';
import { identityOf, type AccountKind, type CredentialKind, type FoundIdentity, type GrantKind, type Scenario } from './scenario.js';

/** A scenario that has become a world. */
export interface Planted {
  readonly rig: Rig;
  readonly vault: string;
}

const role = roles['Key Vault Secrets User'];
/** A cluster that is in no run. */
const elsewhere = clusterId('aks-elsewhere');
/** What the names of foreign objects begin with. */
export const theirs = 'theirs-';

/** Makes a world of a scenario. The same scenario gives the same world. */
export async function plant(scenario: Scenario): Promise<Planted> {
  takeKeysAgain();
  const rig = await Rig.start();
  for (const cluster of scenario.clusters) await rig.addCluster(cluster, 'ready');
  const vault = await rig.addVault();
  for (const [name, found] of scenario.identities) plantIdentity(rig, vault, name, found);
  if (scenario.orphans) {
    for (const secret of scenario.secrets) {
      const description = describeGrant({ workload: 'orders/api', principal: identityId('id-gone'), run: 'long ago' });
      rig.world.roles.add({ name: idOf(`orphan ${secret}`), scope: `${vault}/secrets/${secret}`, principalId: idOf('gone'), principalType: 'ServicePrincipal', roleDefinitionId: role, description });
    }
  }
  for (const [cluster, kind] of scenario.accounts) plantAccount(rig, cluster, kind, scenario);
  return { rig, vault };
}

function plantIdentity(rig: Rig, vault: string, name: string, found: FoundIdentity): void {
  const record = rig.world.arm.identities.add(subscriptionId, 'rg-dev', name, 'westeurope');
  if (found.maker === 'ours') record.tags = { 'managed-by': 'aks-workload-identity', workload: 'orders' };
  for (const [cluster, kinds] of found.credentials) for (const kind of kinds) plantCredential(rig, name, cluster, kind);
  for (let index = record.credentials.trusts().length; found.full && index < 20; index += 1) {
    record.credentials.set(`${theirs}${index}`, 'https://issuer.example/', `system:serviceaccount:others:${index}`);
  }
  for (const [secret, kind] of found.grants) plantGrant(rig, vault, secret, kind, record);
  if (found.used) {
    rig.world.roles.add({ name: idOf(`other use of ${name}`), scope: `/subscriptions/${subscriptionId}/resourceGroups/rg-elsewhere`, principalId: record.principalId, principalType: 'ServicePrincipal', roleDefinitionId: role });
  }
}

function plantCredential(rig: Rig, identity: string, cluster: string, kind: CredentialKind): void {
  const { credentials } = rig.world.arm.identities.find(identity);
  const issuer = rig.issuer(cluster);
  const subject = subjectOf('orders', 'api');
  const ours = credentialName(clusterId(cluster), cluster, 'orders', 'api');
  switch (kind) {
    case 'ours':
      { credentials.set(ours, issuer, subject); return; }
    case 'ours without slash':
      { credentials.set(ours, issuer.replace(/\/$/, ''), subject); return; }
    case 'ours of the old cluster':
      { credentials.set(ours, issuer.replace(/[^/]+\/$/, `${idOf('old')}/`), subject); return; }
    case 'equal under another name':
      { credentials.set(`${theirs}equal-${cluster}`, issuer, subject); return; }
    case 'mis-cased':
      { credentials.set(`${theirs}cased-${cluster}`, issuer, 'system:serviceaccount:Orders:api'); return; }
    case 'of another account':
      { credentials.set(`${theirs}billing-${cluster}`, issuer, 'system:serviceaccount:billing:api'); return; }
    case 'ours of another cluster':
      { credentials.set(credentialName(elsewhere, 'aks-elsewhere', 'orders', 'api'), `https://elsewhere.example/${idOf('elsewhere')}/`, subject); return; }
    case 'identity binding':
      { credentials.set('aks-identity-binding', `https://ib.oic.prod-aks.azure.com/${tenantId}/${idOf('binding')}`, 'system:serviceaccount:any:any'); return; }
  }
}

function plantGrant(rig: Rig, vault: string, secret: string, kind: GrantKind, { name, principalId }: { readonly name: string; readonly principalId: string }): void {
  const scope = `${vault}/secrets/${secret}`;
  const common = { principalId, principalType: 'ServicePrincipal' as const, roleDefinitionId: role };
  switch (kind) {
    case 'ours': {
      const description = describeGrant({ workload: 'orders/api', principal: identityId(name), run: 'long ago' });
      rig.world.roles.add({ ...common, name: uuidOf([scope, role, principalId].join('|').toLowerCase()), scope, description });
      return;
    }
    case 'equal under another name':
      rig.world.roles.add({ ...common, name: idOf(`theirs ${name} ${secret}`), scope });
      return;
    case 'inherited from the vault':
      if (rig.world.roles.find(idOf(`inherited ${name}`)) === undefined) rig.world.roles.add({ ...common, name: idOf(`inherited ${name}`), scope: vault });
      return;
    case 'conditioned':
      rig.world.roles.add({ ...common, name: idOf(`conditioned ${name} ${secret}`), scope, condition: "@Resource[Microsoft.KeyVault/vaults:name] StringEquals 'another'", conditionVersion: '2.0' });
  }
}

function plantAccount(rig: Rig, cluster: string, kind: AccountKind, scenario: Scenario): void {
  const api = rig.world.clusters.get(cluster);
  if (api === undefined) throw new Error(`no cluster ${cluster}`);
  if (kind === 'nothing') return;
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'orders', labels: { team: 'orders' } } });
  if (kind === 'namespace') return;
  const identity = rig.world.arm.identities.all().find(({ name }) => name === identityOf(scenario, cluster));
  const annotations = (clientId: string): Record<string, string> => ({ 'azure.workload.identity/client-id': clientId, 'azure.workload.identity/tenant-id': tenantId });
  const account = (given: Record<string, string>, labels: Record<string, string>, manager: string): void => {
    api.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'orders', name: 'api', annotations: given, labels } }, manager);
  };
  const own = { 'aks-workload-identity/managed': 'true' };
  switch (kind) {
    case 'bare account':
      { account({ team: 'orders' }, { app: 'api' }, 'theirs'); return; }
    case 'same annotations of another':
      { account(annotations(identity?.clientId ?? idOf('another')), { app: 'api' }, 'theirs'); return; }
    case 'another identity of another':
      { account(annotations(idOf('another')), { app: 'api' }, 'theirs'); return; }
    case 'ours':
      { account(annotations(identity?.clientId ?? idOf('another')), own, 'aks-workload-identity'); return; }
    case 'ours with another identity':
      { account(annotations(idOf('another')), own, 'aks-workload-identity'); return; }
  }
}
