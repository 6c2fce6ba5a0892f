import { Approval } from '../reconcile/approval.js';
import type { PreflightCheck } from '../reconcile/check.js';
import type { PermissionCheck } from '../reconcile/ports.js';
import type { AnyProof } from '../reconcile/proof.js';
import type { AnyResource } from '../reconcile/resource.js';
import { run, type RunResult } from '../reconcile/run.js';
import { policyText } from '../report/crossing-text.js';
import { fleetText } from '../report/log-text.js';
import type { LedgerContext } from '../report/ledger.js';
import type { RunContext } from '../report/schema.js';
import type { PolicyOrigin } from '../fleet/policy-origin.js';
import type { Agent, TaskEnd } from './agent.js';
import { policyAsApproved } from './boundary-guard.js';
import type { OpenCluster } from './direct-cluster.js';
import type { InputReader } from './inputs.js';
import { sendTrail, type SendLedger } from './ledger-trail.js';
import { describeSignIn, runFacts } from './run-context.js';
import { leavePlan, logWatcher, publish } from './run-log.js';
import { openRecord } from './run-record.js';
import type { RequestOidcToken } from './service-connection.js';
import { isPullRequest, otherConnections, readSharedInputs, type OtherConnections, type SharedInputs } from './shared-inputs.js';
import { runInFrame, type CreateServices, type FrameParts, type ServiceTools } from './task-frame.js';

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
  /** How its clusters are reached; absent: directly. Only a task that has a choice carries the code of it. */
  opener?(inputs: I): OpenCluster;
  /** Lists what shall be true. */
  desire(inputs: I, shared: SharedInputs, services: S): Desired | Promise<Desired>;
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

/**
 * The common way of the planned tasks: inputs, services, plan, preflight, apply, proof, report.
 * @param requestOidcToken fetches the pipeline's token for a federated service connection.
 * @param chooseClock gives the run its clock.
 * @throws Problem for inputs that cannot be used and services that cannot be made; what clusters do is in the result.
 */
export function runPlannedTask<I, S extends PlannedServices>(
  agent: Agent,
  task: PlannedTask<I, S>,
  createServices: CreateServices<S>,
  requestOidcToken: FrameParts<S>['requestOidcToken'],
  chooseClock?: FrameParts<S>['chooseClock'],
): Promise<TaskEnd> {
  const read = (reader: InputReader, requestToken: RequestOidcToken): { shared: SharedInputs; inputs: I } => {
    const shared = readSharedInputs(reader, agent, requestToken);
    const inputs = task.read(reader, shared, otherConnections(reader, agent, requestToken, shared));
    const openCluster = task.opener?.(inputs);
    return { shared: openCluster === undefined ? shared : { ...shared, openCluster }, inputs };
  };
  const parts = { createServices, requestOidcToken, ...(chooseClock === undefined ? {} : { chooseClock }) };
  return runInFrame(agent, task.name, read, parts, async ({ shared, inputs }, services, tools) => {
    const desired = await task.desire(inputs, shared, services);
    const context = { ...contextOf(agent, shared, tools), ...(desired.policy === undefined ? {} : { boundaryPolicy: desired.policy }) };
    agent.line(fleetText({ clusters: shared.clusters.length, signIn: context.signIn, dryRun: shared.dryRun, pullRequest: isPullRequest(agent) }));
    if (desired.policy !== undefined) agent.line(`Policy   ${policyText(desired.policy)}`);
    const who = ledgerContext(agent, shared, context, desired, services.principalId);
    return execute(agent, desired, shared, { tools, context, who, services, checks: [...services.checks, ...(desired.checks ?? []), ...policyAsApproved(shared.plan, desired.policy)] });
  });
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
