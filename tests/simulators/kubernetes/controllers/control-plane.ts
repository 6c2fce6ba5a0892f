import type { ControlContext } from './control-context.js';
import { Deployments } from './deployments.js';
import { CloudProvider, collectGarbage, Namespaces, runDefinitions } from './housekeeping.js';
import { runDaemonSets, runJobs, runReplicaSets, runStatefulSets } from './pod-sets.js';
import { PodLifecycle } from './pods.js';
import { runWebhookAddOn } from './webhook-add-on.js';

/** Runs all controllers until nothing changes any more. It is called on each request and by open watches; it has no timers. */
export class ControlPlane {
  readonly #steps: readonly (() => void)[];
  #settled = '';

  constructor(private readonly context: ControlContext) {
    const namespaces = new Namespaces(context);
    const deployments = new Deployments(context);
    const pods = new PodLifecycle(context);
    const cloud = new CloudProvider(context);
    this.#steps = [
      () => runDefinitions(context),
      () => namespaces.run(),
      () => runWebhookAddOn(context),
      () => deployments.run(),
      () => runReplicaSets(context),
      () => runStatefulSets(context),
      () => runDaemonSets(context),
      () => runJobs(context),
      () => pods.run(),
      () => cloud.run(),
      () => collectGarbage(context),
    ];
  }

  /** The clock's time of the next transition that is already known; undefined when everything has settled. */
  get next(): number | undefined {
    return this.context.next;
  }

  run(): void {
    const { context } = this;
    const state = (): string => `${context.store.version} ${JSON.stringify(context.webhook())} ${context.images.length} ${context.refusals.length} ${context.ended}`;
    const due = context.next !== undefined && context.clock.monotonic() >= context.next;
    if (this.#settled === state() && !due) return;
    for (let round = 0; round < 100; round += 1) {
      const before = context.store.version;
      context.startPass();
      for (const step of this.#steps) step();
      if (context.store.version === before) break;
    }
    this.#settled = state();
  }
}
