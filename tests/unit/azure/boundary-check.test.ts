import assert from 'node:assert/strict';
import { connectionEnd, deployAccesses, federationAccesses, grantAccesses, principalEnd, resourceEnd } from '../../../tasks/_shared/azure/accesses.js';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { boundaryCheck } from '../../../tasks/_shared/azure/boundary-check.js';
import { parseBoundaryPolicy } from '../../../tasks/_shared/fleet/boundary-parse.js';
import { boundaryOf } from '../../../tasks/_shared/fleet/boundary-judge.js';
import type { Access } from '../../../tasks/_shared/reconcile/access.js';
import type { Inspection } from '../../../tasks/_shared/reconcile/check.js';
import type { PlannedChange } from '../../../tasks/_shared/reconcile/plan.js';
import { keep, type AnyResource, type Change } from '../../../tasks/_shared/reconcile/resource.js';
import { idOf } from '../../simulators/azure/directory.js';
import { clusterId, identityId, Rig, subscriptionId } from './azure-world.js';

const production = idOf('production of the check tests');
const vault = `/subscriptions/${production}/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-prd`;
const objectId = '44444444-4444-4444-8444-444444444444';
const create: Change = { action: 'create', reason: 'none yet', fields: [], widens: true };

/** A planned resource that lets somebody reach something. */
function planned(change: Change, accesses: readonly Access[] | undefined, name = 'x'): PlannedChange {
  const refuse = (): never => {
    throw new Error('a check only looks at the plan');
  };
  const said = accesses === undefined ? {} : { accesses };
  const resource: AnyResource = { key: `thing ${name}`, kind: 'thing', name, inputs: {}, observe: refuse, plan: refuse, permissions: refuse, apply: refuse, ...said };
  return { resource, known: {}, observed: undefined, change, permissions: [] };
}

describe('the check of boundaries', () => {
  let rig: Rig;
  let azure: Azure;
  before(async () => {
    rig = await Rig.start('2026-03-01T12:00:00Z', [subscriptionId, production]);
    rig.world.hierarchy.addManagementGroup({ name: 'prod', displayName: 'Production' });
    rig.world.hierarchy.addSubscription({ id: production, displayName: 'production', managementGroup: 'prod' });
    azure = await rig.connect();
  });
  const inspect = async (allow: string, ...plan: PlannedChange[]): Promise<Inspection> => {
    const parsed = parseBoundaryPolicy(`version: 1\nboundaries: {nonprod: [nonprod], prod: [prod]}\nallow: [${allow}]\n`);
    assert.ok('policy' in parsed, JSON.stringify(parsed));
    return boundaryCheck({ policy: parsed.policy, path: 'b.yml' }, [azure]).inspect(plan, { dryRun: false });
  };
  const crossing = (identity = identityId()): Access[] => grantAccesses(rig.connection, resourceEnd(identity), { id: `${vault}/secrets/db`, label: 'kv-prd / secrets / db' }, { name: 'Key Vault Secrets User' });

  it('forbids what is kept and what is blocked, so that it is not written later on, and finds only what may be written', async () => {
    const { findings, forbidden, notes } = await inspect('', planned(keep('as it should be'), crossing(identityId('id-other')), 'kept'), planned(keep('so far', create), crossing(), 'later'), planned({ action: 'blocked', awaits: true, problem: { code: 'WI0000', what: '', because: '', remedy: '' } }, crossing(), 'waits'));
    assert.deepEqual([...(forbidden ?? [])].map(([key, { code }]) => `${key} ${code}`), ['thing kept WI3111', 'thing later WI3111', 'thing waits WI3111']);
    assert.deepEqual(findings.map(({ resource }) => resource), ['thing later', 'thing later']);
    assert.deepEqual(notes, ['boundaries: 2 crossings not allowed', '1 in place that the boundary policy would not allow']);
  });

  it('finds what is kept where something is written for the same identity, and tells each access once', async () => {
    const within = grantAccesses({ ...rig.connection, subscriptionId: production }, resourceEnd(identityId()), { id: identityId('id-far'), label: 'id-far' }, { name: 'Reader' });
    const { findings, notes } = await inspect('{name: r, from: prod, to: nonprod, kinds: [grant], roles: [Reader], reason: x}', planned(create, within, 'new'), planned(keep('as it should be'), crossing(), 'kept'), planned(keep('as it should be'), crossing(), 'too'));
    assert.deepEqual(findings.map(({ resource, scope }) => [resource, scope]), [['thing kept', 'run'], ['thing kept', 'run']]);
    assert.deepEqual(notes, ['boundaries: 2 crossings not allowed', '1 crossing allowed by r']);
  });

  it('lets everything be taken away', async () => {
    const { findings, forbidden } = await inspect('', planned({ action: 'delete', reason: 'not wanted', fields: [], widens: false }, crossing()));
    assert.deepEqual([findings, [...(forbidden ?? [])]], [[], []]);
  });

  it('knows nothing of a principal that is known by its object id only, unless a rule names it', async () => {
    const entry = planned(create, grantAccesses({ ...rig.connection, subscriptionId: production }, principalEnd(objectId), { id: vault, label: 'kv-prd' }, { name: 'Reader' }));
    const { findings } = await inspect('', entry);
    assert.deepEqual(findings.map(({ problem }) => [problem.code, problem.what]), [['WI3111', `The thing x would let principal ${objectId} reach key vault kv-prd of prod`]]);
    assert.match(findings[0]?.problem.remedy ?? '', new RegExp(`from: "principal:${objectId}", to: "prod"`));
    const rule = (id: string): string => `{name: r, from: "principal:${id}", to: prod, kinds: [grant], roles: [reader], reason: x}`;
    assert.deepEqual((await inspect(rule(objectId.toUpperCase()), entry)).findings, []);
    assert.equal((await inspect(rule(idOf('another')), entry)).findings.length, 1);
    assert.equal((await inspect('{name: r, from: outside, to: prod, kinds: [grant], roles: [Reader], reason: x}', entry)).findings.length, 1);
  });

  it('does not judge what does not say whom it lets reach what', async () => {
    await assert.rejects(inspect('', planned(create, undefined)), /thing x widens access and does not say whose/);
    assert.deepEqual((await inspect('', planned({ ...create, widens: false }, undefined), planned(create, []))).notes, ['boundaries ok']);
  });

  it('takes a service connection of another tenant for what it is', async () => {
    const { findings } = await inspect('', planned(create, deployAccesses({ ...rig.connection, name: 'theirs', tenantId: objectId }, { id: clusterId(), label: 'aks-1' })));
    assert.deepEqual(findings.map(({ problem }) => [problem.code, problem.what]), [['WI3114', 'The service connection theirs belongs to another tenant']]);
  });

  it('asks the other service connections of the run where its own does not see an object', async () => {
    const hidden = idOf('a subscription of the vault team');
    rig.world.hierarchy.addSubscription({ id: hidden, displayName: 'hidden', managementGroup: 'nonprod' });
    const other = rig.world.directory.add({ displayName: 'vault team', kind: 'application', secrets: ['s'] });
    rig.world.assign(other.objectId, 'Reader', `/subscriptions/${hidden}`);
    const theirs = await rig.connect({ kind: 'secret', clientId: other.appId, secret: () => 's' });
    const entry = planned(create, deployAccesses(rig.connection, { id: `/subscriptions/${hidden}/x`, label: 'aks' }));
    const codes = async (azures: readonly [Azure, ...Azure[]]): Promise<string[]> =>
      (await boundaryCheck({ policy: { boundaries: [], rules: [], roles: [] }, path: '' }, azures).inspect([entry], { dryRun: false })).findings.map(({ problem }) => problem.code);
    assert.deepEqual(await codes([azure]), ['WI3113']);
    assert.deepEqual(await codes([azure, theirs]), []);
  });
});

