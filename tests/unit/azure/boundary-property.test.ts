import assert from 'node:assert/strict';
import { Arm } from '../../../tasks/_shared/azure/arm.js';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { boundaryCheck } from '../../../tasks/_shared/azure/boundary-check.js';
import { parseBoundaryPolicy } from '../../../tasks/_shared/fleet/boundary-parse.js';
import type { AllowRule, BoundaryPolicy } from '../../../tasks/_shared/fleet/boundary-policy.js';
import type { Json } from '../../../tasks/_shared/fleet/json.js';
import { accessKinds, type Access, type End } from '../../../tasks/_shared/reconcile/access.js';
import { planAll } from '../../../tasks/_shared/reconcile/plan.js';
import { run } from '../../../tasks/_shared/reconcile/run.js';
import { managementGroupId } from '../../simulators/arm/hierarchy.js';
import { idOf } from '../../simulators/azure/directory.js';
import { Random } from '../../tools/random.js';
import { Rig as Engine } from '../reconcile/rig.js';
import type { Thing } from '../reconcile/thing.js';
import { Rig, tenantId } from './azure-world.js';

const groups = ['dev', 'test', 'ppd', 'prd', 'corp', 'team'];
const subscriptions = Array.from({ length: 5 }, (_, index) => idOf(`subscription ${index}`));
const strangers = [idOf('a subscription that nobody shows'), idOf('a subscription of another tenant')] as const;
const principals = [idOf('one principal'), idOf('another principal')];
const roles = ['AcrPull', 'AcrPush', 'Key Vault Secrets User'];
const today = '2026-03-15';
const lateToday = Date.parse(`${today}T20:00:00Z`);

/** A fleet: where its groups and subscriptions hang. */
interface Fleet {
  readonly parents: ReadonlyMap<string, string>;
  readonly homes: ReadonlyMap<string, string>;
}

function one<T>(random: Random, items: readonly T[]): T {
  return items[random.below(items.length)]!;
}

/** Some of the items, in their order; at least one. */
function some<T>(random: Random, items: readonly T[]): T[] {
  const kept = items.filter(() => random.below(2) === 0);
  return kept.length > 0 ? kept : [one(random, items)];
}

function randomFleet(random: Random): Fleet {
  const parents = new Map(groups.map((group, index) => [group, random.below(3) === 0 || index === 0 ? tenantId : groups[random.below(index)]!]));
  return { parents, homes: new Map(subscriptions.map((id) => [id, one(random, [...groups, tenantId])])) };
}

function resourceOf(random: Random, subscription: string): string {
  return `/subscriptions/${subscription}/resourcegroups/rg${random.below(2)}/providers/microsoft.test/things/t${random.below(2)}`;
}

function randomPolicy(random: Random): BoundaryPolicy {
  const names = ['nonprod', 'prod', 'shared'].slice(0, 1 + random.below(3));
  const members = new Map(names.map((name) => [name, [] as string[]]));
  for (const group of [...groups, tenantId]) if (random.below(3) > 0 && (group !== tenantId || random.below(4) === 0)) members.get(one(random, names))!.push(group);
  const boundaries = names.map((name) => ({ name, managementGroups: members.get(name)! })).filter(({ managementGroups }) => managementGroups.length > 0);
  const sides = [...boundaries.map(({ name }) => name), 'outside'];
  const rules = Array.from({ length: random.below(6) }, (_, index): AllowRule => {
    const kinds = some(random, accessKinds);
    const to = one(random, sides);
    const from = random.below(6) === 0 ? `principal:${one(random, principals)}` : one(random, sides.filter((side) => side !== to || sides.length === 1));
    const id = resourceOf(random, one(random, subscriptions));
    const resources = random.below(3) > 0 ? {} : { resources: [one(random, [id, `/subscriptions/${id.split('/')[2]!}/*`, `${id.split('/').slice(0, 5).join('/')}/*`])] };
    const until = random.below(2) === 0 ? {} : { until: one(random, ['2026-03-14', today, '2026-03-16', '2025-12-31']) };
    return { name: `r${index}`, from, to, kinds, roles: kinds.includes('grant') ? some(random, roles) : [], reason: 'a reason', ...resources, ...until };
  });
  return { boundaries, rules, roles: [] };
}

