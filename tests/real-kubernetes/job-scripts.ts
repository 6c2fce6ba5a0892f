import type { PodEnd } from '../simulators/kubernetes/controllers/control-context.js';
import { itemsAt, textAt, textsAt, type KubernetesObject } from '../simulators/kubernetes/objects/values.js';
import { runPodProgram } from '../tools/pod-program.js';
import type { HttpsClient } from './https-client.js';

interface Run {
  readonly stop: AbortController;
  /** Settles when nothing of it is left. */
  over: Promise<void>;
  end: PodEnd | undefined;
}

/** Runs what jobs' pods would run, the scripts of a shell alone, as processes of this machine. Their tokens are asked of the API server, as a kubelet does. */
export class JobScripts {
  readonly #runs = new Map<string, Run>();

  /** @param environment added to that of every script, e.g. where the certificate authority is. */
  constructor(
    private readonly server: HttpsClient,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** How the script of a pod stands; undefined for pods that run none. */
  result(pod: KubernetesObject): PodEnd | 'running' | undefined {
    if (!isScript(pod)) return undefined;
    return this.#runs.get(pod.metadata.uid ?? '')?.end ?? 'running';
  }

  /** Starts the script of a pod, if it has one; one that could not even begin is started again at the next look. */
  begin(pod: KubernetesObject): void {
    const { name, uid = '' } = pod.metadata;
    if (!isScript(pod) || this.#runs.has(uid)) return;
    const run: Run = { stop: new AbortController(), over: Promise.resolve(), end: undefined };
    this.#runs.set(uid, run);
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
    const token = async (namespace: string, account: string, audience: string, expirationSeconds: number): Promise<string> => {
      const spec = { audiences: audience === '' ? [] : [audience], expirationSeconds, boundObjectRef };
      return textAt(await this.server.json('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec }), 'status', 'token');
    };
    const environment = { PATH: process.env.PATH ?? '', ...this.environment };
    run.over = runPodProgram(pod, { token, environment, signal: run.stop.signal }).then(
      ({ exitCode, message }) => {
        run.end = { exitCode, message };
      },
      () => void this.#runs.delete(uid),
    );
  }

  /** Ends the script of a pod that was deleted. */
  async end(uid: string): Promise<void> {
    const run = this.#runs.get(uid);
    run?.stop.abort();
    await run?.over;
    this.#runs.delete(uid);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#runs.keys()].map((uid) => this.end(uid)));
  }
}

/** True for a pod whose first container is a shell's script. */
function isScript(pod: KubernetesObject): boolean {
  const [container] = itemsAt(pod, 'spec', 'containers');
  const line = [...textsAt(container, 'command'), ...textsAt(container, 'args')];
  return /^(\/bin\/)?sh$/.test(line[0] ?? '') && line.length > 1;
}
