import assert from 'node:assert/strict';
import { join } from 'node:path';
import { showCrossing } from '../demo/crossing.js';
import { startContoso, type ContosoRun, type ContosoStage } from '../demo/contoso-run.js';
import { itemsAt, textAt } from '../simulators/kubernetes/objects/values.js';
import { isRecord } from '../simulators/kernel/service.js';
import { clusters, connections } from '../simulators/world/contoso.js';
import type { World } from '../simulators/world/world.js';
import { builtTasks, root } from './built-tasks.js';
import { announced, assertError, counted, identified, isAbout, ledgerOf, made, printed, proofsOf, shown } from './run-facts.js';

const names = Object.values(clusters).map(({ name }) => name);
const rings = [
  { ring: 'nonprod', plan: 'Plan nonprod', changes: 2 * 8 },
  { ring: 'prod', plan: 'Plan prod', changes: 6 },
];
const silent = (): void => undefined;

/** Everything that the tasks may have written, with the versions that any write would raise. */
function stateOf(world: World): unknown {
  const kinds = ['Namespace', 'ServiceAccount', 'Secret', 'Deployment', 'Service', 'Pod'];
  return {
    clusters: names.map((name) => world.arm.clusters.find(name).resource),
    identities: world.arm.identities.all().map(({ id, tags, credentials }) => ({ id, tags, credentials: credentials.trusts() })),
    assignments: world.roles.assignments(),
    objects: [...world.clusters.values()].map((api) => kinds.map((kind) => api.list(kind, kind === 'Namespace' ? undefined : 'orders'))),
  };
}

/** The client ids that running containers of a cluster's workload have. */
function clientIdsIn(world: World, cluster: string): string[] {
  const pods = world.clusters.get(cluster)?.list('Pod', 'orders') ?? [];
  const running = pods.filter((pod) => textAt(pod, 'status', 'phase') === 'Running');
  return running.flatMap((pod) => itemsAt(pod, 'spec', 'containers')).map((container) => String(itemsAt(container, 'env').find(({ name }) => name === 'AZURE_CLIENT_ID')?.value));
}

function assertEveryClusterServed(world: World): void {
  for (const name of names) {
    const { properties } = world.arm.clusters.find(name).resource;
    assert.ok(isRecord(properties.oidcIssuerProfile) && properties.oidcIssuerProfile.enabled === true, name);
    assert.ok(isRecord(properties.securityProfile) && isRecord(properties.securityProfile.workloadIdentity) && properties.securityProfile.workloadIdentity.enabled === true, name);
    const { clientId } = world.arm.identities.find(`id-orders-${name}`);
    assert.deepEqual(clientIdsIn(world, name), [clientId, clientId], name);
  }
}

/** Four proofs for each cluster, each of which exercises what it proves. */
function assertProven(run: ContosoRun): void {
  const found = proofsOf(run).map(({ cluster, level, key }) => `${cluster ?? ''} ${level} ${key.replace(/^.*(features|federation|registry grant|deployment) of .*$/, '$1')}`);
  const wanted = names.flatMap((name) => [`${name} exercised features`, `${name} exercised federation`, `${name} exercised registry grant`, `${name} exercised deployment`]);
  assert.deepEqual(found.sort(), wanted.sort());
}

/** A world with the first run in it, and the second. */
interface TwoRuns {
  readonly stage: ContosoStage;
  readonly first: ContosoRun;
  /** The state between them. */
  readonly between: unknown;
  readonly second: ContosoRun;
}

async function twoRuns(stage: ContosoStage, file?: string): Promise<TwoRuns> {
  const other = file === undefined ? {} : { file };
  const first = await stage.run(silent, other);
  const between = stateOf(stage.world);
  return { stage, first, between, second: await stage.run(silent, other) };
}

