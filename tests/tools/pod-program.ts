import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { object, objects, text, texts, type Json } from '../../tasks/_shared/fleet/json.js';

/** What runs in the place of a kubelet. */
export interface PodHost {
  /** A token of the pod's service account, for an audience. */
  readonly token: (namespace: string, serviceAccount: string, audience: string) => Promise<string>;
  /** What the machine adds to the program's environment: where it finds programs, and which authority it trusts (CURL_CA_BUNDLE). */
  readonly environment: Readonly<Record<string, string>>;
}

/** How a program ended. */
export interface ProgramEnd {
  readonly exitCode: number;
  /** What it wrote to its termination log. */
  readonly message: string;
  /** What it wrote to its output and errors, which nobody in a cluster has to read. */
  readonly output: string;
}

/**
 * Runs the first container's command of a pod as a child process of this machine: with the container's variables, its projected service-account tokens as files, and a termination
 * log. Paths of the pod are not those of this machine, so that variables whose value is such a path name the file that stands for it.
 */
export async function runPodProgram(pod: { readonly metadata: object; readonly spec?: unknown }, host: PodHost): Promise<ProgramEnd> {
  const folder = await mkdtemp(join(tmpdir(), 'pod-'));
  try {
    const spec = object(pod.spec);
    const [container = {}] = objects(spec.containers);
    const files = await tokenFiles(object(pod.metadata), spec, container, host, folder);
    const log = join(folder, 'termination-log');
    await writeFile(log, '');
    files.set(text(container.terminationMessagePath) ?? '/dev/termination-log', log);
    const variables = objects(container.env).map((entry): [string, string] => {
      const value = text(entry.value) ?? '';
      return [text(entry.name) ?? '', files.get(value) ?? value];
    });
    const ended = await run([...texts(container.command), ...texts(container.args)], { ...host.environment, ...Object.fromEntries(variables) });
    return { ...ended, message: (await readFile(log, 'utf8')).slice(0, 4096) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The token files of a container, by their paths in the pod. */
async function tokenFiles(metadata: Json, spec: Json, container: Json, { token }: PodHost, folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const mount of objects(container.volumeMounts)) {
    const volume = objects(spec.volumes).find(({ name }) => name === mount.name);
    for (const source of objects(object(volume?.projected).sources)) {
      const wanted = object(source.serviceAccountToken);
      if (typeof wanted.path !== 'string') continue;
      const path = join(folder, `token-${files.size}`);
      await writeFile(path, await token(text(metadata.namespace) ?? '', text(spec.serviceAccountName) ?? 'default', text(wanted.audience) ?? ''), { mode: 0o600 });
      files.set(`${(text(mount.mountPath) ?? '').replace(/\/$/, '')}/${wanted.path}`, path);
    }
  }
  return files;
}

function run([program = '', ...line]: readonly string[], env: Record<string, string>): Promise<{ exitCode: number; output: string }> {
  return new Promise((done, fail) => {
    const child = spawn(program, line, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', fail);
    child.on('close', (code) => done({ exitCode: code ?? -1, output: Buffer.concat(output).toString('utf8') }));
  });
}
