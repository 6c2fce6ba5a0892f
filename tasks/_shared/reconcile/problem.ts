/** The parts of a {@link Problem}. Each is a sentence or a clause that stands on its own, without a final full stop. */
export interface ProblemParts {
  /** `WI` and four digits; has an entry in docs/troubleshooting.md. */
  readonly code: string;
  /** What happened to which object. */
  readonly what: string;
  /** What was attempted, as an infinitive: "create federated credential x on identity y". */
  readonly tried?: string;
  readonly because: string;
  /** What the user can do next. */
  readonly remedy: string;
  /** The service's own error code. */
  readonly serviceCode?: string;
  /** HTTP status of the service's answer. */
  readonly status?: number;
  /** The id under which the service's operators find the request. */
  readonly correlation?: string;
  /** True when whoever was asked has ended by itself, so that nothing goes on. An answer with a status says that too. */
  readonly ended?: boolean;
  /** Further errors that happened together with this one, e.g. all bad inputs of a task. */
  readonly details?: readonly Problem[];
}

/** The one error type of this project: everything that a user is told about a failure. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: string;

  constructor(
    readonly parts: ProblemParts,
    cause?: unknown,
  ) {
    super(`${parts.code}: ${parts.what}, because ${parts.because}`, cause === undefined ? undefined : { cause });
    this.code = parts.code;
  }

  /** The same problem with some parts said better, e.g. by a caller that knows the object. */
  with(parts: Partial<ProblemParts>): Problem {
    return new Problem({ ...this.parts, ...parts }, this.cause);
  }
}

/** Turns whatever was thrown into a {@link Problem}; what is none already becomes WI9001, a defect of ours. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Problem(
    {
      code: 'WI9001',
      what: 'The task met an error that it does not know',
      because: message,
      remedy: 'run again with System.Debug set to true and report the log with this code; the stack trace is in the debug log',
    },
    error,
  );
}

/** The code of {@link cancelled}. */
export const cancelledCode = 'WI9002';

/** Thrown at waits and before writes once a run is cancelled. */
export function cancelled(tried: string): Problem {
  return new Problem({
    code: cancelledCode,
    what: 'The run was cancelled',
    tried,
    because: 'the pipeline asked the task to stop',
    remedy: 'run again: the task goes on from what it finds; what Azure had already accepted goes on without it',
  });
}

/** The code of {@link consequence}. */
export const consequenceCode = 'WI9003';

/**
 * What was left alone because of something else: a consequence, never listed among the failures of a run.
 * @param fate what became of it, in the passive: `was left alone`, `was not proven`
 */
export function consequence(subject: string, because: string, remedy: string, fate = 'was left alone'): ProblemParts {
  return { code: consequenceCode, what: `${subject} ${fate}`, because, remedy };
}

/** Why a run ends that has reached its deadline: the reason of its signal then. */
export function outOfTime(deadline: Date): Problem {
  return new Problem({
    code: 'WI9004',
    what: 'The time for the run is over',
    because: `it was to end by ${deadline.toISOString()}, before the pipeline would stop it`,
    remedy: 'run again: the task goes on from what it finds; for more time at once raise timeoutInMinutes of the job and of SelectClusters',
  });
}

/**
 * Like {@link toProblem}, for work under a signal: what is thrown because of a cancellation is said to be one, or to be what the
 * signal's reason says when that is a {@link Problem}.
 */
export function problemOf(error: unknown, signal: AbortSignal, tried: string): Problem {
  const problem = signal.aborted && !(error instanceof Problem) ? cancelled(tried) : toProblem(error);
  const reason: unknown = signal.reason;
  if (!(reason instanceof Problem) || (problem.code !== cancelledCode && problem !== reason)) return problem;
  return reason.with({ tried: problem.parts.tried ?? tried });
}