describe('boundaries and accesses', () => {
  const policy = { boundaries: [{ name: 'all', managementGroups: ['corp'] }, { name: 'prod', managementGroups: ['PRD', 'ppd'] }], rules: [], roles: [] };

  it('put an object into the boundary of the nearest group that is named', () => {
    assert.equal(boundaryOf(policy, ['team', 'prd', 'corp', 'root']), 'prod');
    assert.equal(boundaryOf(policy, ['team', 'corp', 'root']), 'all');
    assert.equal(boundaryOf(policy, ['team', 'root']), 'outside');
    assert.equal(boundaryOf(policy, []), 'outside');
  });

  it('end at what is written and begin at who writes and who gains', async () => {
    const rig = await Rig.start();
    const { connection } = rig;
    const told = (accesses: readonly Access[]): string[] => accesses.map(({ kind, from, to, role }) => `${kind} ${role ?? '-'}: ${from.kind} ${from.name} → ${to.kind} ${to.name}`);
    const cluster = { id: clusterId(), label: 'aks-1' };
    assert.deepEqual(told(federationAccesses(connection, cluster, identityId())), ['federation -: service connection contoso-nonprod → identity id-orders', 'federation -: cluster aks-1 → identity id-orders']);
    assert.deepEqual(told(grantAccesses(connection, resourceEnd(cluster.id, cluster.label), { id: `${vault}/secrets/db`, label: 'db' }, { name: 'Reader' })), ['grant Reader: service connection contoso-nonprod → key vault db', 'grant Reader: cluster aks-1 → key vault db']);
    assert.deepEqual(told(deployAccesses(connection, cluster)), ['deploy -: service connection contoso-nonprod → cluster aks-1']);
    assert.deepEqual([resourceEnd('/subscriptions/x').kind, resourceEnd(`/subscriptions/${production}/resourceGroups/rg`).kind], ['resource', 'resource']);
    const { id, name, tenantId, cloud, signIn } = connection;
    const rest = { id, name, tenantId, cloud, signIn };
    assert.equal(connectionEnd({ ...rest, managementGroup: 'corp' }).id, '/providers/Microsoft.Management/managementGroups/corp');
    assert.equal(connectionEnd(rest).id, '');
  });
});
