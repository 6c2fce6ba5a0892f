import { Problem, type ProblemParts } from '../reconcile/problem.js';
import { object, objects, parseJson, text, type Json } from '../fleet/json.js';

/** What was being done when the API server refused. */
export interface Attempt {
  /** Name of the cluster in messages. */
  readonly cluster: string;
  /** An infinitive: `read service account orders/api`. */
  readonly tried: string;
}

/** Code of the Problem of a right that the connection lacks. */
export const refusedCode = 'WI4003';

/** Code of the Problem of an object, or a kind of objects, that the cluster does not have. */
export const missingCode = 'WI4009';

/** True where the API server spoke of the request itself; false for what the next request would meet too: the way to the cluster, and the sign-in. */
export function isAboutRequest({ parts }: Problem): boolean {
  return parts.code.startsWith('WI4') && parts.status !== undefined && parts.status !== 401;
}

/** The Problem of an answer that is not 2xx. */
export function answerProblem(attempt: Attempt, status: number, body: string): Problem {
  const answer = object(parseJson(body));
  const message = text(answer.message) ?? `the API server answered with status ${status}`;
  const reason = text(answer.reason);
  const parts = {
    what: `The cluster ${attempt.cluster} refused to ${attempt.tried}`,
    tried: attempt.tried,
    because: message,
    status,
    ...(reason === undefined ? {} : { serviceCode: reason }),
  };
  return new Problem({ ...parts, ...verdict(status, message, object(answer.details)) });
}

function verdict(status: number, message: string, details: Json): Pick<ProblemParts, 'code' | 'remedy'> & Partial<ProblemParts> {
  if (status === 401) {
    return {
      code: 'WI4002',
      because: 'the API server does not accept the token of the service connection',
      remedy: 'check that the cluster uses Entra integration of the same tenant as the service connection, then run again',
    };
  }
  if (status === 403) return refused(message, details);
  if (status === 404 && text(details.kind) === 'namespaces') {
    return { code: 'WI4006', remedy: 'create the namespace, or correct the input namespace' };
  }
  if (status === 404) return { code: missingCode, remedy: 'check the name and the namespace; an earlier step may not have made it' };
  if (status === 409) return conflict(details);
  if (status === 400 || status === 422) return { code: 'WI4005', remedy: 'read the API server’s message: it names the field; correct the input or the chart it comes from' };
  return { code: 'WI4007', remedy: 'read the API server’s message; run again if it speaks of a passing condition' };
}

function refused(message: string, details: Json): Pick<ProblemParts, 'code' | 'remedy'> {
  const terminating = objects(details.causes).some((cause) => cause.reason === 'NamespaceTerminating');
  if (terminating) return { code: 'WI4101', remedy: 'wait until the namespace is gone, or find the finalizer that holds it, then run again' };
  if (/admission webhook|exceeded quota|violates PodSecurity|ValidatingAdmissionPolicy/.test(message)) {
    return { code: 'WI4008', remedy: 'change what the message names, or ask the owner of that policy or quota for an exception' };
  }
  return {
    code: refusedCode,
    remedy: 'give the service connection’s principal the right that the message names: Azure Kubernetes Service RBAC Writer on the namespace, or a RoleBinding; see docs/permissions.md',
  };
}

function conflict(details: Json): Pick<ProblemParts, 'code' | 'remedy'> & Partial<ProblemParts> {
  const causes = objects(details.causes).filter((cause) => cause.reason === 'FieldManagerConflict');
  if (causes.length === 0) return { code: 'WI4007', remedy: 'somebody changed the object at the same moment: run again' };
  const names = causes.map((cause) => /conflict with "([^"]*)"/.exec(text(cause.message) ?? '')?.[1] ?? 'another manager');
  const managers = [...new Set(names)].join(', ');
  const fields = causes.map((cause) => text(cause.field) ?? '').join(', ');
  return {
    code: 'WI4004',
    because: `${managers} owns ${fields} with another value`,
    remedy: `let one of the two own the field: remove it where ${managers} sets it, or set it there to the same value`,
  };
}

/** The Problem of a request that got no answer. */
export function unreachable(attempt: Attempt, server: string, cause: unknown): Problem {
  const because = cause instanceof Error ? cause.message : String(cause);
  return new Problem(
    {
      code: 'WI4001',
      what: `The API server of ${attempt.cluster} cannot be reached`,
      tried: attempt.tried,
      because,
      remedy: `check that the agent reaches ${server} (private cluster, authorized IP ranges, proxy, DNS) and that the cluster runs`,
    },
    cause,
  );
}

/** True for answers that ask to come again. */
export function isPassing(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}
