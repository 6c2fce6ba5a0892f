import { Problem } from '../reconcile/problem.js';
import { answerProblem, unreachable, type Attempt } from './api-errors.js';
import type { InnerResult } from './command-script.js';

/** HTTP status by the reason that the API server gave. Source: k8s.io/apimachinery pkg/apis/meta/v1, StatusReason. */
const statuses: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  Invalid: 422,
  TooManyRequests: 429,
  BadRequest: 400,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 504,
};
/** What a shell answers for a program that is not there. */
const noSuchProgram = 127;
const longest = 1_500;

/** An answer that is no success, as the API server gave it before kubectl put it into words. */
export interface Refusal {
  /** 0 where nobody said. */
  readonly status: number;
  readonly problem: Problem;
}

/**
 * Takes kubectl's words apart. Source: kubectl pkg/cmd/util/helpers.go, StandardErrorMessage and CheckErr; pkg/cmd/apply for conflicts.
 * @param attempt what was being done, and where
 */
export function kubectlRefusal(attempt: Attempt, { exitCode, errors }: InnerResult): Refusal {
  if (exitCode === noSuchProgram) return { status: 0, problem: programMissing(attempt.cluster, errors) };
  const said = wordsOf(errors);
  const [, reason = '', message = ''] = /Error from server \((\w+)\): ([^]*)$/.exec(said) ?? [];
  if (reason !== '') return refused(attempt, statuses[reason] ?? 500, reason, message);
  if (/You must be logged in to the server|\(Unauthorized\)/.test(said)) return refused(attempt, 401, 'Unauthorized', said);
  if (/the server doesn't have a resource type|no matches for kind/.test(said)) return refused(attempt, 404, 'NotFound', said);
  if (/^The .* is invalid:/.test(said)) return refused(attempt, 422, 'Invalid', said);
  if (/Apply failed with \d+ conflict/.test(said)) return conflicting(attempt, said);
  if (/Unable to connect to the server|was refused - did you specify/.test(said)) {
    return { status: 503, problem: unreachable(attempt, 'its API server from within', new Error(said)) };
  }
  const because = said === '' ? `kubectl ended with exit code ${exitCode} and said nothing` : said;
  return { status: 0, problem: answerProblem(attempt, 0, JSON.stringify({ message: because })) };
}

function refused(attempt: Attempt, status: number, reason: string, message: string): Refusal {
  const kind = /^(\w+)(?:\.[\w.]+)? "[^"]*" not found/.exec(message)?.[1];
  const terminating = message.includes('because it is being terminated') ? [{ reason: 'NamespaceTerminating' }] : [];
  const details = { causes: terminating, ...(kind === undefined ? {} : { kind }) };
  return { status, problem: answerProblem(attempt, status, JSON.stringify({ message, reason, details })) };
}

/** `conflict with "a" using v1: .spec.x`, or `conflicts with "a" using v1:` and a line for each field. */
function conflicting(attempt: Attempt, said: string): Refusal {
  const causes = [...said.matchAll(/conflicts? with "([^"]*)"[^:]*:((?:\s+-?\s*\.\S+)+)/g)].flatMap(([, manager = '', fields = '']) =>
    (fields.match(/\.\S+/g) ?? []).map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with "${manager}"`, field })),
  );
  return { status: 409, problem: answerProblem(attempt, 409, JSON.stringify({ message: said, reason: 'Conflict', details: { causes } })) };
}

/** Warnings of the client and the server aside. */
function wordsOf(errors: string): string {
  const lines = errors.split(/\r?\n/).filter((line) => line !== '' && !/^(Warning:|[IWE]\d{4} )/.test(line));
  return lines.join('\n').replace(/^(error|Error from server): /, '').trim().slice(0, longest);
}

/** The Problem of a pod of a command that lacks what the commands are made of. */
export function programMissing(cluster: string, because: string): Problem {
  return new Problem({
    code: 'WI4514',
    what: `The pod in which AKS runs commands for cluster ${cluster} cannot do what this task needs`,
    tried: 'run kubectl or helm in it',
    because: because.trim() === '' ? 'the program is not there' : because.trim().slice(0, longest),
    remedy: 'the image is Azure’s own: run the pipeline on an agent in the cluster’s network (connection: direct)',
  });
}
