import { ledgerType } from '../../tasks/_shared/report/schema.js';
import { contosoSteps, contosoWorld, type RingName } from '../../tests/kill/contoso-world.js';
import { Lifeline } from '../../tests/kill/lifeline.js';
import { Network } from '../../tests/simulators/kernel/network.js';
import type { Service } from '../../tests/simulators/kernel/service.js';
import type { VirtualClock } from '../../tests/simulators/kernel/virtual-clock.js';
import type { World } from '../../tests/simulators/world/world.js';
import { FakeAgent } from '../../tests/unit/agent/fake-agent.js';

/** A network on which services of others can be put at the addresses that they really have. */
export class WideNetwork extends Network {
  serve(origin: string, service: Service): void {
    this.register(origin, service);
  }
}

/** The contoso fleet after the first runs of its pipeline. */
export interface RunFleet {
  readonly world: World;
  readonly network: WideNetwork;
  readonly clock: VirtualClock;
  /** What the runs attached as their ledgers, by the name of the file. */
  readonly ledgers: ReadonlyMap<string, string>;
}

/** Makes the contoso world and runs the four writing tasks in both rings, each as planned and approved just before. */
export async function runFleet(): Promise<RunFleet> {
  let made: { readonly network: WideNetwork; readonly clock: VirtualClock } | undefined;
  const world = await contosoWorld((clock) => {
    made = { network: new WideNetwork(clock), clock };
    return made.network;
  });
  if (made === undefined) throw new Error('the world asked for no network');
  const ledgers = new Map<string, string>();
  for (const ring of ['nonprod', 'prod'] as const) {
    for (const [task, ledger] of await runRing(world, ring)) ledgers.set(`${ring}-${task}.jsonl`, ledger);
  }
  return { world, ...made, ledgers };
}

/** Runs the steps of a ring. Returns the ledger of each task that wrote. */
async function runRing(world: World, ring: RingName): Promise<[task: string, ledger: string][]> {
  const ledgers: [string, string][] = [];
  for (const step of contosoSteps(ring)) {
    const [planner, applier] = [new FakeAgent(step.task), new FakeAgent(step.task)];
    try {
      const approved = await step.plan({ world, lifeline: new Lifeline(world.network), agent: planner });
      const end = await step.start({ world, lifeline: new Lifeline(world.network), agent: applier }, approved);
      if (end !== 'succeeded') throw new Error(`${step.task} in ${ring} ended as ${end}: ${applier.errors.join('\n')}`);
      ledgers.push(...applier.attachments.filter(({ type }) => type === ledgerType).map(({ content }): [string, string] => [step.task, content]));
    } finally {
      planner.dispose();
      applier.dispose();
    }
  }
  return ledgers;
}
