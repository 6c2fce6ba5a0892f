import { Problem } from '../reconcile/problem.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { successesInARow, type ProofContext } from '../reconcile/proof.js';
import type { Azure } from './azure.js';
import { requestToken } from './client-credentials.js';
import { list, object, text, texts } from '../fleet/json.js';
import { exchangeAudience } from '../fleet/names.js';
import { listCredentials } from './federated-credentials.js';

/** The identity that a service-account token is exchanged for. */
export interface ExchangeTarget {
  readonly identityId: string;
  readonly identityName: string;
  readonly clientId: string;
  readonly tenantId: string;
  /** `orders/api on aks-dev-weu-1` */
  readonly workload: string;
}

/** A signed-in workload. */
export interface Exchanged {
  /** How long Entra needed to accept the credential. Milliseconds. */
  readonly afterMs: number;
  /** The identity's token; exchanged anew when it nears its end, as proofs may wait longer than it lives. */
  readonly token: () => Promise<string>;
}

interface LivingToken {
  readonly text: string;
  /** Milliseconds of the run's clock. */
  readonly endsAt: number;
}

/** A token is renewed when it has less than this to live. Milliseconds. */
const renewalMs = 120_000;

/** Said by Entra while a credential or a principal has not reached every replica. Source: Entra docs, error codes; wi#340, wi#977. */
const propagating = new Set([70021, 70025, 700211, 700212, 700213, 700016]);
/** Of these, the ones that may also mean that no credential matches; a strong read of the credentials tells. */
const mismatching = new Set([70021, 70025, 700211, 700212, 700213]);

/**
 * Exchanges a service-account token for the identity's access token, as a pod would, waiting out propagation.
 * @param assertion a service-account token that is alive: asked for after each wait, which may outlast one.
 * @throws Problem WI2301 at once when no credential of the identity matches the token; WI2302 at the deadline; WI2303 for refusals
 * that waiting does not cure.
 */
export async function exchangeToken(azure: Azure, target: ExchangeTarget, assertion: () => Promise<string>, audience: string, deadlineMs: number, context: ProofContext): Promise<Exchanged> {
  const { clock } = azure;
  const started = clock.monotonic();
  const waiting = { clock, signal: context.signal, progress: (line: string) => context.progress(line) };
  const patience = { deadlineMs, firstWaitMs: 1_000, longestWaitMs: 15_000, growth: 1.2 };
  const comparison = new Comparison(azure, target);
  const exchange = (inARow: number): Promise<LivingToken> => {
    let held: string | undefined;
    return until({ ...patience, inARow }, waiting, async () => {
      held ??= await assertion();
      const result = await tryExchange(azure, target, held, audience, { waitedMs: clock.monotonic() - started, deadlineMs, comparison });
      if ('wait' in result) held = undefined;
      return result;
    });
  };
  let living = await exchange(successesInARow(context));
  const afterMs = clock.monotonic() - started;
  return {
    afterMs,
    token: async () => {
      if (clock.monotonic() > living.endsAt - renewalMs) living = await exchange(1);
      return living.text;
    },
  };
}

interface Exchanging {
  readonly waitedMs: number;
  readonly deadlineMs: number;
  readonly comparison: Comparison;
}

/** Stands for a comparison that was not made in time. */
const unread = Symbol('not read yet');

/** So long a try waits for the credentials to be read. Milliseconds. */
const comparisonMs = 500;

/**
 * Compares tokens with the credentials beside the exchanges: Azure lists those of one identity every four seconds only, which must not
 * hold up the next try. What one try did not wait for, the next one learns.
 */
class Comparison {
  #running: Promise<string | undefined> | undefined;

  constructor(
    private readonly azure: Azure,
    private readonly target: ExchangeTarget,
  ) {}

  /** What differs; undefined when nothing does, `unread` when that is not known in time. */
  async difference(assertion: string): Promise<string | undefined | typeof unread> {
    this.#running ??= mismatch(this.azure, this.target, assertion);
    const ended = new AbortController();
    const known = this.#running.then((difference) => ({ difference }));
    const late = this.azure.clock.sleep(comparisonMs, ended.signal).then(() => undefined, () => undefined);
    known.catch(() => undefined);
    try {
      const result = await Promise.race([known, late]);
      if (result !== undefined) this.#running = undefined;
      return result === undefined ? unread : result.difference;
    } catch (error) {
      this.#running = undefined;
      throw error;
    } finally {
      ended.abort();
    }
  }
}

