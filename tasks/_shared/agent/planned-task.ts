import { randomUUID } from 'node:crypto';
import { Approval } from '../reconcile/approval.js';
import type { Clock } from '../reconcile/clock.js';
import type { PreflightCheck } from '../reconcile/check.js';
import type { PermissionCheck, Progress } from '../reconcile/ports.js';
import { problemOf } from '../reconcile/problem.js';
import type { AnyProof } from '../reconcile/proof.js';
import type { AnyResource } from '../reconcile/resource.js';
import { run, type RunResult } from '../reconcile/run.js';
import { policyText } from '../report/crossing-text.js';
import { fleetText } from '../report/log-text.js';
import type { LedgerContext } from '../report/ledger.js';
import type { RunContext } from '../report/schema.js';
import type { Agent, TaskEnd } from './agent.js';
import { policyAsApproved } from './boundary-guard.js';
import { InputReader } from './inputs.js';
import { sendTrail, type SendLedger } from './ledger-trail.js';
import { withDeadline } from './deadline.js';
import { LoggedProgress } from './progress.js';
import { describeRun, describeSignIn, runFacts } from './run-context.js';
import { leavePlan, logWatcher, publish } from './run-log.js';
import { openRecord } from './run-record.js';
import type { PolicyOrigin } from '../fleet/policy-origin.js';
import type { OidcRequest } from '../azure/oidc-token.js';
import { openRoute, type Route } from '../network/route.js';
import { readNetwork } from './network.js';
import type { ReleaseOidcRequest } from './release-oidc.js';
import type { RequestOidcToken } from './service-connection.js';
import { isPullRequest, otherConnections, readSharedInputs, type OtherConnections, type SharedInputs } from './shared-inputs.js';
import { clockFor } from './test-clock.js';

export type { SharedInputs } from './shared-inputs.js';

/** What a task wants to be true, and how it is proven. */
export interface Desired {
  readonly resources: readonly AnyResource[];
  readonly proofs: readonly AnyProof[];
  /** What this task looks at before its first write, beside what every run does. */
  readonly checks?: readonly PreflightCheck[];
  /** The boundary policy that it is judged by; absent when there is none. */
  readonly policy?: PolicyOrigin;
  /** The task's output variables, by name; also asked for after a failed run and after a dry run. */
  outputs(result: RunResult): Readonly<Record<string, string>>;
}

/**
 * A task that plans, checks, applies and proves.
 * @typeParam I its own inputs
 * @typeParam S the services that it works with
 */
export interface PlannedTask<I, S> {
  readonly name: string;
  /** Reads the task's own inputs; mistakes are noted in the reader. */
  read(inputs: InputReader, shared: SharedInputs, connections: OtherConnections): I;
  /** Lists what shall be true. */
  desire(inputs: I, shared: SharedInputs, services: S): Desired | Promise<Desired>;
}

/** What services are made with, besides the inputs. */
export interface ServiceTools {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Removed when the task ends. Mode 0700. */
  readonly tempDirectory: string;
  /** Environment for child processes: PATH, homes, certificates, proxies. */
  readonly environment: Readonly<Record<string, string>>;
  /** The way to the services. */
  readonly route: Route;
  readonly progress: Progress;
  /** A GUID to be sent with every request of the run; report and ledger name it. */
  readonly correlationId: string;
  /** The run in the pipeline's own words. */
  readonly run: string;
  /** Masks a text in every output from here on. */
  readonly registerSecret: (text: string) => void;
  /** A line for the debug log. */
  readonly debug: (line: string) => void;
}

/** What the frame of a planned task needs of its services. */
export interface PlannedServices {
  readonly permissions: PermissionCheck;
  readonly checks: readonly PreflightCheck[];
  /** Object id of the principal that the run's connection signs in as. */
  readonly principalId?: string;
  /** Sends the ledger to where the inputs say. Used once, after the report. */
  readonly sendLedger?: SendLedger;
}

/** Makes the services of a run. Sends nothing. */
export type CreateServices<S> = (shared: SharedInputs, tools: ServiceTools) => Promise<S>;

/**
 * The common way of the planned tasks: inputs, services, plan, preflight, apply, proof, report.
 * @param requestOidcToken fetches the pipeline's token for a federated service connection.
 * @param chooseClock gives the run its clock.
 * @throws Problem for inputs that cannot be used and services that cannot be made; what clusters do is in the result.
 */