function randomAccess(random: Random): Access {
  const place = (id = one(random, subscriptions)): End => ({ kind: 'resource', name: 'x', id: resourceOf(random, id) });
  const from = ((): End => {
    switch (random.below(12)) {
      case 0: return { kind: 'principal', name: 'p', id: one(random, principals) };
      case 1: return place(one(random, strangers));
      case 2: return { kind: 'service connection', name: 'c', id: managementGroupId(one(random, groups)), tenantId: one(random, [tenantId, tenantId, strangers[1]]) };
      default: return place();
    }
  })();
  const kind = one(random, accessKinds);
  return { kind, from, to: random.below(30) === 0 ? place(strangers[1]) : place(), ...(kind === 'grant' ? { role: one(random, roles) } : {}) };
}

/** The oracle: what a policy allows, written down once more and in another way. */
function allows({ parents, homes }: Fleet, { boundaries, rules }: BoundaryPolicy, { kind, from, to, role }: Access): boolean {
  const sideOf = ({ kind: of, id, tenantId: own = tenantId }: End): string | undefined => {
    if (of === 'principal') return `principal:${id}`;
    let group = homes.get(id.split('/')[2]!) ?? groups.find((name) => id.endsWith(`/managementGroups/${name}`));
    if (group === undefined || own !== tenantId) return undefined;
    for (; group !== undefined; group = parents.get(group)) for (const { name, managementGroups } of boundaries) if (managementGroups.includes(group)) return name;
    return 'outside';
  };
  const [start, end] = [sideOf(from), sideOf(to)];
  if (start === undefined || end === undefined || start === end) return start !== undefined && start === end;
  return rules.some((rule) => rule.from === start && rule.to === end && rule.kinds.includes(kind) && (kind !== 'grant' || rule.roles.includes(role!)) && (rule.until === undefined || Date.parse(rule.until) + 86_400_000 > lateToday)
    && (rule.resources === undefined || rule.resources.some((id) => (id.endsWith('*') ? to.id.startsWith(id.replace('*', '')) : to.id === id))));
}

/** Azure Resource Manager that only lists the hierarchy of a fleet, and one subscription of another tenant. */
class FleetArm extends Arm {
  #fleet: Fleet | undefined;

  show(fleet: Fleet): void {
    this.#fleet = fleet;
  }

  override post(): Promise<Json> {
    const { parents, homes } = this.#fleet!;
    const chain = (group: string | undefined): string[] => (group === undefined ? [] : [...chain(parents.get(group)), group]);
    const entity = (id: string, parent: string | undefined): object => ({ id, properties: { tenantId, parentNameChain: chain(parent), parent: { id: parent === undefined ? null : managementGroupId(parent) } } });
    return Promise.resolve({ value: [entity(managementGroupId(tenantId), undefined), ...[...parents].map(([name, parent]) => entity(managementGroupId(name), parent)), ...[...homes].map(([id, home]) => entity(`/subscriptions/${id}`, home))] });
  }

  override get(id: string): Promise<Json | undefined> {
    return Promise.resolve(id.endsWith(strangers[1]) ? { tenantId: strangers[1] } : undefined);
  }
}

