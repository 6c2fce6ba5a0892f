import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';

const keptLines = 40;
/** What a program may take to end when it is asked to; then it is killed. Milliseconds. */
const graceMs = 3_000;

/** A server that runs as a child of this process, and never longer than it. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<void>;
  readonly #kill = (): void => void this.#child.kill('SIGKILL');

  constructor(
    readonly name: string,
    program: string,
    line: readonly string[],
  ) {
    this.#child = spawn(program, line, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk: Buffer) => this.#keep(chunk.toString()));
    process.on('exit', this.#kill);
    this.#ended = new Promise<void>((done) => {
      this.#child.on('error', (error) => {
        this.#keep(error.message);
        done();
      });
      this.#child.on('close', () => done());
    }).then(() => void process.off('exit', this.#kill));
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The last lines of what it said. */
  get tail(): string {
    return this.#lines.join('\n');
  }

  /** Ends it. Whoever wants to see how a crash is borne asks for no grace. */
  async stop(grace = true): Promise<void> {
    if (grace) this.#child.kill('SIGTERM');
    const timer = setTimeout(this.#kill, grace ? graceMs : 0);
    await this.#ended;
    clearTimeout(timer);
  }

  #keep(text: string): void {
    this.#lines.push(...text.split(/\r?\n/).filter((line) => line !== ''));
    this.#lines.splice(0, Math.max(0, this.#lines.length - keptLines));
  }
}

/** Ports of the loopback interface that nobody listens on now. All are held until all are found, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return server;
  }));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