async function tryExchange(azure: Azure, target: ExchangeTarget, assertion: string, audience: string, { waitedMs, deadlineMs, comparison }: Exchanging): Promise<Attempt<LivingToken>> {
  const what = `Entra does not accept ${target.workload}`;
  const tried = `exchange a service-account token for identity ${target.identityName}`;
  const application = { authority: azure.cloud.authority, tenantId: target.tenantId, clientId: target.clientId };
  const response = await requestToken(azure.http, application, { assertion: azure.secret(assertion) }, `${audience}/.default`, azure.signal, { tried, what });
  const answer = object(response.body);
  const token = text(answer.access_token);
  if (token !== undefined) return { done: { text: azure.secret(token), endsAt: azure.clock.monotonic() + Number(answer.expires_in ?? 0) * 1000 } };
  const code = Number(list(answer.error_codes)[0] ?? /AADSTS(\d+)/.exec(text(answer.error_description) ?? '')?.[1]);
  const message = (text(answer.error_description) ?? text(answer.error) ?? `status ${response.status}`).split(/ Trace ID:|\r?\n/)[0] ?? '';
  const correlation = text(answer.correlation_id);
  const serviceCode = Number.isNaN(code) ? (text(answer.error) ?? `HTTP ${response.status}`) : `AADSTS${code}`;
  const parts = { what, tried, because: message, serviceCode, ...(correlation === undefined ? {} : { correlation }) };
  if (!propagating.has(code)) {
    throw new Problem({ ...parts, code: 'WI2303', remedy: 'read the message: this refusal does not pass by waiting; see docs/troubleshooting.md, WI2303' });
  }
  const difference = mismatching.has(code) ? await comparison.difference(assertion) : undefined;
  if (typeof difference === 'string') {
    throw new Problem({
      ...parts,
      code: 'WI2301',
      because: `${difference} (AADSTS${code})`,
      remedy: 'run FederateServiceAccount for this cluster; if the credential belongs to somebody else, correct it by hand',
    });
  }
  const place = difference === unread ? 'and whether it is in place could not be read in that time' : 'although it is in place';
  const remedy = `Entra had not taken over the credential after ${Math.round(deadlineMs / 1000)} s ${place}: raise propagationTimeoutInMinutes or run again`;
  const seconds = Math.round(waitedMs / 1000);
  const known = difference === unread ? 'Entra does not know the credential yet' : 'the credential is in place, Entra does not know it yet';
  return { wait: `${known} (${seconds} s)`, failure: new Problem({ ...parts, code: 'WI2302', remedy }) };
}

/** What differs between the token and every credential of the identity, by a strong read; undefined when one matches. */
async function mismatch(azure: Azure, target: ExchangeTarget, assertion: string): Promise<string | undefined> {
  const { issuer, subject, audiences } = tokenClaims(assertion);
  const credentials = await listCredentials(azure, target.identityId);
  if (credentials.length === 0) return `identity ${target.identityName} has no federated credential at all`;
  if (!audiences.includes(exchangeAudience)) return `the token’s audience is ${audiences.join(' ')}, not ${exchangeAudience}`;
  const bySubject = credentials.filter((entry) => entry.subject === subject);
  if (bySubject.some((entry) => entry.issuer === issuer && entry.audiences.includes(exchangeAudience))) return undefined;
  const sameIssuer = bySubject.find((entry) => entry.issuer === issuer);
  if (sameIssuer !== undefined) return `credential ${sameIssuer.name} has the audience ${sameIssuer.audiences.join(' ')}, not ${exchangeAudience}`;
  const other = bySubject[0];
  if (other !== undefined) return `the credential’s issuer differs: ${other.name} trusts ${other.issuer}, the cluster signs as ${issuer}`;
  const cased = credentials.find((entry) => entry.subject.toLowerCase() === subject.toLowerCase());
  if (cased !== undefined) return `the credential’s subject differs in case: ${cased.subject}, the token says ${subject}`;
  return `no credential of identity ${target.identityName} has the subject ${subject}`;
}

/** The claims that federation compares, read without checking the signature: that is Entra's part. */
export function tokenClaims(token: string): { issuer: string; subject: string; audiences: string[] } {
  const payload = tokenPayload(token);
  const audience = payload.aud;
  return {
    issuer: text(payload.iss) ?? '',
    subject: text(payload.sub) ?? '',
    audiences: typeof audience === 'string' ? [audience] : texts(audience),
  };
}

/** The payload of a JSON Web Token; empty when it is none. */
export function tokenPayload(token: string): Readonly<Record<string, unknown>> {
  try {
    return object(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')));
  } catch {
    return {};
  }
}
