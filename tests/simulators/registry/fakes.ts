import type { AccessControl, AccessQuestion, Caller, TokenAuthority } from '../azure/authority.js';
import type { Network } from '../kernel/network.js';
import { isRecord, type SimResponse } from '../kernel/service.js';

/** Tokens that a test hands out by name. Stands in for Entra in the tests of the data planes. */
export class FakeAuthority implements TokenAuthority {
  readonly #callers = new Map<string, Caller>();

  /** Registers an opaque token for a principal and an audience. */
  issue(objectId: string, audience: string): string {
    const token = `entra-${this.#callers.size}`;
    this.#callers.set(token, { objectId, appId: `app-of-${objectId}`, audience });
    return token;
  }

  verify(authorization: string | undefined, audiences: readonly string[]): Caller | undefined {
    const caller = this.#callers.get(authorization?.replace(/^Bearer /, '') ?? '');
    return caller !== undefined && audiences.includes(caller.audience) ? caller : undefined;
  }
}

/** Answers by a rule that the test sets; keeps the questions. Stands in for the directory's role store. */
export class FakeAccess implements AccessControl {
  readonly questions: AccessQuestion[] = [];
  rule: (question: AccessQuestion) => boolean = () => false;

  allows(question: AccessQuestion): boolean {
    this.questions.push(question);
    return this.rule(question);
  }
}

/** Sends one request through a network. */
export function call(network: Network, method: string, url: string, options: { headers?: Record<string, string>; body?: string | Buffer } = {}): Promise<SimResponse> {
  const body = Buffer.from(options.body ?? '');
  return network.dispatch({ method, url: new URL(url), headers: options.headers ?? {}, body, signal: new AbortController().signal });
}

/** The JSON object that an answer carries. */
export function json(response: SimResponse): Record<string, unknown> {
  const parsed: unknown = JSON.parse(JSON.stringify(response.body));
  if (!isRecord(parsed)) throw new TypeError('the answer is no JSON object');
  return parsed;
}
