import type { FakeEndpoint } from '../../agent/fake-agent.js';

/** One mistake that a user may make, and the one error that it has to get. */
export interface BadInput {
  readonly task: string;
  /** The input that is at fault. */
  readonly input: string;
  /** What is given, in the place of the good inputs of the task; `{files}` becomes the folder of the test's files. */
  readonly given: Readonly<Record<string, string>>;
  readonly code: string;
  /** What the error repeats of it; undefined where it has nothing to repeat, or must not. */
  readonly shown: string | undefined;
  /** What the reason or the remedy says about what is accepted. */
  readonly accepted: RegExp;
  /** How the error begins. Default: `Input <input> `. */
  readonly begins?: string;
  /** The service connection, where that is what is wrong. */
  readonly connection?: FakeEndpoint;
  /** Further service connections, by id. */
  readonly endpoints?: Readonly<Record<string, FakeEndpoint>>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly secretVariables?: readonly string[];
}

type More = Partial<Pick<BadInput, 'given' | 'begins' | 'connection' | 'endpoints' | 'variables' | 'secretVariables'>>;

/** The tasks that plan and write. */
export const planned = ['EnableWorkloadIdentity', 'FederateServiceAccount', 'GrantRegistryRole', 'DeployWithIdentity'];
/** The tasks that work for one workload. */
export const forWorkload = ['FederateServiceAccount', 'GrantRegistryRole', 'DeployWithIdentity'];

/** A line of the table: the task or tasks, the input, its value, and the code, the repeated text and the accepted form of the error. */
export function row(tasks: string | readonly string[], input: string, value: string, code: string, shown: string | undefined, accepted: RegExp, more: More = {}): BadInput[] {
  const names = typeof tasks === 'string' ? [tasks] : tasks;
  return names.map((task) => ({ task, input, code, shown, accepted, ...more, given: { [input]: value, ...more.given } }));
}

/** Characters that nobody sees in a log, by name. */
export const unseen = { zeroWidthSpace: '\u200B', noBreakSpace: '\u00A0', joiner: '\u200D', rightToLeft: '\u202E' };
