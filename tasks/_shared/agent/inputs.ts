import { readFileSync, statSync } from 'node:fs';
import platform from 'node:path';
import { parseClusters, type ClusterEntry } from '../fleet/clusters.js';
import { Problem, toProblem } from '../reconcile/problem.js';
import type { Agent } from './agent.js';
import { placesOf } from './list-files.js';

/** Bounds of a whole number, both included. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly fallback: number;
}

/** What was found under a name: `faulty` is noted already, its text is empty. */
interface Taken {
  readonly state: 'given' | 'empty' | 'faulty';
  readonly text: string;
}

/** Stands in for the subscription when the connection itself is at fault, so that one mistake is not reported twice. */
export const anySubscription = '00000000-0000-0000-0000-000000000000';

/**
 * Reads the inputs of a task. A mistake never throws at once: it is noted, a harmless value is returned in its place, and
 * {@link InputReader.finish} reports all of them together. Nothing may be done with what was read before `finish` returned.
 */
export class InputReader {
  readonly #names = new Set<string>();
  readonly #mistakes: Problem[] = [];

  constructor(private readonly agent: Agent) {}

  /** Every input that was asked for. */
  get names(): readonly string[] {
    return [...this.#names];
  }

  /** Text that has to be there. */
  text(name: string): string {
    const taken = this.#take(name);
    if (taken.state === 'empty') this.#missing(name);
    return taken.text;
  }

  optionalText(name: string): string | undefined {
    const taken = this.#take(name);
    return taken.state === 'given' ? taken.text : undefined;
  }

  /** Text as it is: `$(name)` in it may be meant for somebody else, e.g. for Kubernetes in a container's arguments. */
  verbatim(name: string): string | undefined {
    this.#names.add(name);
    return this.agent.input(name);
  }

  /** Text of a certain form, e.g. a Kubernetes name. */
  matching(name: string, pattern: RegExp, form: string): string {
    const text = this.text(name);
    if (text !== '' && !pattern.test(text)) this.refuse(name, text, form);
    return text;
  }

  /** One of several words, without regard to case. Without a fallback it is required. */
  choice<const T extends string>(name: string, choices: readonly [T, ...T[]], fallback?: T): T {
    const { state, text } = this.#take(name);
    if (state === 'empty' && fallback === undefined) this.#missing(name);
    const harmless = fallback ?? choices[0];
    if (state !== 'given') return harmless;
    const found = choices.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
    if (found === undefined) this.#note('WI1003', `Input ${name} is "${text}"`, 'it is not among the choices', `give ${choices.join(' or ')}`);
    return found ?? harmless;
  }

  boolean(name: string, fallback = false): boolean {
    return this.choice(name, ['true', 'false'], fallback ? 'true' : 'false') === 'true';
  }

  integer(name: string, { min, max, fallback }: Bounds): number {
    const { state, text } = this.#take(name);
    if (state !== 'given') return fallback;
    const number = Number(text);
    if (/^[+-]?\d+$/.test(text) && number >= min && number <= max) return number;
    this.#note('WI1002', `Input ${name} is "${text}"`, 'it is not a whole number within its bounds', `give a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** A point in time as ISO 8601, e.g. `2026-01-05T08:00:00.000Z`; undefined when the input is empty. */
  time(name: string): Date | undefined {
    const { state, text } = this.#take(name);
    if (state !== 'given') return undefined;
    const time = new Date(text);
    if (/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(text) && !Number.isNaN(time.getTime())) return time;
    this.refuse(name, text, 'a time in UTC such as 2026-01-05T08:00:00Z');
    return undefined;
  }

  /** A path in full: one that is not absolute is meant from the sources. */
  pathOf(path: string): string {
    return platform.isAbsolute(path) ? path : platform.resolve(this.#roots()[0] ?? '.', path);
  }

  /** The text of a file that an input names; a mistake of this code is noted when there is none. */
  fileAt(name: string, path: string, code: string, form: string, given = path): string | undefined {
    const text = this.#readFile(path);
    if (text === undefined) this.#note(code, `Input ${name} is "${given}"`, 'there is no such file', form);
    return text;
  }

  /** A list separated by commas or lines, or `@path` of a file with such a list; empty when the input is. */
  lines(name: string): readonly string[] {
    const { text } = this.#takeList(name);
    return text.split(/[,\r\n]+/).map((entry) => entry.trim()).filter((entry) => entry !== '');
  }

  /**
   * The cluster list.
   * @param subscriptionId completes `resourceGroup/name`; {@link anySubscription} when the connection that would say so is at fault itself.
   */
  clusters(name: string, subscriptionId: string | undefined): readonly ClusterEntry[] {
    const { state, text } = this.#takeList(name);
    if (state === 'empty') this.#missing(name);
    if (state !== 'given') return [];
    const { clusters, mistakes } = parseClusters(text, subscriptionId);
    for (const { given, because } of mistakes) {
      this.#note('WI1004', `Input ${name} has "${given}"`, because, 'correct or remove this entry');
    }
    return clusters;
  }

  /** A secret. It is masked before anything else, never part of a message, and lives in the returned closure only. */
  secret(name: string): () => string {
    this.#names.add(name);
    const given = this.agent.input(name) ?? '';
    this.agent.secret(given);
    const variable = unexpanded(given);
    if (given === '') this.#missing(name);
    if (variable !== undefined) this.#noteUnexpanded(name, variable);
    return () => given;
  }

  /** Notes that a value has not the form that it should. */
  refuse(name: string, given: string, form: string): void {
    this.#note('WI1007', `Input ${name} is ${given === '' ? 'empty' : `"${given}"`}`, 'it does not have the form that the task accepts', `give ${form}`);
  }

  /** Notes a mistake that no reader method knows, such as two inputs that exclude each other. The same mistake counts once. */
  note(problem: Problem): void {
    if (!this.#mistakes.some(({ message }) => message === problem.message)) this.#mistakes.push(problem);
  }

  /**
   * Does something that depends on inputs only; a failure is noted like a mistake of an input.
   * @returns undefined when it failed; {@link InputReader.finish} then throws.
   */
  attempt<T>(job: () => T): T | undefined {
    try {
      return job();
    } catch (error) {
      this.note(toProblem(error));
      return undefined;
    }
  }

  /** @throws Problem WI1000 whose details are all mistakes, when there are any. */
  finish(): void {
    const [first] = this.#mistakes;
    if (first === undefined) return;
    const count = this.#mistakes.length;
    throw new Problem({
      code: 'WI1000',
      what: `${count === 1 ? 'One input' : `${count} inputs`} of ${this.agent.task} cannot be used`,
      because: count === 1 ? lowerFirst(`${first.parts.what}: ${first.parts.because}`) : 'each has a mistake of its own, listed below',
      remedy: 'correct what is listed and run again; nothing was sent to Azure or to a cluster',
      details: [...this.#mistakes],
    });
  }

  #take(name: string): Taken {
    this.#names.add(name);
    const text = this.agent.input(name)?.trim() ?? '';
    if (text === '') return { state: 'empty', text };
    const variable = unexpanded(text);
    if (variable === undefined) return { state: 'given', text };
    this.#noteUnexpanded(name, variable);
    return { state: 'faulty', text: '' };
  }

  #takeList(name: string): Taken {
    const taken = this.#take(name);
    if (!taken.text.startsWith('@')) return taken;
    const form = 'give @ and a path that is absolute or relative to the sources; files of an earlier job are gone unless they are published';
    const text = this.fileAt(name, taken.text.slice(1).trim(), 'WI1006', form, taken.text);
    if (text === undefined) return { state: 'faulty', text: '' };
    return { state: text === '' ? 'empty' : 'given', text };
  }

  #roots(): string[] {
    return ['System.DefaultWorkingDirectory', 'Build.SourcesDirectory'].flatMap((name) => this.agent.variable(name) ?? []);
  }

  #readFile(path: string): string | undefined {
    const found = placesOf(path, this.#roots(), platform).find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile() === true);
    return found === undefined ? undefined : readFileSync(found, 'utf8').replace(/^\uFEFF/, '').trim();
  }

  #missing(name: string): void {
    const remedy = 'give it a value; the value of a variable group expands to nothing in ${{ }}, write $(name) instead';
    this.#note('WI1001', `Input ${name} is empty`, 'it is required', remedy);
  }

  #noteUnexpanded(name: string, variable: string): void {
    const remedy = `link the variable group that defines ${variable}, or correct the name`;
    this.#note('WI1005', `Input ${name} contains $(${variable})`, `no variable ${variable} has a value in this job`, remedy);
  }

  #note(code: string, what: string, because: string, remedy: string): void {
    this.note(new Problem({ code, what, because, remedy }));
  }
}

/** The name of the first variable that the agent left as it was written; undefined when there is none. */
export function unexpanded(text: string): string | undefined {
  return /\$\(([A-Za-z_][\w.-]*)\)/.exec(text)?.[1];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
