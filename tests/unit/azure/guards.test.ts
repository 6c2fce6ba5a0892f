import assert from 'node:assert/strict';
import { enableWorkloadIdentity } from '../../../tasks/EnableWorkloadIdentity/enable-workload-identity.js';
import { federateServiceAccount } from '../../../tasks/FederateServiceAccount/federate-service-account.js';
import { grantRegistryRole } from '../../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { everybody } from '../../simulators/azure/deny-assignments.js';
import { idOf } from '../../simulators/azure/directory.js';
import { isRecord } from '../../simulators/kernel/service.js';
import { clusterId, group, identityId, Rig, subscriptionId, type RunChoices } from './azure-world.js';

const workload = { namespace: 'orders', serviceAccount: 'api', identity: 'id-{workload}-{cluster}', workload: 'orders' };
const pull = '7f951dda-4ed3-4680-a7ca-43fe172d538d';
const guardRequests = /Microsoft\.Authorization\/(locks|denyAssignments)|checkPolicyRestrictions|assignedTo/;

describe('guards', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await Rig.start();
    await rig.addCluster('aks-1', 'ready');
    await rig.addRegistry();
    await rig.addVault();
  });
  const federate = async (inputs: Record<string, string> = {}, clusters: readonly string[] = ['aks-1'], choices: RunChoices = {}): Promise<RunResult> =>
    (await rig.runTask(federateServiceAccount, clusters, { ...workload, ...inputs }, choices)).result;
  const grant = async (inputs: Record<string, string> = {}, choices: RunChoices = {}): Promise<RunResult> =>
    (await rig.runTask(grantRegistryRole, ['aks-1'], { ...workload, registry: 'rg-dev/crunit', repositories: 'orders/api', ...inputs }, choices)).result;
  const told = ({ preflight }: RunResult): string[] => preflight.findings.map(({ problem }) => `${problem.code} ${problem.what}: ${problem.because}`);
  /** What the guards say of themselves in the log; other checks speak there too. */
  const notesOf = ({ preflight }: RunResult): string[] => preflight.notes.filter((note) => /^(not evaluated|a condition)/.test(note));
  const asked = (): string[] => rig.network.log.all('arm').filter(({ path }) => guardRequests.test(path)).map(({ path }) => guardRequests.exec(path)?.[0] ?? '').sort();
  /** Lets the deployer write role assignments by a conditioned right only, beside what a contributor may do. */
  const constrain = (condition: string): void => {
    for (const { name, principalId, roleDefinitionId } of rig.world.roles.assignments()) {
      if (principalId === rig.deployer.objectId && roleDefinitionId === '8e3af657-a8ff-443c-a75c-2fe8c4bcb635') rig.world.roles.remove(name);
    }
    rig.world.assign(rig.deployer.objectId, 'Contributor', `/subscriptions/${subscriptionId}`);
    const administrator = rig.world.roles.definitions().find(({ name }) => name === 'Role Based Access Control Administrator')!;
    const scope = `/subscriptions/${subscriptionId}/resourceGroups/rg-dev`;
    rig.world.roles.add({ name: idOf('delegation'), scope, principalId: rig.deployer.objectId, principalType: 'ServicePrincipal', roleDefinitionId: administrator.id, condition, conditionVersion: '2.0', createdAt: Number.NEGATIVE_INFINITY });
  };
  const only = (...roles: string[]): string =>
    `((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${roles.join(', ')}} AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}))`;

  it('ask once for each resource group, and nothing when nothing is written', async () => {
    await rig.addCluster('aks-2', 'ready');
    rig.network.log.clear();
    const inputs = { keyVault: 'rg-dev/kv-unit', secrets: 'orders-db, billing-db' };
    const first = await federate(inputs, ['aks-1', 'aks-2']);
    assert.deepEqual([first.result, told(first), notesOf(first)], ['succeeded', [], []]);
    const policies = asked().filter((name) => name === 'checkPolicyRestrictions').length;
    assert.deepEqual(asked().filter((name) => name !== 'checkPolicyRestrictions'), ['Microsoft.Authorization/denyAssignments', 'Microsoft.Authorization/locks', 'assignedTo']);
    assert.equal(policies, 8, 'an identity, a credential and two grants for each cluster');
    rig.network.log.clear();
    assert.equal((await federate(inputs, ['aks-1', 'aks-2'])).result, 'succeeded');
    assert.deepEqual(asked(), []);
  });

  it('find that the own right to grant is constrained to other roles', async () => {
    assert.equal((await federate()).result, 'succeeded');
    constrain(only(pull));
    assert.equal((await grant()).result, 'succeeded', 'AcrPull is allowed');
    rig.network.log.clear();
    const refused = await grant({ role: 'AcrPush' });
    assert.deepEqual([refused.result, rig.writes()], ['failed', []]);
    assert.deepEqual(refused.preflight.findings.map(({ problem }) => [problem.code, problem.what]), [['WI3131', 'grant AcrPush on crunit cannot be written']]);
    assert.match(told(refused)[0] ?? '', new RegExp(`under a condition.*${pull}.*assignment ${idOf('delegation')} at .*rg-dev`));
    const dry = await grant({ role: 'AcrPush' }, { dryRun: true });
    assert.deepEqual([dry.result, told(dry), notesOf(dry)], ['succeeded', [], ['a condition or deny assignment stands against 1 of the writes with this connection']]);
  });

  it('take an unconditioned right for what it is', async () => {
    assert.equal((await federate()).result, 'succeeded');
    constrain(only(pull));
    rig.world.assign(rig.deployer.objectId, 'User Access Administrator', group);
    assert.equal((await grant({ role: 'AcrPush' })).result, 'succeeded');
  });

  it('report a condition that they do not know as not evaluated', async () => {
    assert.equal((await federate()).result, 'succeeded');
    constrain("@Environment[isPrivateLink] BoolEquals true");
    const result = await grant();
    assert.deepEqual([result.preflight.findings, notesOf(result)], [[], ['not evaluated: the condition of the own role, for 1 grant']]);
  });

  it('find deny assignments, and report those that they cannot judge', async () => {
    const denial = { name: idOf('denial'), displayName: 'stack orders', scope: group, actions: ['Microsoft.ManagedIdentity/*'], principals: [{ id: everybody, type: 'SystemDefined' }] };
    rig.world.roles.denyAssignments.push({ ...denial, actions: ['Microsoft.ManagedIdentity/*/write'] });
    const denied = await federate();
    assert.deepEqual([denied.result, rig.writes('arm')], ['failed', []]);
    assert.match(told(denied).join('\n'), /WI3132 identity id-orders-aks-1 cannot be written: deny assignment stack orders at .*rg-dev denies Microsoft\.ManagedIdentity\/userAssignedIdentities\/write/);
    rig.world.roles.denyAssignments[0] = { ...denial, principals: [{ id: idOf('a group'), type: 'Group' }] };
    assert.deepEqual(notesOf(await federate({}, ['aks-1'], { dryRun: true })), ['not evaluated: deny assignment stack orders']);
    rig.world.roles.denyAssignments[0] = { ...denial, excludePrincipals: [{ id: rig.deployer.objectId, type: 'ServicePrincipal' }] };
    const left = await federate();
    assert.deepEqual([left.result, told(left), notesOf(left)], ['succeeded', [], []]);
  });

  it('find locks with name and place, on the vault, the cluster and their group', async () => {
    rig.world.arm.locks.all.push({ name: 'frozen', level: 'ReadOnly', scope: rig.world.arm.vaults.find('kv-unit').id }, { name: 'keep', level: 'CanNotDelete', scope: group });
    const locked = await federate({ keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' });
    assert.equal(locked.result, 'failed');
    assert.deepEqual(locked.preflight.findings.map(({ problem }) => [problem.code, problem.what]), [['WI3133', 'grant Key Vault Secrets User on kv-unit / secrets / orders-db cannot be written']]);
    assert.match(told(locked)[0] ?? '', /lock frozen on .*kv-unit is ReadOnly, which lets nothing be changed there$/);
    await rig.addCluster('aks-bare');
    rig.world.arm.locks.all.push({ name: 'year-end', level: 'ReadOnly', scope: clusterId('aks-bare') });
    rig.unanswered = () => []; // Such a lock keeps everybody from the cluster's credential as well.
    const enabled = (await rig.runTask(enableWorkloadIdentity, ['aks-bare'], {}, { dryRun: true })).result;
    assert.match(told(enabled).join('\n'), /^WI3133 cluster features aks-bare cannot be written: lock year-end on/, 'also in a dry run');
  });

  it('find what a policy denies, with policy and assignment', async () => {
    const objects = ({ type, body }: { type: string; body: Readonly<Record<string, unknown>> }): string | undefined =>
      /userAssignedIdentities$/i.test(type) && !(isRecord(body.tags) && 'cost' in body.tags) ? 'tag cost is missing' : undefined;
    rig.world.arm.policies.all.push({ name: 'tags', displayName: 'Tags', definition: 'require-cost', scope: `/subscriptions/${subscriptionId}`, objects }, { name: 'audit', displayName: 'Audit', definition: 'audit-all', scope: group, effect: 'audit', objects: () => 'audited' });
    const denied = await federate();
    assert.deepEqual([denied.result, rig.writes('arm')], ['failed', []]);
    assert.deepEqual(told(denied), [`WI3134 identity id-orders-aks-1 cannot be written: policy require-cost (assignment tags at /subscriptions/${subscriptionId}) denies it: tag cost is missing`]);
  });

  it('ask policies about ten contents of a kind, and tell how many were left', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `aks-many-${index}`);
    for (const name of names) await rig.addCluster(name, 'ready');
    const result = await federate({ createServiceAccount: 'false' }, names, { dryRun: true });
    assert.deepEqual(notesOf(result), ['not evaluated: policies for 4 of 24 contents']);
    assert.equal(asked().filter((name) => name === 'checkPolicyRestrictions').length, 20);
  });

  const blindfold = (): void => {
    const mine = rig.world.roles.definitions().filter(({ name }) => ['Owner', 'Azure Kubernetes Service RBAC Cluster Admin'].includes(name));
    for (const definition of mine) rig.world.roles.define({ ...definition, notActions: ['Microsoft.Authorization/locks/read', 'Microsoft.Authorization/denyAssignments/read', 'Microsoft.PolicyInsights/*'] });
  };

  it('leave to the write what they may not look at, and its refusal says the same', async () => {
    blindfold();
    const { world } = rig;
    const vault = world.arm.vaults.find('kv-unit').id;
    world.arm.locks.all.push({ name: 'frozen', level: 'ReadOnly', scope: vault });
    world.arm.policies.all.push({ name: 'issuers', displayName: 'Issuers', definition: 'our-issuers', scope: group, objects: ({ type }) => (/federatedIdentityCredentials$/i.test(type) ? 'foreign issuer' : undefined) });
    const { applied, result } = await federate({ keyVault: 'rg-dev/kv-unit', secrets: 'orders-db' });
    const problems = applied.flatMap(({ outcome }) => ('problem' in outcome && outcome.result === 'failed' ? [outcome.problem] : []));
    assert.equal(result, 'failed');
    assert.deepEqual(problems.map(({ code, serviceCode }) => `${code} ${serviceCode ?? ''}`).sort(), ['WI2009 RequestDisallowedByPolicy', 'WI3133 ScopeLocked']);
    const because = problems.map((problem) => problem.because).join('\n');
    assert.match(because, /was disallowed by policy: policy our-issuers \(assignment issuers at \/subscriptions\/.*rg-dev\) denies it/);
    assert.ok(because.includes(`locked: '${vault}'`), because);
  });

  it('report what may not be looked at as not evaluated, and write', async () => {
    blindfold();
    const run = await federate();
    assert.deepEqual([run.result, notesOf(run)], ['succeeded', ['not evaluated: deny assignments at 1 of 1 scope, locks at 1 of 1 scope, policies in rg-dev']]);
    assert.ok(rig.world.arm.identities.all().some(({ id }) => id === identityId('id-orders-aks-1')));
  });

  it('ask scope by scope where the group may not be asked', async () => {
    await rig.addCluster('aks-2');
    await rig.addCluster('aks-3');
    const owner = rig.world.roles.definitions().find(({ name }) => name === 'Owner')!;
    for (const { name, principalId, roleDefinitionId } of rig.world.roles.assignments()) if (principalId === rig.deployer.objectId && roleDefinitionId === owner.id) rig.world.roles.remove(name);
    for (const name of ['aks-2', 'aks-3']) rig.world.assign(rig.deployer.objectId, 'Owner', clusterId(name));
    rig.world.arm.locks.all.push({ name: 'year-end', level: 'ReadOnly', scope: clusterId('aks-3') });
    rig.unanswered = () => [];
    const { result } = await rig.runTask(enableWorkloadIdentity, ['aks-2', 'aks-3']);
    assert.deepEqual(result.preflight.findings.map(({ problem, cluster }) => [problem.code, cluster]), [['WI3133', 'aks-3']]);
    assert.deepEqual([result.result, notesOf(result)], ['failed', []]);
    assert.deepEqual(rig.writes('arm'), ['PUT managedClusters/aks-2']);
  });
});
