import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { isRecord } from '../simulators/kernel/service.js';
import { textAt, type Fields } from '../simulators/kubernetes/objects/values.js';

/** What an API server answered that did not accept a request. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** One API server at a loopback port, for raw requests and, as its administrator, for objects. */
export class HttpsClient {
  readonly #agent: Agent;

  constructor(
    private readonly port: number,
    certificateAuthority: string,
    private readonly adminToken: string,
  ) {
    this.#agent = new Agent({ ca: certificateAuthority, keepAlive: true });
  }

  /** Sends a request as it is. @throws what Node throws when nothing answers. */
  send(options: Pick<RequestOptions, 'method' | 'path' | 'headers' | 'signal'>, body: Buffer): Promise<IncomingMessage> {
    return new Promise((done, fail) => {
      const sent = request({ ...options, host: '127.0.0.1', port: this.port, agent: this.#agent }, done);
      sent.on('error', fail);
      sent.end(body);
    });
  }

  /**
   * As the administrator, in JSON.
   * @throws Refusal for whatever is not 2xx, and what Node throws when nothing answers.
   */
  async json(method: string, path: string, content?: object, contentType = 'application/json'): Promise<Fields> {
    const body = Buffer.from(content === undefined ? '' : JSON.stringify(content));
    const headers = { authorization: `Bearer ${this.adminToken}`, accept: 'application/json, */*', 'content-type': contentType, 'content-length': String(body.length) };
    const answer = await this.send({ method, path, headers }, body);
    const status = answer.statusCode ?? 0;
    const text = (await whole(answer)).toString('utf8');
    const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : {};
    if (status < 200 || status > 299) throw new Refusal(status, textAt(parsed, 'message') || text);
    return isRecord(parsed) ? parsed : {};
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** All of an answer's body. */
export async function whole(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
