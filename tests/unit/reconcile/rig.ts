import type { PreflightCheck } from '../../../tasks/_shared/reconcile/check.js';
import type { JournalEntry, Ports } from '../../../tasks/_shared/reconcile/ports.js';
import type { AnyProof } from '../../../tasks/_shared/reconcile/proof.js';
import type { AnyResource, Permission } from '../../../tasks/_shared/reconcile/resource.js';
import { run, type RunOptions, type RunResult, type Watcher } from '../../../tasks/_shared/reconcile/run.js';
import { applyAll, type AppliedChange, type Outcome } from '../../../tasks/_shared/reconcile/apply.js';
import { planAll } from '../../../tasks/_shared/reconcile/plan.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { FakeCloud } from './fake-cloud.js';
import { Thing, type ThingOptions } from './thing.js';

export interface Settled {
  readonly entry: JournalEntry;
  readonly outcome: 'done' | 'failed';
  readonly detail: string | undefined;
}

/** An engine's surroundings for one run: a clock, a fake cloud, a journal and records of all that was asked. */
export class Rig {
  readonly clock: VirtualClock;
  readonly cloud: FakeCloud;
  readonly cancellation = new AbortController();
  readonly intended: JournalEntry[] = [];
  readonly settled: Settled[] = [];
  readonly waits: string[] = [];
  readonly stages: string[] = [];
  readonly asked: (readonly Permission[])[] = [];
  /** Actions that the principal lacks everywhere. */
  readonly lacking = new Set<string>();
  /** What else is looked at before the first write. */
  readonly checks: PreflightCheck[] = [];
  /** Replaces the permission check. */
  check?: (permissions: readonly Permission[]) => Promise<readonly Permission[]>;

  /** @param earlier a run whose cloud and time this one goes on with */
  constructor(earlier?: Rig) {
    this.clock = earlier?.clock ?? new VirtualClock();
    this.cloud = new FakeCloud(this.clock, earlier?.cloud.store);
  }

  thing(key: string, parts?: ConstructorParameters<typeof Thing>[2], options?: ThingOptions): Thing {
    return new Thing(this.cloud, key, parts, options);
  }

  get ports(): Ports {
    const { events } = this.cloud;
    return {
      clock: this.clock,
      signal: this.cancellation.signal,
      progress: { waiting: (subject, text) => this.waits.push(`${subject}: ${text}`) },
      journal: {
        intend: (entry) => {
          events.push(`intend ${entry.resource}`);
          this.intended.push(entry);
        },
        accept: (entry) => {
          events.push(`accept ${entry.resource}`);
        },
        settle: (entry, outcome, detail) => {
          events.push(`settle ${entry.resource} ${outcome}`);
          this.settled.push({ entry, outcome, detail });
        },
      },
      checks: this.checks,
      permissions: {
        missing: (permissions) => {
          events.push('check');
          this.asked.push(permissions);
          if (this.check !== undefined) return this.check(permissions);
          return Promise.resolve(permissions.filter(({ action }) => this.lacking.has(action)));
        },
      },
    };
  }

  run(resources: readonly AnyResource[], proofs: readonly AnyProof[] = [], options: Partial<RunOptions> = {}): Promise<RunResult> {
    const watcher: Watcher = {
      planned: () => this.stages.push('planned'),
      checked: () => this.stages.push('checked'),
      applied: () => this.stages.push('applied'),
    };
    return run(resources, proofs, { dryRun: false, concurrency: 4, failFast: false, ...options }, this.ports, watcher);
  }

  /** Plans and applies without preflight. */
  async apply(
    resources: readonly AnyResource[],
    options: { readonly concurrency?: number; readonly failFast?: boolean; readonly stopped?: ReadonlyMap<string, ProblemParts> } = {},
  ): Promise<readonly AppliedChange[]> {
    const { concurrency = 4, failFast = false, stopped = new Map<string, ProblemParts>() } = options;
    return applyAll(await planAll(resources, concurrency), stopped, { concurrency, failFast }, this.ports);
  }
}

/** What became of each resource, by key. */
export function outcomes(applied: readonly AppliedChange[]): Record<string, Outcome['result']> {
  return Object.fromEntries(applied.map(({ resource, outcome }) => [resource.key, outcome.result]));
}

/** The problem that a resource's outcome carries. */
export function problemAt(applied: readonly AppliedChange[], key: string): ProblemParts {
  const outcome = applied.find(({ resource }) => resource.key === key)?.outcome;
  if (outcome === undefined || 'state' in outcome) throw new Error(`${key} has no problem but ${outcome?.result ?? 'no outcome'}`);
  return outcome.problem;
}

/** The planned actions, by key. */
export function actions(plan: RunResult['plan']): Record<string, string> {
  return Object.fromEntries(plan.map(({ resource, change }) => [resource.key, change.action]));
}
