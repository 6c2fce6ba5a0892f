import { many, some } from './wording.js';

/** What was found out, at one place, about who uses something that is to go away. */
export interface ConsumerReport {
  /** A cluster's name, or `elsewhere`. */
  readonly place: string;
  /** One line for each; names, never values of secrets. */
  readonly consumers: readonly string[];
  /** Why the place could not be looked at, in a clause; absent when it was. */
  readonly unknown?: string;
}

/** The report in one line: `2 consumers: orders/secret/acr: signs in with it; …`. */
export function reportText({ consumers, unknown }: ConsumerReport): string {
  if (unknown !== undefined) return `unknown, since ${unknown}`;
  if (consumers.length === 0) return 'no consumers';
  return `${many(consumers.length, 'consumer')}: ${some(consumers, longest, '; ')}`;
}

/** So many consumers of a place are told in a line; the output variable has all of them. */
const longest = 20;
