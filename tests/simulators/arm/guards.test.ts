import assert from 'node:assert/strict';
import { idOf } from '../azure/directory.js';
import { everybody } from '../azure/deny-assignments.js';
import { isRecord } from '../kernel/service.js';
import { cluster, group, identity, items, message, record, subscription, verdict, World } from './test-world.js';

const acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d';
const acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec';
const registry = `${group}/providers/Microsoft.ContainerRegistry/registries/cr`;
const locks = (scope: string, filter = ''): string => `${scope}/providers/Microsoft.Authorization/locks?api-version=2020-05-01${filter}`;
const denials = (scope: string, filter = ''): string => `${scope}/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01${filter}`;
const atScope = '&$filter=atScope()';

describe('arm: what stands against a role', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.start();
  });

  it('lists locks at and above a scope, without a filter also below, and keeps them', async () => {
    world.addIdentity();
    world.arm.locks.all.push({ name: 'keep', level: 'CanNotDelete', scope: group }, { name: 'frozen', level: 'ReadOnly', scope: cluster, notes: 'audit' });
    const names = async (path: string): Promise<unknown[]> => items(await world.send('GET', path)).map(({ name }) => name);
    assert.deepEqual(await names(locks(cluster, atScope)), ['keep', 'frozen']);
    assert.deepEqual(await names(locks(group, atScope)), ['keep']);
    assert.deepEqual(await names(locks(group)), ['keep', 'frozen']);
    assert.equal(verdict(await world.send('GET', locks(group), undefined, { as: world.stranger })), '403 AuthorizationFailed');
    assert.equal(verdict(await world.send('GET', locks(group, "&$filter=name eq 'x'"))), '400 InvalidFilterInQueryString');
    const refused = await world.send('DELETE', identity);
    assert.equal(verdict(refused), '409 ScopeLocked');
    assert.match(message(refused), /^The scope '.*id-shop' cannot perform delete operation because following scope\(s\) are locked: '.*rg-shop'/);
    assert.equal(verdict(await world.send('PUT', identity, { location: 'westeurope' })), '200', 'CanNotDelete lets writes through');
    world.arm.locks.all.push({ name: 'all', level: 'ReadOnly', scope: subscription });
    assert.equal(verdict(await world.send('PUT', identity, { location: 'westeurope' })), '409 ScopeLocked');
    assert.equal(verdict(await world.send('GET', identity)), '200');
  });

  it('denies what a deny assignment names, whatever roles allow', async () => {
    world.addIdentity();
    const entry = { name: idOf('deny'), displayName: 'Managed app', scope: group, actions: ['*/write'], notActions: ['Microsoft.Authorization/*'], principals: [{ id: everybody, type: 'SystemDefined' }] };
    world.roles.denyAssignments.push(entry);
    assert.equal(verdict(await world.send('PUT', identity, { location: 'westeurope' })), '403 AuthorizationFailed');
    assert.equal(verdict(await world.send('GET', identity)), '200');
    const [shown] = items(await world.send('GET', denials(cluster, atScope))).map((item) => record(item.properties));
    assert.deepEqual([shown?.denyAssignmentName, shown?.scope, shown?.doNotApplyToChildScopes], ['Managed app', group, false]);
    assert.deepEqual(items(await world.send('GET', denials(subscription, atScope))), []);
    assert.equal(items(await world.send('GET', denials(subscription))).length, 1);
    world.roles.denyAssignments[0] = { ...entry, excludePrincipals: [{ id: world.owner.objectId, type: 'ServicePrincipal' }] };
    assert.equal(verdict(await world.send('PUT', identity, { location: 'westeurope' })), '200');
    world.roles.denyAssignments[0] = { ...entry, doNotApplyToChildScopes: true };
    assert.equal(verdict(await world.send('PUT', identity, { location: 'westeurope' })), '200');
  });

  it('gives a constrained delegate what its condition names, and nothing else', async () => {
    const condition = `((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${acrPull}} AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'})) AND ((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${acrPull}}))`;
    const delegate = world.directory.add({ displayName: 'delegate', kind: 'application' });
    const administrator = world.roles.definitions().find(({ name }) => name === 'Role Based Access Control Administrator')!;
    world.roles.add({ name: idOf('delegation'), scope: group, principalId: delegate.objectId, principalType: 'ServicePrincipal', roleDefinitionId: administrator.id, condition, conditionVersion: '2.0' });
    const put = async (role: string, more: object = { principalType: 'ServicePrincipal' }): Promise<string> => {
      const properties = { roleDefinitionId: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`, principalId: world.stranger.objectId, ...more };
      return verdict(await world.send('PUT', `${registry}/providers/Microsoft.Authorization/roleAssignments/${idOf(role)}`, { properties }, { as: delegate }));
    };
    assert.equal(await put(acrPush), '403 AuthorizationFailed');
    assert.equal(await put(acrPull, {}), '403 AuthorizationFailed', 'the condition asks for the type');
    assert.equal(await put(acrPull), '201');
    world.assign(world.stranger, 'AcrPush', registry);
    const other = world.roles.assignments().find(({ roleDefinitionId }) => roleDefinitionId === acrPush)!.name;
    const remove = async (name: string): Promise<string> => verdict(await world.send('DELETE', `${registry}/providers/Microsoft.Authorization/roleAssignments/${name}`, undefined, { as: delegate }));
    assert.deepEqual([await remove(other), await remove(idOf(acrPull))], ['403 AuthorizationFailed', '200']);
  });

  it('denies by policy what it said it would, with policy and assignment', async () => {
    const foreign = ({ type, body }: { type: string; body: Readonly<Record<string, unknown>> }): string | undefined => {
      const issuer = isRecord(body.properties) ? body.properties.issuer : undefined;
      return /federatedIdentityCredentials$/i.test(type) && issuer !== 'https://ours/' ? `issuer ${String(issuer)}` : undefined;
    };
    world.addIdentity();
    world.arm.policies.all.push({ name: 'only-ours', displayName: 'Only our issuers', definition: 'deny-issuers', scope: subscription, objects: foreign });
    const type = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials';
    const content = (issuer: string): object => ({ properties: { issuer, subject: 'system:serviceaccount:a:b', audiences: ['api://AzureADTokenExchange'] } });
    const check = (issuer: string, scope: string | undefined = identity): object => ({ resourceDetails: { resourceContent: { type, ...content(issuer) }, apiVersion: '2024-11-30', ...(scope === '' ? {} : { scope }) } });
    const path = `${group}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions?api-version=2024-10-01`;
    const evaluations = async (issuer: string): Promise<unknown> => record(record((await world.send('POST', path, check(issuer))).body).contentEvaluationResult).policyEvaluations;
    assert.deepEqual(await evaluations('https://ours/'), []);
    assert.deepEqual(await evaluations('https://theirs/'), [{
      policyInfo: { policyDefinitionId: '/providers/Microsoft.Authorization/policyDefinitions/deny-issuers', policyAssignmentId: `${subscription}/providers/Microsoft.Authorization/policyAssignments/only-ours` },
      evaluationResult: 'NonCompliant',
      evaluationDetails: { reason: 'issuer https://theirs/' },
      effectDetails: { policyEffect: 'Deny' },
    }]);
    assert.equal(verdict(await world.send('POST', path, check('https://ours/', ''))), '400 InvalidCheckRestrictionsRequest', 'a child needs its parent');
    assert.equal(verdict(await world.send('POST', path, check('https://ours/'), { as: world.stranger })), '403 AuthorizationFailed');
    const denied = await world.send('PUT', `${identity}/federatedIdentityCredentials/cred`, content('https://theirs/'));
    assert.equal(verdict(denied), '403 RequestDisallowedByPolicy');
    const { additionalInfo } = record(record(denied.body).error);
    assert.match(JSON.stringify(additionalInfo), /"type":"PolicyViolation".*"policyAssignmentName":"only-ours"/);
    assert.equal(verdict(await world.send('PUT', `${identity}/federatedIdentityCredentials/cred`, content('https://ours/'))), '201');
  });
});
