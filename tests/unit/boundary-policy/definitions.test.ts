import assert from 'node:assert/strict';
import { azurePolicies, type AzurePolicies, type BoundaryFacts } from '../../../scripts/boundary-policy/definitions.js';
import { parseBoundaryPolicy } from '../../../tasks/_shared/fleet/boundary-parse.js';
import type { BoundaryPolicy } from '../../../tasks/_shared/fleet/boundary-policy.js';
import { idOf } from '../../simulators/azure/directory.js';
import { denies, type Request } from './policy-rule.js';

const roleIds = { AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d', AcrPush: '8311e382-0749-4cb8-b61a-304f252e45ec' };
const owner = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635';
const [dev, prod, partner] = ['dev', 'prod', 'partner'].map((name) => idOf(`principal ${name}`));
const facts: BoundaryFacts = {
  issuers: { nonprod: ['https://issuer/dev/'], prod: ['https://issuer/prod/'] },
  principals: { nonprod: [dev ?? ''], prod: [prod ?? ''] },
  parents: {},
};
const subscription = `/subscriptions/${idOf('subscription prod')}`;
const registry = `${subscription}/resourceGroups/rg-shared/providers/Microsoft.ContainerRegistry/registries/crprod`;
const file = `
version: 1
boundaries:
  nonprod: [mg-dev, mg-test]
  prod: [mg-prod]
allow:
  - {name: promote, from: nonprod, to: prod, kinds: [grant], roles: [AcrPush], resources: ["${registry}"], reason: images are promoted, until: 2027-01-31}
`;

function policyOf(text: string): BoundaryPolicy {
  const read = parseBoundaryPolicy(text);
  return 'policy' in read ? read.policy : assert.fail(JSON.stringify(read.mistakes));
}

/** Whether anything assigned to a management group denies a request. */
function denied(policies: AzurePolicies, managementGroup: string, request: Request, choices: Readonly<Record<string, unknown>> = {}, now = '2027-01-31T23:59:59Z'): boolean {
  const assigned = policies.assignments.filter((assignment) => assignment.managementGroup === managementGroup);
  assert.equal(assigned.length, 2, managementGroup);
  return assigned.some(({ definition: name, values }) => {
    const definition = policies.definitions.find((one) => one.name === name) ?? assert.fail(name);
    const defaults = Object.entries(definition.parameters).flatMap(([key, { defaultValue }]) => (defaultValue === undefined ? [] : [[key, defaultValue] as const]));
    const given = Object.entries(values).map(([key, { value }]) => [key, value] as const);
    return denies(definition.policyRule, request, { parameters: { ...Object.fromEntries([...defaults, ...given]), ...choices }, now });
  });
}

function credential(issuer: string): Request {
  const type = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials';
  return { type, id: `${subscription}/resourceGroups/rg-id/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-1/federatedIdentityCredentials/fic`, [`${type}/issuer`]: issuer };
}

function grant(principalId: string | undefined, role: string, scope = registry, principalType: string | undefined = 'ServicePrincipal'): Request {
  const type = 'Microsoft.Authorization/roleAssignments';
  return {
    type,
    id: `${scope}/providers/Microsoft.Authorization/roleAssignments/${idOf('assignment')}`,
    [`${type}/principalId`]: principalId ?? '',
    [`${type}/roleDefinitionId`]: `${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role.toUpperCase()}`,
    ...(principalType === '' ? {} : { [`${type}/principalType`]: principalType }),
  };
}

describe('Azure Policy from a boundary policy', () => {
  const policies = azurePolicies(policyOf(file), facts, roleIds);

  it('has two definitions for each boundary, assigned to each of its management groups', () => {
    assert.deepEqual(policies.definitions.map(({ name }) => name), [
      'workload-identity-credentials-nonprod',
      'workload-identity-grants-nonprod',
      'workload-identity-credentials-prod',
      'workload-identity-grants-prod',
    ]);
    assert.deepEqual(policies.assignments.map(({ managementGroup }) => managementGroup), ['mg-dev', 'mg-test', 'mg-dev', 'mg-test', 'mg-prod', 'mg-prod']);
    const names = policies.assignments.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^wi-[0-9a-f]{20}$/);
  });

  it('denies credentials for clusters of another boundary, and for whatever is not listed', () => {
    assert.equal(denied(policies, 'mg-prod', credential('https://issuer/prod/')), false);
    assert.equal(denied(policies, 'mg-prod', credential('https://issuer/dev/')), true);
    assert.equal(denied(policies, 'mg-prod', credential('https://token.actions.githubusercontent.com')), true);
    assert.equal(denied(policies, 'mg-prod', credential('https://token.actions.githubusercontent.com'), { otherIssuers: ['https://token.actions.githubusercontent.com'] }), false);
    assert.equal(denied(policies, 'mg-test', credential('https://issuer/dev/')), false);
    assert.equal(denied(policies, 'mg-prod', { type: 'Microsoft.KeyVault/vaults', id: registry }), false);
  });

  it('denies grants across, except as the rule says: role, resource and last day', () => {
    assert.equal(denied(policies, 'mg-prod', grant(prod, roleIds.AcrPull)), false);
    assert.equal(denied(policies, 'mg-prod', grant(dev, roleIds.AcrPush)), false);
    assert.equal(denied(policies, 'mg-prod', grant(dev, roleIds.AcrPull)), true);
    assert.equal(denied(policies, 'mg-prod', grant(dev, roleIds.AcrPush, registry.replace('crprod', 'crprod2'))), true);
    assert.equal(denied(policies, 'mg-prod', grant(dev, roleIds.AcrPush, registry.replace('crprod', 'crprod2')), { checkResources: false }), false);
    assert.equal(denied(policies, 'mg-prod', grant(dev, roleIds.AcrPush), {}, '2027-02-01T00:00:00Z'), true);
    assert.equal(denied(policies, 'mg-prod', grant(partner, roleIds.AcrPull)), true);
    assert.equal(denied(policies, 'mg-prod', grant(partner, roleIds.AcrPull), { otherPrincipals: [partner] }), false);
    assert.equal(denied(policies, 'mg-dev', grant(prod, roleIds.AcrPush)), true);
  });

  it('judges watched roles and service principals, also where the request does not say that it is one', () => {
    assert.equal(denied(policies, 'mg-prod', grant(partner, owner)), false);
    assert.equal(denied(policies, 'mg-prod', grant(partner, owner), { roles: [owner] }), true);
    assert.equal(denied(policies, 'mg-prod', grant(partner, roleIds.AcrPull, registry, 'User')), false);
    assert.equal(denied(policies, 'mg-prod', grant(partner, roleIds.AcrPull, registry, '')), true);
  });

  it('audits or does nothing when told to', () => {
    for (const effect of ['Audit', 'Disabled']) assert.equal(denied(policies, 'mg-prod', credential('https://issuer/dev/'), { effect }), false);
  });

  it('denies everything of a boundary of which nothing is known, and says so', () => {
    const blind = azurePolicies(policyOf(file), { issuers: {}, principals: {}, parents: {} }, roleIds);
    assert.equal(denied(blind, 'mg-prod', credential('https://issuer/prod/')), true);
    assert.equal(denied(blind, 'mg-prod', grant(prod, roleIds.AcrPull)), true);
    assert.deepEqual(blind.notes, ['No issuer and no principal is known of nonprod, prod: every credential and grant there will be denied until the values are filled in.']);
    assert.deepEqual(policies.notes, []);
  });

  it('leaves out what lies in a nearer boundary', () => {
    const nested = azurePolicies(policyOf(file.replace('[mg-prod]', '[mg-root]')), { ...facts, parents: { 'mg-dev': 'MG-middle', 'mg-middle': 'mg-root', 'mg-test': 'mg-elsewhere', 'mg-elsewhere': 'mg-test' } }, roleIds);
    const of = (group: string): (readonly string[])[] => nested.assignments.filter(({ managementGroup }) => managementGroup === group).map(({ notScopes }) => notScopes);
    assert.deepEqual(of('mg-root'), [['/providers/Microsoft.Management/managementGroups/mg-dev'], ['/providers/Microsoft.Management/managementGroups/mg-dev']]);
    assert.deepEqual(of('mg-dev'), [[], []]);
  });

  it('tells what Azure Policy cannot say, and refuses what it cannot make', () => {
    const more = `${file}  - {name: out, from: prod, to: outside, kinds: [grant, deploy], roles: [AcrPull], reason: partner}\n`;
    assert.deepEqual(azurePolicies(policyOf(more), facts, roleIds).notes, [
      'Deployments are not seen by Azure Policy: out.',
      'Nothing is assigned outside of the boundaries, so that nothing is denied there: out.',
    ]);
    const withEntry = azurePolicies(policyOf(file.replace('[AcrPush]', '[AcrPush, Access Policy, Admin User]')), facts, roleIds);
    assert.deepEqual([withEntry.notes, withEntry.definitions], [[`Entries in access policies of vaults are not denied: ${policyOf(file).rules.find(({ roles }) => roles.includes('AcrPush'))?.name ?? ''}.`, ...azurePolicies(policyOf(file), facts, roleIds).notes], azurePolicies(policyOf(file), facts, roleIds).definitions]);
    assert.throws(() => azurePolicies(policyOf(file.replace('[AcrPush]', '[Fancy Role]')), facts, roleIds), /role "Fancy Role" is not known here: name it by its GUID/);
    const many = Array.from({ length: 19 }, (_, index) => `b${index}`);
    const crowded = `version: 1\nboundaries:\n  prod: [mg-prod]\n${many.map((name) => `  ${name}: [mg-${name}]\n`).join('')}allow:\n${many.map((name) => `  - {name: r-${name}, from: ${name}, to: prod, kinds: [federation], reason: x}\n`).join('')}`;
    assert.throws(() => azurePolicies(policyOf(crowded), facts, roleIds), /workload-identity-credentials-prod would have more than the 20 parameters/);
  });

  it('keeps names apart and within what Azure takes', () => {
    const odd = azurePolicies(policyOf(`version: 1\nboundaries:\n  a.b: [m1]\n  a-b: [m2]\n  ${'x'.repeat(80)}: [m3]\nallow:\n  - {name: r, from: a.b, to: a-b, kinds: [federation], reason: x}\n`), facts, roleIds);
    const names = odd.definitions.map(({ name }) => name);
    assert.equal(new Set(names).size, 6);
    for (const name of names) assert.match(name, /^[\w-]{1,64}$/);
    const parameters = Object.keys(odd.definitions.find(({ name }) => name === 'workload-identity-credentials-a-b')?.parameters ?? {});
    assert.deepEqual(parameters, ['effect', 'otherIssuers', 'issuers_a_b__2', 'issuers_a_b']);
  });
});
