import { randomUUID } from 'node:crypto';
import type { OidcRequest } from '../azure/oidc-token.js';
import { openRoute, type Route } from '../network/route.js';
import type { PostRenderer } from '../kubernetes/helm-process.js';
import type { Clock } from '../reconcile/clock.js';
import type { Progress } from '../reconcile/ports.js';
import { problemOf } from '../reconcile/problem.js';
import type { Agent, TaskEnd } from './agent.js';
import { withDeadline } from './deadline.js';
import { InputReader } from './inputs.js';
import { readNetwork } from './network.js';
import { postRenderer } from './post-renderer.js';
import { LoggedProgress } from './progress.js';
import type { ReleaseOidcRequest } from './release-oidc.js';
import { describeRun } from './run-context.js';
import type { RequestOidcToken } from './service-connection.js';
import type { RunInputs } from './shared-inputs.js';
import { clockFor } from './test-clock.js';

/** What services are made with, besides the inputs. */
export interface ServiceTools {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Removed when the task ends. Mode 0700. */
  readonly tempDirectory: string;
  /** Environment for child processes: PATH, homes, certificates, proxies. */
  readonly environment: Readonly<Record<string, string>>;
  /** What makes rendered manifests right for an identity on their way through helm. */
  readonly postRenderer: PostRenderer;
  /** The way to the services. */
  readonly route: Route;
  readonly progress: Progress;
  /** A line of the log. */
  readonly notice: (line: string) => void;
  /** A GUID to be sent with every request of the run; report and ledger name it. */
  readonly correlationId: string;
  /** The run in the pipeline's own words. */
  readonly run: string;
  /** Masks a text in every output from here on. */
  readonly registerSecret: (text: string) => void;
  /** A line for the debug log. */
  readonly debug: (line: string) => void;
}

/** Makes the services of a run. Sends nothing but what signing in takes. */
export type CreateServices<S> = (shared: RunInputs, tools: ServiceTools) => Promise<S>;

/** What stands around a task. */
export interface FrameParts<S> {
  readonly createServices: CreateServices<S>;
  /** Fetches the pipeline's token for a federated service connection. */
  readonly requestOidcToken: (request: OidcRequest | ReleaseOidcRequest, tools: ServiceTools) => Promise<string>;
  /** Gives the run its clock. */
  readonly chooseClock?: typeof clockFor;
}

/**
 * The common way of the tasks that sign in: every input is read and every mistake told before anything is sent; then clock, deadline, services,
 * and the task itself.
 * @param name of the task
 * @throws Problem for inputs that cannot be used, services that cannot be made, and what the task itself throws.
 */
export async function runInFrame<R extends { readonly shared: RunInputs }, S>(
  agent: Agent,
  name: string,
  read: (reader: InputReader, requestToken: RequestOidcToken) => R,
  { createServices, requestOidcToken, chooseClock = clockFor }: FrameParts<S>,
  body: (given: R, services: S, tools: ServiceTools) => Promise<TaskEnd>,
): Promise<TaskEnd> {
  const reader = new InputReader(agent);
  const given = read(reader, (request) => requestOidcToken(request, tools));
  reader.finish();
  const { connection, deadline } = given.shared;
  const clock = chooseClock(agent, connection);
  const { signal, release } = withDeadline(agent.signal, deadline, clock);
  const tools = await toolsFor(agent, clock, signal);
  try {
    return await body(given, await createServices(given.shared, tools), tools);
  } catch (error) {
    throw problemOf(error, signal, `run ${name}`);
  } finally {
    release();
  }
}

async function toolsFor(agent: Agent, clock: Clock, signal: AbortSignal): Promise<ServiceTools> {
  return {
    clock,
    signal,
    tempDirectory: agent.scratch(),
    environment: agent.environment,
    postRenderer: postRenderer(),
    route: await openRoute(readNetwork(agent)),
    progress: new LoggedProgress(clock, agent),
    notice: (line) => agent.line(line),
    correlationId: randomUUID(),
    run: describeRun(agent),
    registerSecret: (text) => agent.secret(text),
    debug: (line) => agent.debug(line),
  };
}
