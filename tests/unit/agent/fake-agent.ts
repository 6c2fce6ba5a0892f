import { setMaxListeners } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Agent, Endpoint, TaskEnd } from '../../../tasks/_shared/agent/agent.js';
import { Secrets } from '../../../tasks/_shared/agent/secrets.js';

/** A service connection as a test describes it. */
export interface FakeEndpoint {
  readonly url?: string;
  readonly scheme: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, string>>;
}

/** A connection to the public cloud that a test can spread and change. */
export const federatedEndpoint: FakeEndpoint = {
  url: 'https://management.azure.com/',
  scheme: 'WorkloadIdentityFederation',
  parameters: { serviceprincipalid: '1f0c1111-1111-4111-8111-11111111119a', tenantid: '22222222-2222-4222-8222-222222222222' },
  data: { subscriptionId: '33333333-3333-4333-8333-333333333333', environment: 'AzureCloud' },
};

/** Remembers everything that a task says to its agent, in one order, and answers from plain records. */
export class FakeAgent implements Agent {
  readonly tempDirectory = mkdtempSync(join(tmpdir(), 'fake-agent-'));
  readonly runFolder: string;
  environment: Readonly<Record<string, string>> = { PATH: '/usr/bin' };
  readonly inputs: Record<string, string> = {};
  variables: Record<string, string> = {};
  readonly secretVariables = new Set<string>();
  readonly endpoints: Record<string, FakeEndpoint> = { SYSTEMVSSCONNECTION: { scheme: 'OAuth', parameters: { AccessToken: 'job-token' } } };
  /** What the log shows. A group is its title and its lines, indented. */
  readonly log: string[] = [];
  readonly debugLog: string[] = [];
  readonly errors: string[] = [];
  readonly warnings: string[] = [];
  readonly outputs: Record<string, string> = {};
  readonly summaries: string[] = [];
  readonly attachments: { type: string; name: string; content: string }[] = [];
  readonly masked: string[] = [];
  readonly ends: TaskEnd[] = [];
  /** What happened in which order: `secret`, `output`, `complete`, `clean-up`, … */
  readonly events: string[] = [];
  readonly #secrets = new Secrets();
  #folded = false;
  readonly #cancellation = new AbortController();
  readonly #lastCall = new AbortController();
  readonly #cleanUps: (() => void)[] = [];
  #files = 0;

  constructor(readonly task = 'TestTask') {
    setMaxListeners(0, this.#cancellation.signal);
    this.runFolder = mkdtempSync(join(this.tempDirectory, `${task}-`));
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  get lastCall(): AbortSignal {
    return this.#lastCall.signal;
  }

  /** Tells the task that it is about to be killed. */
  callLast(): void {
    this.#lastCall.abort(new Error('killed soon by the test'));
  }

  /** Cancels the task as the pipeline would. */
  cancel(): void {
    this.#cancellation.abort(new Error('cancelled by the test'));
  }

  /** Everything that leaves the task, for tests that look for what must not. */
  everything(): string {
    return JSON.stringify([this.log, this.debugLog, this.errors, this.outputs, this.summaries, this.attachments, this.ends]);
  }

  /** Removes the agent's files. */
  dispose(): void {
    rmSync(this.tempDirectory, { recursive: true, force: true });
  }

  input(name: string): string | undefined {
    const text = this.inputs[name];
    return text === '' ? undefined : text;
  }

  variable(name: string): string | undefined {
    return this.variables[name];
  }

  isSecretVariable(name: string): boolean {
    return this.secretVariables.has(name);
  }

  endpoint(id: string): Endpoint | undefined {
    const found = this.endpoints[id];
    if (found === undefined) return undefined;
    const look = (record: Readonly<Record<string, string>> | undefined, key: string): string | undefined =>
      Object.entries(record ?? {}).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1];
    return {
      id,
      url: (found.url ?? '').replace(/\/+$/, ''),
      scheme: found.scheme,
      parameter: (key) => look(found.parameters, key),
      secretParameter: (key) => {
        const text = look(found.parameters, key);
        if (text !== undefined) this.secret(text);
        return text;
      },
      data: (key) => look(found.data, key),
    };
  }

  secret(text: string): void {
    this.events.push('secret');
    this.masked.push(...this.#secrets.register(text));
  }

  redact(text: string): string {
    return this.#secrets.redact(text);
  }

  line(text: string): void {
    this.log.push(`${this.#folded ? '| ' : ''}${this.#secrets.redact(text)}`);
  }

  group(title: string, lines: readonly string[]): void {
    const unfold = this.fold(title);
    for (const text of lines) this.line(text);
    unfold();
  }

  fold(title: string): () => void {
    this.log.push(`[${title}]`);
    this.#folded = true;
    return () => (this.#folded = false);
  }

  debug(text: string): void {
    this.debugLog.push(this.#secrets.redact(text));
  }

  error(text: string): void {
    this.errors.push(this.#secrets.redact(text));
  }

  warning(text: string): void {
    this.warnings.push(this.#secrets.redact(text));
  }

  output(name: string, value: string): void {
    this.events.push(`output ${name}`);
    this.outputs[name] = value;
  }

  summary(markdown: string): void {
    this.summaries.push(this.#secrets.redact(markdown));
  }

  attach(type: string, name: string, content: string): void {
    this.attachments.push({ type, name, content: this.#secrets.redact(content) });
  }

  keepFile(name: string, content: string): string {
    this.#files += 1;
    const path = join(this.tempDirectory, `${this.#files}-${name}`);
    writeFileSync(path, this.#secrets.redact(content));
    return path;
  }

  saveFile(path: string, content: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  scratch(): string {
    const path = mkdtempSync(join(this.runFolder, 'scratch-'));
    this.onEnd(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }

  onEnd(cleanUp: () => void): void {
    this.#cleanUps.push(cleanUp);
  }

  cleanUp(): void {
    this.events.push('clean-up');
    for (const job of this.#cleanUps.splice(0).reverse()) job();
    rmSync(this.runFolder, { recursive: true, force: true });
  }

  complete(end: TaskEnd): void {
    this.events.push('complete');
    this.ends.push(end);
  }
}
