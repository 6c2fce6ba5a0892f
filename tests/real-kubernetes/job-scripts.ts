import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { itemsAt, mapAt, numberAt, textAt, textsAt, type Fields, type KubernetesObject } from '../simulators/kubernetes/objects/values.js';
import type { HttpsClient } from './https-client.js';

/** How a script ended. */
export interface ScriptEnd {
  readonly code: number;
  /** What it left in the file of its termination message, at most 4096 bytes. Source: Kubernetes docs, determine the reason for pod failure. */
  readonly message: string;
}

interface Run {
  readonly child: ChildProcess;
  readonly folder: string;
  end: ScriptEnd | 'running';
}

const longestMessage = 4096;

/**
 * Runs what a job's pod would run, as a process of this machine: the first container's `sh -c` with its environment. Paths of mounted volumes and of the termination
 * message are replaced by paths of a folder of its own wherever they stand in command, arguments and environment. Projected service-account tokens are asked
 * of the API server, as a kubelet does. Not for Windows.
 */
export class JobScripts {
  readonly #runs = new Map<string, Run>();

  /**
   * @param temp folder for the volumes.
   * @param environment added to that of every script, e.g. where the certificate authority is.
   */
  constructor(
    private readonly server: HttpsClient,
    private readonly temp: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** How the script of a pod stands; undefined for pods that run none. */
  result(pod: KubernetesObject): ScriptEnd | 'running' | undefined {
    const known = this.#runs.get(pod.metadata.uid ?? '')?.end;
    return known ?? (scriptOf(pod) === undefined ? undefined : 'running');
  }

  /** Starts the script of a pod, if it has one. */
  async begin(pod: KubernetesObject): Promise<void> {
    const line = scriptOf(pod);
    const { uid = '' } = pod.metadata;
    if (line === undefined || this.#runs.has(uid)) return;
    const folder = await mkdtemp(join(this.temp, 'pod-'));
    const [container = {}] = itemsAt(pod, 'spec', 'containers');
    const messageFile = join(folder, 'termination-message');
    const places = new Map([[textAt(container, 'terminationMessagePath') || '/dev/termination-log', messageFile]]);
    await writeFile(messageFile, '');
    for (const { name, mountPath } of itemsAt(container, 'volumeMounts')) {
      const volume = itemsAt(pod, 'spec', 'volumes').find((other) => other.name === name);
      const place = join(folder, 'volumes', String(name));
      await mkdir(place, { recursive: true, mode: 0o700 });
      await this.#fill(pod, volume, place);
      places.set(String(mountPath), place);
    }
    const [program = 'sh', ...rest] = line.map((text) => moved(text, places));
    const env = { PATH: process.env.PATH ?? '', ...this.environment, ...environmentOf(pod, container, places) };
    const child = spawn(program, rest, { cwd: folder, env, stdio: 'ignore' });
    const run: Run = { child, folder, end: 'running' };
    this.#runs.set(uid, run);
    const settle = (code: number): void => {
      readFile(messageFile, 'utf8').catch(() => '').then((message) => (run.end = { code, message: message.slice(0, longestMessage) }), () => undefined);
    };
    child.on('error', () => settle(127));
    child.on('close', (code) => settle(code ?? 137));
  }

  /** Ends the script of a pod that was deleted, and removes its files. */
  async end(uid: string): Promise<void> {
    const run = this.#runs.get(uid);
    if (run === undefined) return;
    run.child.kill('SIGKILL');
    this.#runs.delete(uid);
    await rm(run.folder, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    for (const uid of [...this.#runs.keys()]) await this.end(uid);
  }

  /** Puts the tokens of a projected volume into its folder; other volumes are empty here. */
  async #fill(pod: KubernetesObject, volume: Fields | undefined, place: string): Promise<void> {
    const { name, namespace = '', uid } = pod.metadata;
    for (const source of itemsAt(volume, 'projected', 'sources')) {
      const wanted = source.serviceAccountToken;
      if (wanted === undefined) continue;
      const audience = textAt(wanted, 'audience');
      const account = textAt(pod, 'spec', 'serviceAccountName');
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
      const spec = { audiences: audience === '' ? [] : [audience], expirationSeconds: numberAt(wanted, ['expirationSeconds'], 3600), boundObjectRef };
      const answer = await this.server.json('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec });
      const file = join(place, textAt(wanted, 'path'));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, textAt(answer, 'status', 'token'), { mode: 0o600 });
    }
  }
}

/** The command line of a pod whose first container is a shell's script. */
function scriptOf(pod: KubernetesObject): readonly string[] | undefined {
  const [container] = itemsAt(pod, 'spec', 'containers');
  const line = [...textsAt(container, 'command'), ...textsAt(container, 'args')];
  return /^(\/bin\/)?sh$/.test(line[0] ?? '') && line.length > 1 ? line : undefined;
}

/** Longer paths first, so that a folder in a folder finds its own place. */
function moved(text: string, places: ReadonlyMap<string, string>): string {
  return [...places].sort(([one], [other]) => other.length - one.length).reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/** The environment of a container: values, and fields of the pod. Source: Kubernetes docs, downward API. */
function environmentOf(pod: KubernetesObject, container: Fields, places: ReadonlyMap<string, string>): Record<string, string> {
  const fields: Record<string, string> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace ?? '',
    'metadata.uid': pod.metadata.uid ?? '',
    'spec.nodeName': textAt(pod, 'spec', 'nodeName'),
    'spec.serviceAccountName': textAt(pod, 'spec', 'serviceAccountName'),
    ...Object.fromEntries(Object.entries(mapAt(pod, 'metadata', 'annotations')).map(([key, value]) => [`metadata.annotations['${key}']`, value])),
  };
  const entries = itemsAt(container, 'env').map((variable) => [textAt(variable, 'name'), fields[textAt(variable, 'valueFrom', 'fieldRef', 'fieldPath')] ?? moved(textAt(variable, 'value'), places)]);
  return Object.fromEntries(entries) as Record<string, string>;
}
