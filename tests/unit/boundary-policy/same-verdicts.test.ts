import assert from 'node:assert/strict';
import { azurePolicies, type AzurePolicies, type BoundaryFacts } from '../../../scripts/boundary-policy/definitions.js';
import { judgeAccess } from '../../../tasks/_shared/fleet/boundary-judge.js';
import type { AllowRule, BoundaryPolicy } from '../../../tasks/_shared/fleet/boundary-policy.js';
import { accessKinds, type Access } from '../../../tasks/_shared/reconcile/access.js';
import { idOf } from '../../simulators/azure/directory.js';
import { Random } from '../../tools/random.js';
import { denies, type Request } from './policy-rule.js';

const boundaries = ['dev', 'prod', 'shared'] as const;
const sides = [...boundaries, 'outside'] as const;
const roles = { AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d', AcrPush: '8311e382-0749-4cb8-b61a-304f252e45ec', 'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6' };
const roleNames = ['AcrPull', 'AcrPush', 'Key Vault Secrets User'] as const;
const days = ['2027-01-30', '2027-01-31', '2027-02-01', '2027-02-28'] as const;

const group = `/subscriptions/${idOf('subscription')}/resourceGroups/rg`;
const vault = `${group}/providers/Microsoft.KeyVault/vaults/kv-1`;
const targets = [group, vault, `${vault}/secrets/orders-db`, `${vault}2`, `${group}2/providers/Microsoft.ContainerRegistry/registries/cr`] as const;
const identities = `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`;
const identityIds = [`${identities}/id-1`, `${identities}/id-10`, `${identities}/id-2`] as const;
const resources = [...targets, ...identityIds].flatMap((id) => [id, `${id}/*`]);

const issuerOf = (side: string): string => `https://issuer/${side}/`;
const principalOf = (side: string): string => idOf(`principal of ${side}`);
const lone = idOf('a principal of nowhere');
const facts: BoundaryFacts = {
  issuers: Object.fromEntries(sides.map((side) => [side, [issuerOf(side)]])),
  principals: Object.fromEntries(sides.map((side) => [side, [principalOf(side)]])),
  parents: {},
};

function somePolicy(random: Random): BoundaryPolicy {
  const rules = Array.from({ length: random.below(16) }, (_, index): AllowRule => {
    const kinds = [random.pick(accessKinds)];
    const named = random.chance(0.5) ? random.pick(roleNames) : roles[random.pick(roleNames)];
    return {
      name: `rule-${index}`,
      from: random.chance(0.2) ? `principal:${lone}` : random.pick(sides),
      to: random.pick(sides),
      kinds: random.chance(0.3) ? [...accessKinds] : kinds,
      roles: [named, ...random.some(roleNames, 0.3)],
      ...(random.chance(0.5) ? { resources: random.some(resources, 0.4) } : {}),
      reason: 'a test',
      ...(random.chance(0.7) ? { until: random.pick(days) } : {}),
    };
  });
  return { boundaries: boundaries.map((name) => ({ name, managementGroups: [`mg-${name}`] })), rules, roles: [] };
}

/** An access, where its ends lie, and the request that would make it. */
interface Case {
  readonly access: Access;
  readonly from: string;
  readonly to: string;
  readonly request: Request;
}

function someCase(random: Random): Case {
  const to = random.pick(boundaries);
  if (random.chance(0.5)) {
    const from = random.pick(sides);
    const id = random.pick(identityIds);
    const type = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials';
    const access: Access = { kind: 'federation', from: { kind: 'cluster', name: 'c', id: 'c' }, to: { kind: 'identity', name: 'i', id } };
    return { access, from, to, request: { type, id: `${id}/federatedIdentityCredentials/wi-1`, [`${type}/issuer`]: issuerOf(from) } };
  }
  const from = random.chance(0.2) ? `principal:${lone}` : random.pick(sides);
  const id = random.pick(targets);
  const role = random.pick(roleNames);
  const type = 'Microsoft.Authorization/roleAssignments';
  const access: Access = { kind: 'grant', from: { kind: 'identity', name: 'i', id: 'i' }, to: { kind: 'resource', name: 'r', id }, role, roleId: roles[role] };
  const principalId = from.startsWith('principal:') ? lone : principalOf(from);
  const request = {
    type,
    id: `${id}/providers/Microsoft.Authorization/roleAssignments/${idOf('name')}`,
    [`${type}/principalId`]: random.chance(0.5) ? principalId : principalId.toUpperCase(),
    [`${type}/principalType`]: 'ServicePrincipal',
    [`${type}/roleDefinitionId`]: `/providers/Microsoft.Authorization/roleDefinitions/${roles[role]}`,
  };
  return { access, from, to, request };
}

function denied({ definitions, assignments }: AzurePolicies, { to, request }: Case, now: string): boolean {
  return assignments.filter(({ managementGroup }) => managementGroup === `mg-${to}`).some(({ definition: name, values }) => {
    const definition = definitions.find((one) => one.name === name) ?? assert.fail(name);
    const parameters = Object.fromEntries([
      ...Object.entries(definition.parameters).map(([key, { defaultValue }]) => [key, defaultValue] as const),
      ...Object.entries(values).map(([key, { value }]) => [key, value] as const),
    ]);
    return denies(definition.policyRule, request, { parameters, now });
  });
}

describe('Azure Policy and the boundary judge', () => {
  it('agree on 20,000 random credentials and grants under 1,000 random policies: what the one refuses, the other denies, and nothing else', () => {
    const random = new Random(7);
    const verdicts = new Map<string, number>();
    for (let round = 0; round < 1_000; round += 1) {
      const policy = somePolicy(random);
      const made = azurePolicies(policy, facts, roles);
      for (let index = 0; index < 20; index += 1) {
        const one = someCase(random);
        const today = random.pick(days);
        const now = `${today}T${random.pick(['00:00:00.0000000Z', '12:30:00.0000000Z', '23:59:59.9990000Z'])}`;
        const { verdict } = judgeAccess(policy, one.access, one.from, one.to, today);
        verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
        const refused = verdict === 'refused' || verdict === 'expired';
        assert.equal(denied(made, one, now), refused, `${verdict} on ${now}: ${JSON.stringify({ policy, one })}`);
      }
    }
    for (const verdict of ['within', 'allowed', 'expired', 'refused']) assert.ok((verdicts.get(verdict) ?? 0) > 300, `${verdict}: ${verdicts.get(verdict) ?? 0}`);
  });
});
