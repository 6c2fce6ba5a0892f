import { cancelled, cancelledCode, Problem } from '../reconcile/problem.js';
import type { Writer } from '../reconcile/resource.js';
import { until } from '../reconcile/retry.js';
import type { Arm } from './arm.js';
import type { Clock } from '../reconcile/clock.js';
import { serviceError } from './errors.js';
import { object, text } from '../fleet/json.js';

const minute = 60_000;

/**
 * Follows a long-running operation by its `azure-asyncoperation` address, used verbatim, until its end.
 * Whatever is neither Succeeded, Failed nor Canceled is running. Source: Azure RPC, async API reference; for other status words
 * hashicorp/terraform-provider-azurerm#28878.
 * @throws Problem WI2106 when it failed, WI2107 at the deadline, WI9002 when the run is cancelled before its end.
 */
export function followOperation(arm: Arm, address: string, what: string, deadlineMs: number, clock: Clock, writer: Writer): Promise<void> {
  const started = clock.monotonic();
  const purpose = { tried: `ask for the operation ${address}`, what: `The operation on ${what} cannot be followed` };
  const progress = (status: string): void => {
    writer.progress(`${status} for ${Math.round((clock.monotonic() - started) / 1000)} s`);
  };
  const patience = { deadlineMs, firstWaitMs: 5_000, longestWaitMs: 15_000, growth: 1.05 };
  return until(patience, { clock, signal: writer.signal, progress }, async () => {
    const answer = await arm.follow(address, purpose).catch((error: unknown) => unreadable(error));
    if (answer instanceof Problem) return { wait: 'the operation’s state cannot be read for the moment', failure: answer };
    const status = text(object(answer.body).status) ?? 'InProgress';
    if (status === 'Succeeded') return { done: undefined };
    if (status === 'Failed' || status === 'Canceled') throw failed(what, status, answer.body, answer.header('x-ms-correlation-request-id'));
    const seconds = Number(answer.header('retry-after') ?? 0);
    return { wait: status, failure: late(what, status, deadlineMs), afterMs: Number.isFinite(seconds) ? seconds * 1000 : 0 };
  }).catch((error: unknown) => {
    const ended = error instanceof Problem && error.code !== cancelledCode;
    throw writer.signal.aborted && !ended ? leftAlone(what) : error;
  });
}

/** Azure does not stop an operation because nobody asks for it any more. */
function leftAlone(what: string): Problem {
  return cancelled(`wait for the end of the operation on ${what}`).with({
    what: `The run was cancelled while Azure works on ${what}`,
    remedy: `Azure has accepted the update of ${what} and goes on with it without this run; run again: the next run waits for its end`,
  });
}

/** A state that cannot be read says nothing about the operation; only a refusal will not pass. Source: Azure RPC, async API reference. */
function unreadable(error: unknown): Problem {
  if (!(error instanceof Problem) || error.code === cancelledCode || error.parts.status === 401 || error.parts.status === 403) throw error;
  return error;
}

function failed(what: string, status: string, body: unknown, correlation: string | undefined): Problem {
  const { code, message } = serviceError(200, body);
  return new Problem({
    code: 'WI2106',
    what: `The operation on ${what} ended as ${status}`,
    tried: 'update it and wait for the end',
    because: message,
    serviceCode: code,
    ended: true,
    remedy: 'follow the service’s message; the task can be run again at any time and goes on from what it finds',
    ...(correlation === undefined ? {} : { correlation }),
  });
}

function late(what: string, status: string, deadlineMs: number): Problem {
  return new Problem({
    code: 'WI2107',
    what: `The operation on ${what} was not done in time`,
    tried: `wait ${Math.round(deadlineMs / minute)} minutes for its end`,
    because: `its state is still ${status}`,
    remedy: `it goes on in Azure without this run; look at the ${what} and run again when it has ended`,
  });
}