describe('boundaries, over random policies and fleets', () => {
  let azure: Azure;
  let arm: FleetArm;
  before(async () => {
    const rig = await Rig.start(new Date(lateToday).toISOString());
    const real = await rig.connect();
    arm = new FleetArm(real.http, real.cloud.resourceManager, real.signal);
    azure = { ...real, arm };
  });

  it('let nothing cross that the oracle does not allow, and refuse nothing that it allows: 50,000 times through the check', async () => {
    const random = new Random(20260315);
    const engine = new Engine();
    const things = ['a', 'b', 'c'].map((key) => engine.thing(key));
    const plan = await planAll(things, 1);
    const seen = { allowed: 0, refused: 0, parsed: 0 };
    for (let round = 0; round < 50_000; round += 1) {
      const fleet = randomFleet(random);
      const policy = randomPolicy(random);
      arm.show(fleet);
      for (const thing of things) Object.assign(thing, { accesses: Array.from({ length: 1 + random.below(2) }, () => randomAccess(random)) });
      const { findings, forbidden } = await boundaryCheck({ policy: round % 100 === 0 ? reread(policy, seen) : policy, path: 'b.yml' }, [azure]).inspect(plan, { dryRun: false });
      for (const { key, accesses } of things as (Thing & { accesses: Access[] })[]) {
        const allowed = accesses.every((access) => allows(fleet, policy, access));
        if (forbidden!.has(key) === allowed) assert.fail(JSON.stringify({ round, allowed, policy, accesses, fleet: [...fleet.parents, ...fleet.homes] }));
        seen[allowed ? 'allowed' : 'refused'] += 1;
      }
      const refused = (things as (Thing & { accesses: Access[] })[]).flatMap(({ accesses }) => accesses.filter((access) => !allows(fleet, policy, access)));
      assert.equal(findings.length, new Set(refused.map(({ kind, from, to, role }) => JSON.stringify([kind, from.kind, from.id, to.id, role]))).size);
      assert.ok(findings.every(({ scope, awaits }) => scope === 'run' && !awaits));
    }
    assert.ok(seen.allowed > 20_000 && seen.refused > 20_000 && seen.parsed > 100, JSON.stringify(seen));
  }).timeout(120_000);

  it('are executed as the oracle says: 500 times through the engine, all or nothing', async () => {
    const random = new Random(7);
    const seen = { written: 0, stopped: 0, crossed: 0 };
    for (let round = 0; round < 500; round += 1) {
      const fleet = randomFleet(random);
      const policy = randomPolicy(random);
      arm.show(fleet);
      const engine = new Engine();
      const things = ['a', 'b'].map((key) => Object.assign(engine.thing(key), { accesses: [randomAccess(random)] }));
      const ports = { ...engine.ports, checks: [boundaryCheck({ policy, path: 'b.yml' }, [azure])] };
      const { result } = await run(things, [], { dryRun: false, concurrency: 2, failFast: false }, ports, { planned: () => undefined, checked: () => undefined, applied: () => undefined });
      const allowed = things.every(({ accesses }) => accesses.every((access) => allows(fleet, policy, access)));
      assert.deepEqual([result, engine.intended.map(({ resource }) => resource).sort()], allowed ? ['succeeded', ['a', 'b']] : ['failed', []], JSON.stringify({ round, policy, accesses: things.map(({ accesses }) => accesses) }));
      seen[allowed ? 'written' : 'stopped'] += 1;
      seen.crossed += engine.intended.filter(({ crossings }) => crossings !== undefined).length;
    }
    assert.ok(seen.written > 50 && seen.stopped > 50 && seen.crossed > 5, JSON.stringify(seen));
  }).timeout(60_000);
});

/** The policy as the parser reads it from its text, where it can be written down. */
function reread(policy: BoundaryPolicy, seen: { parsed: number }): BoundaryPolicy {
  if (policy.boundaries.length === 0) return policy;
  const boundaries = Object.fromEntries(policy.boundaries.map(({ name, managementGroups }) => [name, managementGroups]));
  const allow = policy.rules.filter(({ from, to }) => from !== to).map(({ roles: granted, ...rest }) => ({ ...rest, ...(granted.length === 0 ? {} : { roles: granted }) }));
  const parsed = parseBoundaryPolicy(JSON.stringify({ version: 1, boundaries, allow }));
  assert.ok('policy' in parsed, JSON.stringify(parsed));
  seen.parsed += 1;
  return parsed.policy;
}
