import assert from 'node:assert/strict';
import { grantRegistryRole } from '../../tasks/GrantRegistryRole/grant-registry-role.js';
import type { RunResult } from '../../tasks/_shared/reconcile/run.js';
import { takeKeysInTurn } from '../simulators/kernel/rsa-keys.js';
import type { Rig } from '../unit/azure/azure-world.js';
import { foreignGrants, grantsIn, grantsLeft, hindrances, lost, reach, tellsOfLeft, wanted } from './registry-oracle.js';
import { plantRegistry } from './registry-plant.js';
import { registryScenario, type RegistryScenario } from './registry-scenario.js';

/** One run of the task over a state. */
async function run(rig: Rig, { seed, clusters, shared, role, repositories }: RegistryScenario, state: 'present' | 'absent'): Promise<RunResult> {
  rig.network.log.clear();
  const workload = { namespace: 'orders', serviceAccount: 'api', workload: 'orders', identity: shared ? 'id-orders' : 'id-orders-{cluster}', identityResourceGroup: 'rg-dev' };
  const inputs = { ...workload, registry: 'rg-dev/crunit', role, repositories: repositories.join(), propagationTimeoutInMinutes: '1', proveFrom: seed % 8 === 0 ? 'agent' : 'none', state };
  return (await rig.runTask(grantRegistryRole, clusters, inputs)).result;
}

/** Makes a state, runs over it until nothing is left to do, and takes everything back. */
async function judge(seed: number): Promise<void> {
  const given = registryScenario(seed);
  const told = `seed ${seed}`;
  const { rig, registry } = await plantRegistry(given);
  const foreign = foreignGrants(rig);
  const before = { grants: grantsIn(rig), reach: reach(rig, registry, given) };
  const hindered = hindrances(given);
  assert.equal((await run(rig, given, 'present')).result, hindered.length === 0 ? 'succeeded' : 'failed', `${told}, ${hindered.join('; ')}`);
  const made = grantsIn(rig);
  assert.deepEqual([foreignGrants(rig), lost(before.grants, made)], [foreign, []], told);
  const now = reach(rig, registry, given);
  const sought = wanted(rig, given);
  assert.deepEqual([...now].filter((one) => !before.reach.has(one) && !sought.includes(one)), [], `${told}, too much`);
  if (hindered.length === 0) {
    assert.deepEqual(sought.filter((one) => !now.has(one)), [], `${told}, too little`);
    await run(rig, given, 'present');
    assert.deepEqual(rig.writes('arm'), [], `${told}, second run`);
  }
  await withdraw(rig, given, `${told}, absent`);
  assert.deepEqual(foreignGrants(rig), foreign, `${told}, absent`);
  await run(rig, given, 'absent');
  assert.deepEqual(rig.writes('arm'), [], `${told}, absent again`);
}

async function withdraw(rig: Rig, given: RegistryScenario, told: string): Promise<void> {
  const left = grantsLeft(given, grantsIn(rig), rig);
  assert.equal((await run(rig, given, 'absent')).result, tellsOfLeft(given) ? 'succeededWithIssues' : 'succeeded', told);
  assert.deepEqual(grantsIn(rig), left, told);
}

/** Two pipelines that grant other repositories to one identity: the union of both, and each takes back its own only. Answers false for a state that hinders. */
async function judgePair(seed: number): Promise<boolean> {
  const one = registryScenario(seed);
  if (one.mode === 'LegacyRegistryPermissions' || hindrances(one).length > 0) return false;
  const other = { ...one, repositories: one.others, others: one.repositories };
  const told = `pair ${seed}`;
  const { rig, registry } = await plantRegistry(one);
  for (const each of [one, other]) assert.equal((await run(rig, each, 'present')).result, 'succeeded', told);
  const union = reach(rig, registry, one);
  assert.deepEqual([...wanted(rig, one), ...wanted(rig, other)].filter((sought) => !union.has(sought)), [], `${told}, union`);
  await run(rig, one, 'present');
  assert.deepEqual(rig.writes('arm'), [], `${told}, the first once more`);
  await withdraw(rig, one, `${told}, the first is withdrawn`);
  const rest = reach(rig, registry, other);
  assert.deepEqual(wanted(rig, other).filter((sought) => !rest.has(sought)), [], `${told}, the other stays`);
  await run(rig, other, 'present');
  assert.deepEqual(rig.writes('arm'), [], `${told}, the other has lost nothing`);
  await withdraw(rig, other, `${told}, the other is withdrawn`);
  return true;
}

/**
 * Tests that make states from seeds. The same states in every run of the tests.
 * @param first seed of the first state; a failing one is named by its seed and can be judged alone
 */
export function describeRegistryStates(first: number, states: number, pairs: number): void {
  describe(`random start states of registries from seed ${first}`, () => {
    after(takeKeysInTurn);

    it(`converge, with nothing foreign touched and no write the second time, and are taken back as an oracle says: ${states} states`, async function () {
      this.timeout(600_000);
      for (let seed = first; seed < first + states; seed += 1) await judge(seed);
    });

    it(`hold the repositories of two pipelines, each of which takes back its own: ${pairs} states`, async function () {
      this.timeout(600_000);
      let judged = 0;
      for (let seed = first; judged < pairs; seed += 1) judged += (await judgePair(seed)) ? 1 : 0;
    });
  });
}
