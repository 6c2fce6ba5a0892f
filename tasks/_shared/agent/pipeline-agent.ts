import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import internal from 'azure-pipelines-task-lib/internal.js';
import * as library from 'azure-pipelines-task-lib/task.js';
import type { Agent, Endpoint, TaskEnd } from './agent.js';
import { childEnvironment } from './child-environment.js';
import { runFolderVariable } from './left-record.js';
import { harmless, writeAtOnce } from './output-stream.js';
import { Secrets } from './secrets.js';

/** Taking shorter texts out of files would make them unreadable and hide nothing. */
const shortestSecret = 4;

/** The agent that runs a pipeline's job, over azure-pipelines-task-lib. */
export class PipelineAgent implements Agent {
  readonly tempDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly #secrets = new Secrets();
  readonly #cancellation = new AbortController();
  readonly #lastCall = new AbortController();
  #runFolder: string | undefined;
  readonly #cleanUps: (() => void)[] = [];

  constructor(readonly task: string) {
    writeAtOnce(process.stdout);
    this.tempDirectory = this.variable('Agent.TempDirectory') ?? tmpdir();
    this.environment = childEnvironment(process.env);
    // The agent masks logs, not files: what it calls secret has to be taken out of summaries and attachments by us.
    for (const [key, { secret }] of Object.entries(internal._knownVariableMap)) {
      const text = secret ? (internal._vault.retrieveSecret(`SECRET_${key}`) ?? '') : '';
      if (text.length >= shortestSecret) this.#secrets.register(text);
    }
    // One listener for each request and wait in flight is meant, not a leak.
    setMaxListeners(0, this.#cancellation.signal);
    // The agent sends SIGINT (Windows: Ctrl+C), 7.5 s later SIGTERM (Ctrl+Break), 2.5 s later it kills. Whoever sends SIGTERM first will
    // not wait as long. Source: azure-pipelines-agent, ProcessInvoker.
    const cancel = (): void => this.#cancellation.abort(new Error('the pipeline asked the task to stop'));
    process.on('SIGINT', cancel);
    for (const name of ['SIGTERM', 'SIGBREAK'] as const) {
      process.on(name, () => {
        cancel();
        this.#lastCall.abort(new Error('the pipeline is about to kill the task'));
      });
    }
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }

  get lastCall(): AbortSignal {
    return this.#lastCall.signal;
  }

  /** Made when it is first asked for; its name is told to the post-job step before, so that no kill falls in between. */
  get runFolder(): string {
    if (this.#runFolder !== undefined) return this.#runFolder;
    const name = `${this.task}-${randomUUID()}`;
    library.setTaskVariable(runFolderVariable, name);
    const path = join(this.tempDirectory, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    this.#cleanUps.unshift(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
    this.#runFolder = path;
    return path;
  }

  input(name: string): string | undefined {
    const text = library.getInput(name, false);
    return text === undefined || text === '' ? undefined : text;
  }

  variable(name: string): string | undefined {
    return library.getVariable(name);
  }

  isSecretVariable(name: string): boolean {
    // getVariables() would write every variable of the job into the debug log. The map is replaced while the library loads:
    // it has to be reached through the module's default export, which stays current.
    return internal._knownVariableMap[internal._getVariableKey(name)]?.secret ?? false;
  }

  endpoint(id: string): Endpoint | undefined {
    // getEndpointAuthorizationParameter() writes the value into the debug log before anybody could mask it; this one does not.
    const authorization = authorizationOf(id);
    if (authorization === undefined) return undefined;
    const parameter = (key: string): string | undefined => {
      const found = Object.entries(authorization.parameters).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1];
      return found === '' ? undefined : found;
    };
    return {
      id,
      url: (library.getEndpointUrl(id, true) ?? '').replace(/\/+$/, ''),
      scheme: authorization.scheme,
      parameter,
      secretParameter: (key) => {
        const text = parameter(key);
        if (text !== undefined) this.secret(text);
        return text;
      },
      data: (key) => {
        const text = library.getEndpointDataParameter(id, key.replace(/[ .]/g, '_'), true);
        return text === undefined || text === '' ? undefined : text;
      },
    };
  }

  secret(text: string): void {
    for (const piece of this.#secrets.register(text)) library.setSecret(piece);
  }

  redact(text: string): string {
    return this.#secrets.redact(text);
  }

  line(text: string): void {
    process.stdout.write(`${harmless(this.redact(text))}\n`);
  }

  group(title: string, lines: readonly string[]): void {
    const unfold = this.fold(title);
    for (const text of lines) this.line(text);
    unfold();
  }

  fold(title: string): () => void {
    this.line(`##[group]${title}`);
    return () => this.line('##[endgroup]');
  }

  debug(text: string): void {
    library.debug(this.#secrets.redact(text));
  }

  error(text: string): void {
    library.error(this.#secrets.redact(text));
  }

  warning(text: string): void {
    library.warning(this.#secrets.redact(text));
  }

  output(name: string, value: string): void {
    library.setVariable(name, value, false, true);
  }

  summary(markdown: string): void {
    library.uploadSummary(this.keepFile(`${this.task}.md`, markdown));
  }

  attach(type: string, name: string, content: string): void {
    library.addAttachment(type, name, this.keepFile(name, content));
  }

  keepFile(name: string, content: string): string {
    const path = join(this.#directory(), name);
    writeFileSync(path, this.#secrets.redact(content), { mode: 0o600 });
    return path;
  }

  saveFile(path: string, content: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  scratch(): string {
    return mkdtempSync(join(this.runFolder, 'scratch-'));
  }

  onEnd(cleanUp: () => void): void {
    this.#cleanUps.push(cleanUp);
  }

  cleanUp(): void {
    for (const job of this.#cleanUps.splice(0).reverse()) {
      try {
        job();
      } catch (error) {
        this.debug(`clean-up: ${String(error)}`);
      }
    }
  }

  complete(end: TaskEnd): void {
    library.setResult(library.TaskResult[end.result], this.#secrets.redact(end.message));
  }

  /** Ends the process once everything written has left it. A failed task ends with 0 too: its result is `task.complete`. */
  async leave(): Promise<void> {
    await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
    process.exit(0);
  }

  #directory(): string {
    mkdirSync(this.tempDirectory, { recursive: true });
    return mkdtempSync(join(this.tempDirectory, `${this.task}-`));
  }
}

function authorizationOf(id: string): library.EndpointAuthorization | undefined {
  try {
    return library.getEndpointAuthorization(id, true);
  } catch {
    // The library's message carries the text that it could not parse, secrets included.
    throw new Error(`the agent's record of service connection ${id} is not JSON`);
  }
}
