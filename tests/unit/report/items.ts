import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { PermissionCheck, Ports } from '../../../tasks/_shared/reconcile/ports.js';
import { Problem, type ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';
import type { AnyProof, Evidence } from '../../../tasks/_shared/reconcile/proof.js';
import { output, show, unknown, value, type Known, type Ref } from '../../../tasks/_shared/reconcile/ref.js';
import { keep, type Change, type Permission, type Resource, type Writer } from '../../../tasks/_shared/reconcile/resource.js';
import type { RunOptions, Watcher } from '../../../tasks/_shared/reconcile/run.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';

interface Inputs {
  readonly text: string;
}

/** What an item is made with. */
export interface ItemOptions {
  readonly kind?: string;
  readonly name?: string;
  readonly cluster?: string;
  readonly widens?: boolean;
  readonly text?: Ref<string>;
  /** What stands in its way. */
  readonly blocked?: ProblemParts;
  readonly awaits?: boolean;
  /** What its write fails with. */
  readonly refused?: ProblemParts;
}

/** One text in a store: enough of a resource to make plans, failures and reports with the real engine. */
export class Item implements Resource<Inputs, { text: string }> {
  readonly kind: string;
  readonly name: string;
  readonly cluster?: string;
  readonly inputs: { readonly text: Ref<string> };
  declare readonly state?: { text: string };

  constructor(
    private readonly store: Map<string, string>,
    readonly key: string,
    private readonly options: ItemOptions = {},
  ) {
    this.kind = options.kind ?? 'thing';
    this.name = options.name ?? key;
    if (options.cluster !== undefined) this.cluster = options.cluster;
    this.inputs = { text: options.text ?? value('wanted') };
  }

  /** Its text, as an input for others. */
  get text(): Ref<string> {
    return output(this, (state) => state.text);
  }

  observe(): Promise<{ text: string } | undefined> {
    const text = this.store.get(this.key);
    return Promise.resolve(text === undefined ? undefined : { text });
  }

  plan(observed: { text: string } | undefined, { text }: Known<Inputs>): Change {
    const { blocked: problem, widens = false, awaits = false } = this.options;
    if (problem !== undefined) return { action: 'blocked', problem, awaits };
    if (observed === undefined) return { action: 'create', reason: 'there is none', widens, fields: [{ field: 'text', after: show(text) }] };
    if (text !== unknown && observed.text === text) return keep('it is as it should be');
    return { action: 'update', reason: 'another text', widens, fields: [{ field: 'text', before: observed.text, after: show(text) }] };
  }

  permissions(): readonly Permission[] {
    return [{ plane: 'azure', action: `Test/${this.kind}/write`, scope: `/${this.cluster ?? 'shared'}` }];
  }

  async apply(change: Change, { text }: Inputs, writer: Writer): Promise<void> {
    await writer.write({ action: change.action, object: `/${this.key}`, after: text, widens: this.options.widens ?? false }, () => {
      if (this.options.refused !== undefined) return Promise.reject(new Problem(this.options.refused));
      this.store.set(this.key, text);
      return Promise.resolve();
    });
  }
}

/** A proof of items that finds the given evidence, or fails with a problem. */
export function proofOf(title: string, proves: readonly Item[], found: Evidence | ProblemParts): AnyProof {
  const [{ cluster } = { cluster: undefined }] = proves;
  return {
    key: `proof of ${title}`,
    title,
    ...(cluster === undefined ? {} : { cluster }),
    proves: proves.map(({ key }) => key),
    inputs: {},
    run: () => ('level' in found ? Promise.resolve(found) : Promise.reject(new Problem(found))),
  };
}

export const silent: Watcher = { planned: () => undefined, checked: () => undefined, applied: () => undefined };
export const everythingAllowed: PermissionCheck = { missing: () => Promise.resolve([]) };
export const options: RunOptions = { dryRun: false, concurrency: 4, failFast: false };

/** Ports without a journal, on a virtual clock. */
export function ports(permissions = everythingAllowed, clock: Clock = new VirtualClock()): Ports {
  return {
    clock,
    permissions,
    checks: [],
    journal: { intend: () => undefined, accept: () => undefined, settle: () => undefined },
    progress: { waiting: () => undefined },
    signal: new AbortController().signal,
  };
}

export const stopped: ProblemParts = {
  code: 'WI2102',
  what: 'cluster aks-2 cannot be changed',
  tried: 'switch the OIDC issuer on',
  because: 'it is stopped',
  remedy: 'start it and run again',
  serviceCode: 'OperationNotAllowed',
  status: 409,
  correlation: '6c1e0000-0000-4000-8000-000000000000',
};
