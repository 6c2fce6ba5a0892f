import { existsSync } from 'node:fs';
import platform from 'node:path';
import { parseClusters, type ClusterEntry } from '../fleet/clusters.js';
import { shown, unseenIn } from '../fleet/shown.js';
import { lowerFirst } from '../fleet/wording.js';
import { Problem, toProblem } from '../reconcile/problem.js';
import type { Agent } from './agent.js';
import { noSuchFile, readTextFile, type PathFlaw } from './input-files.js';
import { entriesIn, flawOf, unexpanded } from './input-text.js';

export { unexpanded } from './input-text.js';
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
  readonly #faulty = new Set<string>();
  readonly #mistakes: Problem[] = [];

  constructor(private readonly agent: Agent) {}

  /** Every input that was asked for. */
  get names(): readonly string[] {
    return [...this.#names];
  }

  /** Whether no mistake of these inputs was noted so far: what follows from a faulty input is not a mistake of its own. */
  sound(...names: readonly string[]): boolean {
    return !names.some((name) => this.#faulty.has(name));
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
    if (found === undefined) this.#note('WI1003', name, `is "${shown(text)}"`, 'it is not among the choices', `give ${choices.join(' or ')}`);
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
    this.#note('WI1002', name, `is "${shown(text)}"`, 'it is not a whole number within its bounds', `give a whole number from ${min} to ${max}`);
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
    return platform.resolve(placesOf(path, this.#roots(), platform)[0] ?? path);
  }

  /**
   * The text of the file that an input names; undefined when it cannot be read, which is noted.
   * @param absent code and remedy for a file that is not there
   * @param given the input as it was written
   */
  file(name: string, path: string, absent: { readonly code: string; readonly remedy: string }, given = path): string | undefined {
    const read = readTextFile(this.located(path));
    if ('text' in read) return read.text.trim();
    if (read.flaw.because === noSuchFile) this.#note(absent.code, name, `is "${shown(given)}"`, noSuchFile, absent.remedy);
    else this.unusable(name, given, read.flaw);
    return undefined;
  }

  /** A list separated by commas or lines, or as `split` says, or `@path` of a file with such a list; empty when the input is. */
  lines(name: string, split = entriesIn): readonly string[] {
    return split(this.#takeList(name).text);
  }

  /** Names separated by commas or lines, or `@path` of a file with such a list. Each has a certain form and is there once, case aside. */
  namesIn(name: string, pattern: RegExp, form: string): readonly string[] {
    return this.checkedNames(name, this.lines(name), pattern, form);
  }

  /**
   * Checks names of a list.
   * @param of the cluster that sets them in its entry; absent for the input itself.
   */
  checkedNames(name: string, given: readonly string[], pattern: RegExp, form: string, of?: string): readonly string[] {
    const seen = new Set<string>();
    for (const entry of given) {
      if (!pattern.test(entry)) this.refuse(name, entry, form, of);
      else if (seen.has(entry.toLowerCase())) this.#note('WI1061', name, `has "${shown(entry)}"`, 'it is listed twice', 'remove one of the two', of);
      seen.add(entry.toLowerCase());
    }
    return given;
  }

  /** The text of each file of a list of paths, by path; each has to be there. */
  files(name: string): ReadonlyMap<string, string> {
    const texts = new Map<string, string>();
    for (const path of this.lines(name)) {
      const read = readTextFile(this.located(path));
      if ('flaw' in read) this.unusable(name, path, read.flaw);
      else texts.set(path, read.text);
    }
    return texts;
  }

  /** Notes that a file or folder cannot be used. */
  unusable(name: string, path: string, { because, remedy }: PathFlaw): void {
    this.#note('WI1062', name, `names "${shown(path)}"`, because, remedy);
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
      this.#note('WI1004', name, `has "${shown(given)}"`, because, 'correct or remove this entry');
    }
    return clusters;
  }

  /** A secret. It is masked before anything else, with what `parts` finds in it, never part of a message, and lives in the returned closure only. */
  secret(name: string, parts: (text: string) => readonly string[] = () => []): () => string {
    this.#names.add(name);
    const given = this.agent.input(name) ?? '';
    for (const text of [given, ...parts(given)]) this.agent.secret(text);
    const variable = unexpanded(given);
    if (given === '') this.#missing(name);
    if (variable !== undefined) this.#noteUnexpanded(name, variable);
    return () => given;
  }

  /**
   * Notes that a value has not the form that it should.
   * @param of the cluster that sets the value in its entry; absent for the input itself.
   */
  refuse(name: string, given: string, form: string, of?: string): void {
    this.unfit(name, given === '' ? 'is empty' : `is "${shown(given)}"`, flawOf(given), `give ${form}`, of);
  }

  /** The same for a value that is not to be repeated. */
  unfit(name: string, what: string, because: string, remedy: string, of?: string): void {
    this.#note('WI1007', name, what, because, remedy, of);
  }

  /** Notes that inputs do not go together, each alone being right. */
  contradiction(name: string, what: string, because: string, remedy: string): void {
    this.#note('WI1060', name, what, because, remedy);
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
    const taken = this.#takeText(name);
    const found = unseenIn(taken.text);
    if (found === undefined) return taken;
    const remedy = 'type the value anew: such characters come along when a value is copied from a page or a chat';
    this.#note('WI1063', name, `is "${shown(taken.text)}"`, `character ${found.place} is ${found.character}, which is not to be seen`, remedy);
    return { state: 'faulty', text: '' };
  }

  #takeText(name: string): Taken {
    this.#names.add(name);
    const text = this.agent.input(name)?.trim() ?? '';
    if (text === '') return { state: 'empty', text };
    const variable = unexpanded(text);
    if (variable === undefined) return { state: 'given', text };
    this.#noteUnexpanded(name, variable);
    return { state: 'faulty', text: '' };
  }

  #takeList(name: string): Taken {
    const taken = this.#takeText(name);
    if (!taken.text.startsWith('@')) return taken;
    const remedy = 'give @ and a path that is absolute or relative to the sources; files of an earlier job are gone unless they are published';
    const text = this.file(name, taken.text.slice(1).trim(), { code: 'WI1006', remedy }, taken.text);
    if (text !== undefined && text !== '') return { state: 'given', text };
    if (text === '') this.#note('WI1062', name, `is "${shown(taken.text)}"`, 'the file is empty', 'write the list to the file, or leave the input empty');
    return { state: 'faulty', text: '' };
  }

  #roots(): string[] {
    return ['System.DefaultWorkingDirectory', 'Build.SourcesDirectory'].flatMap((name) => this.agent.variable(name) ?? []);
  }

  /** Where a file is that an input names; the path as it was given when it is in none of the folders of the sources. */
  located(path: string): string {
    return placesOf(path, this.#roots(), platform).find((candidate) => existsSync(candidate)) ?? path;
  }

  #missing(name: string): void {
    const remedy = 'give it a value; the value of a variable group expands to nothing in ${{ }}, write $(name) instead';
    this.#note('WI1001', name, 'is empty', 'it is required', remedy);
  }

  #noteUnexpanded(name: string, variable: string): void {
    const remedy = `link the variable group that defines ${variable}, or correct the name`;
    this.#note('WI1005', name, `contains $(${variable})`, `no variable ${variable} has a value in this job`, remedy);
  }

  #note(code: string, name: string, what: string, because: string, remedy: string, of?: string): void {
    this.#faulty.add(name);
    const subject = of === undefined ? `Input ${name}` : `Input ${name}, as the list sets it for ${of},`;
    this.note(new Problem({ code, what: `${subject} ${what}`, because, remedy }));
  }
}

