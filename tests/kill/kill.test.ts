import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { existsSync, readFileSync } from 'node:fs';
import type { ApprovedChange } from '../../tasks/_shared/reconcile/approval.js';
import { postJob } from '../../tasks/_shared/agent/post-job.js';
import type { LedgerLine } from '../../tasks/_shared/report/ledger.js';
import { takeKeysInTurn } from '../simulators/kernel/rsa-keys.js';
import { snapshot } from '../simulators/world/snapshot.js';
import type { World } from '../simulators/world/world.js';
import { FakeAgent } from '../unit/agent/fake-agent.js';
import { contosoSteps, contosoWorld, type RingName, type Step } from './contoso-world.js';
import { Lifeline, type Death, type RequestName } from './lifeline.js';

/** How a run of some steps ended, and what it wrote. */
interface Run {
  readonly end: 'succeeded' | 'failed' | 'killed';
  readonly writes: readonly RequestName[];
  /** The tasks of the steps that wrote. */
  readonly writers: ReadonlySet<string>;
  /** The task that was killed, or failed. */
  readonly last: string | undefined;
  /** Everything that the steps' logs say. */
  readonly log: readonly string[];
  /** The ledger that the post-job step of a killed task attached. */
  readonly ledger: readonly LedgerLine[];
}

const moments = ['before', 'after'] as const;
const told = { before: 'before the service sees it', after: 'after the service has taken it' };

/** What the plan stage showed of each step, by task; approved, and kept for every run after it. */
type Plans = ReadonlyMap<string, readonly ApprovedChange[]>;

async function planSteps(world: World, steps: readonly Step[]): Promise<Plans> {
  const plans = new Map<string, readonly ApprovedChange[]>();
  for (const step of steps) {
    const agent = new FakeAgent(step.task);
    plans.set(step.task, await step.plan({ world, lifeline: new Lifeline(world.network), agent }));
    agent.dispose();
  }
  return plans;
}

/** Runs steps one after another within the plans, each as a process of its own, until one fails or the run dies. */
async function runSteps(world: World, steps: readonly Step[], plans: Plans, death?: Death): Promise<Run> {
  const lifeline = new Lifeline(world.network, death);
  const log: string[] = [];
  let ledger: LedgerLine[] = [];
  let end: Run['end'] = 'succeeded';
  const writers = new Set<string>();
  let last: string | undefined;
  for (const step of steps) {
    const agent = new FakeAgent(step.task);
    const before = lifeline.writes.length;
    last = step.task;
    try {
      end = await Promise.race([step.start({ world, lifeline, agent }, plans.get(step.task) ?? []), lifeline.cut]);
      log.push(...agent.log, ...agent.debugLog, ...agent.errors);
      if (lifeline.writes.length > before) writers.add(step.task);
      if (end === 'killed') ledger = afterKill(agent);
    } finally {
      agent.dispose();
    }
    if (end !== 'succeeded') break;
  }
  return { end, writes: lifeline.writes, writers, last, log, ledger };
}

async function planAndRun(world: World, steps: readonly Step[]): Promise<Run> {
  return runSteps(world, steps, await planSteps(world, steps));
}

/** Runs the post-job step where a task was killed: its ledger. */
function afterKill(agent: FakeAgent): LedgerLine[] {
  const lines: string[] = [];
  const environment = { AGENT_TEMPDIRECTORY: agent.tempDirectory, VSTS_TASKVARIABLE_AKS_WORKLOAD_IDENTITY_RUN: basename(agent.runFolder) };
  postJob(agent.task, { environment, print: (line) => void lines.push(line) });
  assert.ok(!existsSync(agent.runFolder), 'the killed run’s folder is still there');
  const path = lines.map((line) => /^##vso\[task\.addattachment .*\](.+)$/.exec(line)?.[1]).find((found) => found !== undefined);
  assert.ok(path !== undefined, lines.join('\n'));
  return readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as LedgerLine);
}

/** True when a ledger's line is about the request. */
function isAbout({ object, cluster }: LedgerLine, { line }: RequestName): boolean {
  if (object.startsWith('/subscriptions/')) return line.toLowerCase().endsWith(object.toLowerCase());
  if (!line.includes(`kubernetes.${cluster ?? ''}.sim/`)) return false;
  return object.startsWith('helm release ') ? /\/(secrets|services|deployments)(\/|$)/.test(line) : line.endsWith(object);
}

/** Requests by service: what one service is asked comes in one order, while two services have no order between them. */
function byService(writes: readonly RequestName[]): Record<string, string[]> {
  const services: Record<string, string[]> = {};
  for (const { line, before } of writes) (services[/^\w+ ([^/]+)/.exec(line)?.[1] ?? ''] ??= []).push(`${line} ${before}`);
  return services;
}

/** A world in which the kill happens, and what is run in it. */
interface Scene {
  readonly world: () => Promise<World>;
  readonly steps: readonly Step[];
}

