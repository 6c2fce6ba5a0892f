import type { Json } from '../fleet/json.js';
import { many } from '../fleet/wording.js';
import { withDeadline } from '../reconcile/deadline.js';
import { Problem, problemOf, type ProblemParts } from '../reconcile/problem.js';
import type { Azure } from './azure.js';
import { azureProblem } from './errors.js';

/** Where ledgers are sent: a stream of a data collection rule. */
export interface LedgerStream {
  /** Logs ingestion address of the data collection endpoint, or of the rule itself. No trailing slash. */
  readonly endpoint: string;
  /** Immutable id of the rule, `dcr-…`. */
  readonly ruleId: string;
  /** Name of the stream as the rule declares it. */
  readonly stream: string;
  /** What tokens for the service are asked for, without `/.default`. */
  readonly audience: string;
}

/** The stream that `templates/monitoring/ledger.bicep` declares when its `tableName` is left as it is. */
export const defaultStream = 'Custom-WorkloadIdentityLedger_CL';

/** How long the end of a run may take longer for this: waits and repetitions stop then, a request that is under way a request's time later. */
const limitMs = 45_000;
const requestMs = 15_000;

/**
 * Sends the lines of a ledger to Log Analytics, in requests of at most 1 MB, which the library cuts and compresses.
 * Source: Azure Monitor docs, Logs Ingestion API; service limits, logs ingestion.
 * @throws Problem WI9051 for whatever comes between, a cancellation included.
 */
export async function sendLedger(azure: Azure, where: LedgerStream, lines: readonly Json[]): Promise<void> {
  const { clock, signal } = azure;
  const { endpoint, ruleId, stream, audience } = where;
  const tried = `send ${many(lines.length, 'line')} to ${endpoint}`;
  const stop = new AbortController();
  let first: unknown;
  try {
    signal.throwIfAborted();
    const until = clock.monotonic() + limitMs * clock.rate;
    await withDeadline({ clock, signal, limitMs: requestMs }, () => azure.token(audience));
    const client = await azure.ingestion(endpoint, audience, { until, requestMs });
    // One refusal tells enough: the other requests would wait for theirs.
    const onError = ({ cause }: { cause: Error }): void => {
      first ??= cause;
      stop.abort();
    };
    await client.upload(ruleId, stream, [...lines], { abortSignal: AbortSignal.any([signal, stop.signal]), onError });
    signal.throwIfAborted();
  } catch (error) {
    const fault = first ?? error;
    const { parts } = signal.aborted ? problemOf(signal.reason, signal, tried) : azureProblem(tried, '', fault);
    const remedy = signal.aborted ? 'copy its lines from the attachment if the workspace has to have them' : remedyFor(parts.status);
    throw notSent(where, tried, parts, remedy, fault);
  }
}

function notSent({ endpoint, ruleId, stream }: LedgerStream, tried: string, { because, serviceCode, status }: ProblemParts, advice: string, cause: unknown): Problem {
  const parts = { code: 'WI9051', what: `The ledger did not reach stream ${stream} of data collection rule ${ruleId} at ${endpoint} in full`, tried, because };
  const remedy = `${advice}; the run is not affected, and the attachment aks-workload-identity-ledger remains its record`;
  return new Problem({ ...parts, remedy, ...(serviceCode === undefined ? {} : { serviceCode }), ...(status === undefined ? {} : { status }) }, cause);
}

/** Source of role and meaning: Azure Monitor docs, Logs Ingestion API, troubleshooting. */
function remedyFor(status: number | undefined): string {
  if (status === 401) return 'check that ledgerEndpoint belongs to the cloud of the service connection';
  if (status === 403) {
    return 'give the principal of the service connection the role Monitoring Metrics Publisher on the data collection rule, and correct ledgerRuleId if it names another one; a new assignment acts after some minutes';
  }
  if (status === 400 || status === 404) return 'compare ledgerEndpoint, ledgerRuleId and ledgerStream with the outputs of templates/monitoring/ledger.bicep';
  return 'nothing if it passes; else check that the agent reaches the address (proxy, firewall, DNS), and what the service says';
}
