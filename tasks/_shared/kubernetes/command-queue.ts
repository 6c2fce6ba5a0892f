import { randomBytes } from 'node:crypto';
import type { Clock } from '../reconcile/clock.js';
import { Problem } from '../reconcile/problem.js';
import { resultsIn, scriptOf, type CallFile, type InnerCall, type InnerResult } from './command-script.js';

/** Runs a command in a cluster and waits for its end. @param context base64 of a zip @param deadlineMs how long it may take; absent: as usual */
export type RunInCluster = (command: string, context: string, deadlineMs?: number) => Promise<{ readonly exitCode: number; readonly logs: string }>;

/** What a queue works with. */
export interface QueueTools {
  /** What messages call the cluster. */
  readonly label: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly run: RunInCluster;
  /** The longest context that is sent, in characters of base64; absent: {@link contextLimit}. */
  readonly contextLimit?: number;
}

/** One call, and whoever waits for it. */
interface Asked {
  readonly call: InnerCall;
  readonly tried: string;
  /** Absent for calls that go with others. */
  readonly alone?: { readonly deadlineMs: number };
  readonly done: (result: InnerResult) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * What is sent with a command, at most. AKS publishes no limit for the zip; ARM takes bodies of some megabytes. Characters of base64.
 * @see QueueTools.contextLimit
 */
export const contextLimit = 1_048_576;
/** What is asked for within this time goes in one command: starting its pod takes 10 to 30 s. Milliseconds. */
const gatherMs = 100;
/** A pod of a command has half a core at most. Source: AKS docs, access-private-cluster. */
const callsAtATime = 40;
const longestWords = 500;

/** Code of the Problem of a call whose output came back cut, although it was asked for alone. */
export const cameBackCut = 'WI4506';

/** Puts calls that are made at about the same time into one command of the cluster, and runs one command at a time. */
export class CommandQueue {
  #waiting: Asked[] = [];
  #busy = false;

  constructor(private readonly tools: QueueTools) {}

  /**
   * Runs a call together with others. It may be run twice.
   * @param tried what it is for, in an infinitive
   * @throws Problem WI4505 when the command failed as a whole, WI4506 when its output does not come back whole, WI4507 when it is too large.
   */
  ask(call: InnerCall, tried: string): Promise<InnerResult> {
    return this.#enqueue(call, tried);
  }

  /** Runs a call in a command of its own, once. @param deadlineMs for the whole command */
  runAlone(call: InnerCall, tried: string, deadlineMs: number): Promise<InnerResult> {
    return this.#enqueue(call, tried, { deadlineMs });
  }

  #enqueue(call: InnerCall, tried: string, alone?: { readonly deadlineMs: number }): Promise<InnerResult> {
    return new Promise((done, failed) => {
      this.#waiting.push({ call, tried, done, failed, ...(alone === undefined ? {} : { alone }) });
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      do {
        // Whoever fails to wait here was cancelled, and so is everything that is asked.
        await this.tools.clock.sleep(gatherMs, this.tools.signal).catch(() => undefined);
        await this.#run(this.#next());
      } while (this.#waiting.length > 0);
    } finally {
      this.#busy = false;
    }
  }

  #next(): Asked[] {
    const [first] = this.#waiting;
    if (first === undefined) return [];
    const together = first.alone === undefined ? this.#waiting.filter(({ alone }) => alone === undefined).slice(0, callsAtATime) : [first];
    this.#waiting = this.#waiting.filter((asked) => !together.includes(asked));
    return together;
  }

  async #run(batch: readonly Asked[]): Promise<void> {
    try {
      const results = await this.#send(batch.map(({ call }) => call), batch[0]?.alone?.deadlineMs);
      const cut = batch.filter((_asked, index) => results[index] === undefined);
      for (const [index, result] of results.entries()) if (result !== undefined) batch[index]?.done(result);
      await this.#again(cut, batch.length);
    } catch (error) {
      for (const { failed } of batch) failed(error);
    }
  }

  /** What was cut is asked for in smaller pieces: alone what alone can come back whole, else by halves. */
  async #again(cut: readonly Asked[], of: number): Promise<void> {
    const [first] = cut;
    if (first === undefined) return;
    if (of === 1) {
      first.failed(this.#cut(first.tried));
      return;
    }
    const half = Math.ceil(cut.length / 2);
    await this.#run(cut.slice(0, half));
    if (half < cut.length) await this.#run(cut.slice(half));
  }

  async #send(calls: readonly InnerCall[], deadlineMs: number | undefined): Promise<(InnerResult | undefined)[]> {
    this.tools.signal.throwIfAborted();
    const mark = `aks-wi-${randomBytes(12).toString('hex')}`;
    const { command, files } = scriptOf(calls, mark);
    const context = await zipped(files);
    const limit = this.tools.contextLimit ?? contextLimit;
    if (context.length > limit) throw this.#tooLarge(context.length, limit);
    const { exitCode, logs } = await this.tools.run(command, context, deadlineMs);
    if (exitCode !== 0) throw this.#failed(exitCode, logs, mark);
    return resultsIn(logs, mark, calls.length);
  }

  #tooLarge(length: number, limit: number): Problem {
    return new Problem({
      code: 'WI4507',
      what: `What was to be sent into cluster ${this.tools.label} is too large for a run command`,
      because: `it has ${length} characters, packed, and ${limit} go at most`,
      remedy: 'make the chart smaller, split it, or run the pipeline on an agent in the cluster’s network (connection: direct)',
    });
  }

  #cut(tried: string): Problem {
    return new Problem({
      code: cameBackCut,
      what: `What a command printed in cluster ${this.tools.label} came back cut`,
      tried,
      because: 'AKS gives back 512 kB at most, and even packed and asked for alone it has more',
      remedy: 'run the pipeline on an agent in the cluster’s network (connection: direct)',
      ended: true,
    });
  }

  /** The last words before its first result: what comes later is output of kubectl. */
  #failed(exitCode: number, logs: string, mark: string): Problem {
    const words = (logs.split(mark)[0] ?? '').trim().slice(-longestWords);
    return new Problem({
      code: 'WI4505',
      what: `A command in cluster ${this.tools.label} failed`,
      tried: 'run kubectl in the pod that AKS makes for it',
      because: `it ended with exit code ${exitCode}, although its state is Succeeded${words === '' ? '' : `: ${words}`}`,
      remedy: 'read what it says; look at the events of namespace aks-command when it says nothing, and run again',
      ended: true,
    });
  }
}

/** Base64 of a zip. The same files make the same zip. */
async function zipped(files: readonly CallFile[]): Promise<string> {
  const { JsZip } = await import('./zip-sdk.js');
  const zip = new JsZip();
  for (const { path, content } of files) zip.file(path, content, { date: new Date('2000-01-01T00:00:00Z'), createFolders: false });
  return zip.generateAsync({ type: 'base64', compression: 'DEFLATE' });
}