export async function runPlannedTask<I, S extends PlannedServices>(
  agent: Agent,
  task: PlannedTask<I, S>,
  createServices: CreateServices<S>,
  requestOidcToken: (request: OidcRequest | ReleaseOidcRequest, tools: ServiceTools) => Promise<string>,
  chooseClock = clockFor,
): Promise<TaskEnd> {
  const reader = new InputReader(agent);
  const requestToken: RequestOidcToken = (request) => requestOidcToken(request, tools);
  const shared = readSharedInputs(reader, agent, requestToken);
  const inputs = task.read(reader, shared, otherConnections(reader, agent, requestToken, shared));
  reader.finish();
  const clock = chooseClock(agent, shared.connection);
  const { signal, release } = withDeadline(agent.signal, shared.deadline, clock);
  const tools = await toolsFor(agent, clock, signal);
  try {
    const services = await createServices(shared, tools);
    const desired = await task.desire(inputs, shared, services);
    const context = { ...contextOf(agent, shared, tools), ...(desired.policy === undefined ? {} : { boundaryPolicy: desired.policy }) };
    agent.line(fleetText({ clusters: shared.clusters.length, signIn: context.signIn, dryRun: shared.dryRun, pullRequest: isPullRequest(agent) }));
    if (desired.policy !== undefined) agent.line(`Policy   ${policyText(desired.policy)}`);
    const who = ledgerContext(agent, shared, context, desired, services.principalId);
    return await execute(agent, desired, shared, { tools, context, who, services, checks: [...services.checks, ...(desired.checks ?? []), ...policyAsApproved(shared.plan, desired.policy)] });
  } catch (error) {
    throw problemOf(error, signal, `run ${task.name}`);
  } finally {
    release();
  }
}

interface Frame {
  readonly tools: ServiceTools;
  readonly context: RunContext;
  readonly who: LedgerContext;
  readonly services: PlannedServices;
  readonly checks: readonly PreflightCheck[];
}

async function execute(agent: Agent, desired: Desired, shared: SharedInputs, frame: Frame): Promise<TaskEnd> {
  const { tools, context, who, services, checks } = frame;
  const { permissions, sendLedger } = services;
  const { clock, signal, progress } = tools;
  const approval = shared.plan?.approved === undefined ? undefined : new Approval(shared.plan.approved.changes, (text) => agent.redact(text));
  const options = { ...shared, ...(approval === undefined || shared.plan?.onDrift === 'apply' ? {} : { approval }) };
  const record = openRecord(agent, who, signal);
  const { journal } = record;
  try {
    const result = await run(desired.resources, desired.proofs, options, { clock, signal, progress, permissions, checks, journal }, logWatcher(agent, shared.dryRun, shared.plan, approval));
    const planFile = shared.dryRun && shared.plan !== undefined ? leavePlan(agent, shared.plan.path, result, context) : shared.plan?.approved?.sha256;
    return publish(agent, result, { ...context, ...(planFile === undefined ? {} : { planFile }) }, desired.outputs(result));
  } finally {
    record.close();
    await sendTrail(agent, shared.ledgerStream, sendLedger, journal.lines, who);
  }
}

async function toolsFor(agent: Agent, clock: Clock, signal: AbortSignal): Promise<ServiceTools> {
  return {
    clock,
    signal,
    tempDirectory: agent.scratch(),
    environment: agent.environment,
    route: await openRoute(readNetwork(agent)),
    progress: new LoggedProgress(clock, agent),
    correlationId: randomUUID(),
    run: describeRun(agent),
    registerSecret: (text) => agent.secret(text),
    debug: (line) => agent.debug(line),
  };
}

/** Who writes, as every line of the ledger says it. */
function ledgerContext(agent: Agent, { connection, plan }: SharedInputs, { task, run: words, signIn, correlation }: RunContext, { policy }: Desired, principalId: string | undefined): LedgerContext {
  const { clientId } = connection.signIn;
  return {
    task,
    run: words,
    signIn,
    correlation,
    ...runFacts(agent),
    connection: connection.name,
    connectionId: connection.id,
    ...(clientId === undefined ? {} : { clientId }),
    ...(principalId === undefined ? {} : { principalId }),
    ...(plan?.approved === undefined ? {} : { planFile: plan.approved.sha256 }),
    ...(policy === undefined ? {} : { boundaryPolicy: policy }),
  };
}

function contextOf(agent: Agent, shared: SharedInputs, tools: ServiceTools): RunContext {
  return {
    task: agent.task,
    startedAt: tools.clock.now().toISOString(),
    run: tools.run,
    signIn: describeSignIn(shared.connection.signIn),
    correlation: tools.correlationId,
    clusters: shared.clusters.map(({ label }) => label),
  };
}