describe('the contoso pipeline', function () {
  this.timeout(180_000);
  const stages: ContosoStage[] = [];
  let stage: ContosoStage;
  let first: ContosoRun;
  let second: ContosoRun;
  let between: unknown;
  let older: TwoRuns;

  /** Both worlds at once: their runs wait a lot. */
  before(async () => {
    await builtTasks();
    for (const helm of ['helm4', 'helm3'] as const) stages.push(await startContoso({ helm }));
    const [inRings, inOne] = stages;
    assert.ok(inRings !== undefined && inOne !== undefined);
    [{ stage, first, second, between }, older] = await Promise.all([twoRuns(inRings), twoRuns(inOne, join(root, 'tests/fixtures/contoso/one-ring.yml'))]);
  });

  after(() => Promise.all(stages.map((one) => one.close())));

  it('takes three clusters from nothing to proven access', () => {
    assert.equal(first.result.result, 'Succeeded', first.lines.join('\n'));
    assert.deepEqual(first.result.stages.map(({ name, result }) => `${name} ${result}`), ['plan_nonprod', 'apply_nonprod', 'plan_prod', 'apply_prod'].map((name) => `${name} Succeeded`));
    assert.deepEqual([...new Set(first.reports.flatMap(({ report }) => report.clusters))].sort(), [...names].sort());
    assertProven(first);
    assertEveryClusterServed(stage.world);
  });

  it('writes nothing in the second run and proves everything again', () => {
    assert.equal(second.result.result, 'Succeeded', second.lines.join('\n'));
    assert.deepEqual(second.writes, []);
    assert.deepEqual(counted(second.writes), { azure: 0, kubernetes: 0 });
    assert.ok(second.requests.length > 100, 'the second run did not look');
    assert.deepEqual(stateOf(stage.world), between);
    assertProven(second);
    for (const { ring } of rings) {
      assert.deepEqual([announced(second, `plan_${ring}`), made(second, `apply_${ring}`), ledgerOf(second, `apply_${ring}`)], [[], [], []]);
    }
  });

  for (const { ring, plan, changes } of rings) {
    it(`applies in ring ${ring} exactly what its plan printed`, () => {
      const planned = announced(first, `plan_${ring}`);
      const applied = made(first, `apply_${ring}`);
      assert.equal(applied.length, changes);
      assert.equal(identified(applied).length, changes, 'a change was made twice');
      assert.deepEqual(identified(planned), identified(applied));
      assert.deepEqual(printed(first, plan), shown(applied));
      assert.deepEqual(made(first, `plan_${ring}`), []);
    });

    it(`writes in ring ${ring} once or more for each change and never besides`, () => {
      const writes = first.stageWrites.get(`apply_${ring}`) ?? [];
      const applied = made(first, `apply_${ring}`);
      const done = ledgerOf(first, `apply_${ring}`).filter(({ outcome }) => outcome === 'done');
      for (const { key } of applied) assert.ok(done.some(({ resource }) => resource === key), `no write for ${key}`);
      for (const line of done) {
        assert.ok(applied.some(({ key }) => key === line.resource), `a write without a change: ${line.resource}`);
        assert.ok(writes.some((write) => isAbout(line, write)), `the simulators saw nothing of ${line.object}`);
        if (!line.object.startsWith('helm release ')) assert.equal(writes.filter((write) => isAbout(line, write)).length, 1, line.object);
      }
      for (const write of writes) assert.equal(done.filter((line) => isAbout(line, write)).length, 1, `${write.service} ${write.method} ${write.path}`);
    });

    it(`writes nothing while ring ${ring} is planned`, () => {
      assert.deepEqual(first.stageWrites.get(`plan_${ring}`), []);
      assert.deepEqual(ledgerOf(first, `plan_${ring}`), []);
    });
  }

  it('accounts for every write, and no planner made one', () => {
    const staged = [...first.stageWrites.values()].flat();
    assert.deepEqual(staged, first.writes);
    const { azure, kubernetes } = counted(first.writes);
    assert.ok(azure > 0 && kubernetes > 0);
    const appliers = [connections.nonprod.name, connections.prod.name].map((name) => stage.world.directory.all().find(({ displayName }) => displayName === name)?.objectId);
    for (const { principal, wrote } of first.writes) assert.ok(appliers.includes(principal), `${principal ?? 'nobody'} wrote ${wrote ?? ''}`);
  });

  it('lets the dev identity push to the production registry only where a rule allows the crossing, which the ledger then names', async () => {
    const { refused, allowed, line, problems } = await showCrossing(stage, silent, silent);
    assert.deepEqual(problems, []);
    assertError(refused, 'WI3111', 'identity id-orders-aks-dev-weu-1 of nonprod', 'registry crcontosoprd of prod');
    assert.deepEqual([refused.writes.length, ledgerOf(refused, '__default')], [0, []]);
    assert.ok(allowed.lines.some((text) => text.includes('crosses nonprod → prod, allowed by push-releases')), allowed.lines.join('\n'));
    assert.deepEqual([line?.outcome, line?.boundaryPolicy?.path], ['done', 'tests/fixtures/contoso/boundaries-with-release.yml']);
  });

  it('serves the fleet in one ring, with helm 3, in the first run and leaves it alone in the second', () => {
    assert.equal(older.first.result.result, 'Succeeded', older.first.lines.join('\n'));
    assert.deepEqual(identified(announced(older.first, 'plan_all')), identified(made(older.first, 'apply_all')));
    assert.equal(made(older.first, 'apply_all').length, 2 * 8 + 6);
    assertProven(older.first);
    assertEveryClusterServed(older.stage.world);
    assert.equal(older.second.result.result, 'Succeeded', older.second.lines.join('\n'));
    assert.deepEqual(older.second.writes, []);
    assert.deepEqual(stateOf(older.stage.world), older.between);
    assertProven(older.second);
  });
});