/** Kills a run at each of its writes; after each kill, a second run of the same approved plan has to end as an undisturbed one, and a third one must not write. */
async function killAtEveryWrite({ world: fresh, steps }: Scene, when: Death['when']): Promise<number> {
  const undisturbed = await fresh();
  const plans = await planSteps(undisturbed, steps);
  const reference = await runSteps(undisturbed, steps, plans);
  assert.equal(reference.end, 'succeeded', reference.log.join('\n'));
  const wanted = snapshot(undisturbed);
  for (const at of reference.writes) {
    const about = `killed ${told[when]}: ${at.line}`;
    const world = await fresh();
    const killed = await runSteps(world, steps, plans, { at, when });
    assert.equal(killed.end, 'killed', `${about}: the run never came there`);
    assert.ok(killed.ledger.some((line) => line.outcome === 'unknown' && isAbout(line, at)), `${about}: not under way in the ledger ${JSON.stringify(killed.ledger)}`);
    assert.ok(killed.log.some((line) => line.startsWith('  write    ')), `${about}: no intent in the log`);
    const again = await runSteps(world, steps, plans);
    assert.equal(again.end, 'succeeded', `${about}\n${again.log.join('\n')}`);
    assert.deepEqual(snapshot(world), wanted, about);
    // The steps before the killed one were through already; their second run is their proof, and a third one would tell no more.
    const done = steps.slice(0, steps.findIndex(({ task }) => task === killed.last));
    assert.deepEqual(done.filter(({ task }) => again.writers.has(task)), [], about);
    const third = await runSteps(world, steps.slice(done.length), plans);
    assert.deepEqual([third.end, third.writes], ['succeeded', []], about);
  }
  return reference.writes.length;
}

describe('killed at every write of the contoso run, and run again', function () {
  this.timeout(180_000);
  after(() => takeKeysInTurn());

  const rings: [ring: RingName, atLeast: number][] = [['nonprod', 22], ['prod', 9]];
  for (const [ring, atLeast] of rings) {
    for (const when of moments) {
      it(`${ring}: ends as an undisturbed run, killed ${told[when]}`, async () => {
        const killed = await killAtEveryWrite({ world: contosoWorld, steps: contosoSteps(ring) }, when);
        assert.ok(killed >= atLeast, `only ${killed} writes`);
      });
    }
  }

  for (const when of moments) {
    it(`the leaving of registry credentials as well, killed ${told[when]}`, async () => {
      const deployed = async (): Promise<World> => {
        const world = await contosoWorld();
        assert.equal((await planAndRun(world, contosoSteps('prod'))).end, 'succeeded');
        return world;
      };
      const [, , , leave] = contosoSteps('prod', 'replicaCount: 3', { removeCredentials: 'env:ORDERS_VAULT_SECRET' });
      assert.equal(await killAtEveryWrite({ world: deployed, steps: [leave] }, when), 10);
    });

    it(`an upgrade of the release as well, killed ${told[when]}`, async () => {
      const deployed = async (): Promise<World> => {
        const world = await contosoWorld();
        assert.equal((await planAndRun(world, contosoSteps('prod'))).end, 'succeeded');
        return world;
      };
      const [, , , upgrade] = contosoSteps('prod', 'replicaCount: 3');
      assert.equal(await killAtEveryWrite({ world: deployed, steps: [upgrade] }, when), 5);
    });
  }

  it('makes the same writes in the same order each time', async () => {
    const runs: Run[] = [];
    for (const ring of ['nonprod', 'prod', 'nonprod', 'prod'] as const) runs.push(await planAndRun(await contosoWorld(), contosoSteps(ring)));
    const [nonprod, prod, ...others] = runs.map(({ writes }) => byService(writes));
    assert.deepEqual(others, [nonprod, prod]);
  });

  it('waits for a helm that outlives its task, and finds nothing left to do', async () => {
    const world = await contosoWorld();
    const steps = contosoSteps('prod');
    const [deploy] = steps.splice(3);
    assert.ok(deploy !== undefined);
    assert.equal((await planAndRun(world, steps)).end, 'succeeded');
    const plans = await planSteps(world, [deploy]);
    const lifeline = new Lifeline(world.network);
    const helm = new Lifeline(world.network);
    world.network.faults.plant({ method: 'POST', path: /\/secrets$/, times: 1, then: () => lifeline.kill() });
    const agent = new FakeAgent(deploy.task);
    assert.equal(await Promise.race([deploy.start({ world, lifeline, agent, helm }, plans.get(deploy.task) ?? []), lifeline.cut]), 'killed');
    assert.deepEqual(afterKill(agent).map(({ object, outcome }) => [object, outcome]), [['helm release orders/orders-api', 'unknown']]);
    agent.dispose();
    // Its helm goes on once the second run has looked twice: in its plan, and before its write.
    let looks = 0;
    let goOn: () => void = () => undefined;
    world.network.faults.plant({ method: 'PATCH', path: /services/, then: () => new Promise((resolve) => (goOn = resolve)) });
    world.network.faults.plant({ method: 'GET', path: /\/secrets\?/, then: () => {
      looks += 1;
      if (looks === 2) goOn();
    } });
    const again = await runSteps(world, [deploy], plans);
    assert.deepEqual([again.end, again.writes], ['succeeded', []], again.log.join('\n'));
    assert.ok(again.log.some((line) => line.includes('revision 1 is pending-install: waiting for its helm')), again.log.join('\n'));
    assert.equal(helm.writes.length, 4);
  });
});
