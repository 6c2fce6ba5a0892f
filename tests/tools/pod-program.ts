import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { itemsAt, mapAt, numberAt, textAt, textsAt, type Fields, type KubernetesObject } from '../simulators/kubernetes/objects/values.js';

/** What runs in the place of a kubelet. */
export interface PodHost {
  /** A token of the pod's service account, for an audience and so many seconds. */
  readonly token: (namespace: string, serviceAccount: string, audience: string, seconds: number) => Promise<string>;
  /** What the machine adds to the program's environment: where it finds programs, and which authority it trusts (CURL_CA_BUNDLE). */
  readonly environment: Readonly<Record<string, string>>;
  /** Ends the program. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export interface ProgramEnd {
  /** 127 for one that could not be started, 137 for one that was killed, as shells have it. */
  readonly exitCode: number;
  /** What it wrote to its termination log. Source of the limit: Kubernetes docs, determine the reason for pod failure. */
  readonly message: string;
  /** What it wrote to its output and errors, which nobody in a cluster has to read. */
  readonly output: string;
}

const longestMessage = 4096;

/**
 * Runs the first container's command of a pod as a child process of this machine: with the container's variables, its projected service-account tokens as files, and a termination
 * log. Paths of mounted volumes and of the termination log are replaced by paths of a folder of its own wherever they stand in command and environment. Not for Windows.
 */
export async function runPodProgram(pod: KubernetesObject, host: PodHost): Promise<ProgramEnd> {
  const folder = await mkdtemp(join(tmpdir(), 'pod-'));
  try {
    const [container = {}] = itemsAt(pod, 'spec', 'containers');
    const log = join(folder, 'termination-log');
    await writeFile(log, '');
    const places = await mountedPlaces(pod, container, host, folder);
    places.set(textAt(container, 'terminationMessagePath') || '/dev/termination-log', log);
    const line = [...textsAt(container, 'command'), ...textsAt(container, 'args')].map((text) => moved(text, places));
    const ended = await run(line, { cwd: folder, env: { ...host.environment, ...environmentOf(pod, container, places) }, signal: host.signal });
    return { ...ended, message: (await readFile(log, 'utf8')).slice(0, longestMessage) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The folders of a container's volumes, by their paths in the pod: with the tokens of projected ones, and empty else. */
async function mountedPlaces(pod: KubernetesObject, container: Fields, { token }: PodHost, folder: string): Promise<Map<string, string>> {
  const places = new Map<string, string>();
  for (const mount of itemsAt(container, 'volumeMounts')) {
    const place = join(folder, 'volumes', textAt(mount, 'name'));
    await mkdir(place, { recursive: true, mode: 0o700 });
    places.set(textAt(mount, 'mountPath').replace(/\/$/, ''), place);
    const volume = itemsAt(pod, 'spec', 'volumes').find(({ name }) => name === mount.name);
    for (const { serviceAccountToken: wanted } of itemsAt(volume, 'projected', 'sources')) {
      if (wanted === undefined) continue;
      const file = join(place, textAt(wanted, 'path'));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, await token(pod.metadata.namespace ?? '', textAt(pod, 'spec', 'serviceAccountName') || 'default', textAt(wanted, 'audience'), numberAt(wanted, ['expirationSeconds'], 3600)), { mode: 0o600 });
    }
  }
  return places;
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
  return Object.fromEntries(itemsAt(container, 'env').map((variable) => [textAt(variable, 'name'), fields[textAt(variable, 'valueFrom', 'fieldRef', 'fieldPath')] ?? moved(textAt(variable, 'value'), places)]));
}

function run([program = '', ...line]: readonly string[], { signal, ...place }: { readonly cwd: string; readonly env: Record<string, string>; readonly signal: AbortSignal | undefined }): Promise<{ exitCode: number; output: string }> {
  return new Promise((done) => {
    const child = spawn(program, line, { ...place, stdio: ['ignore', 'pipe', 'pipe'], killSignal: 'SIGKILL', ...(signal === undefined ? {} : { signal }) });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', ({ message }) => {
      if (child.pid === undefined) done({ exitCode: 127, output: message });
    });
    child.on('close', (code) => done({ exitCode: code ?? 137, output: Buffer.concat(output).toString('utf8') }));
  });
}
