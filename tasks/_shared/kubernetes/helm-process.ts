import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { platform } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../reconcile/clock.js';
import { cancelled, Problem } from '../reconcile/problem.js';
import { oldestHelm } from './helm-version.js';
import type { HelmArgument, HelmInjection } from './connection.js';
import { writeKubeconfig, writePrivate, type KubeconfigSource } from './kubeconfig.js';

/** What running helm needs. */
export interface HelmTools {
  /** Environment of the child; HELM_* and KUBE* variables in it are ignored, and so are proxies: the cluster's way says which. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where short-lived private files go: the agent's temp directory. */
  readonly tempDirectory: string;
  readonly clock: Clock;
  /** The program that makes rendered manifests right, and its script; absent where nothing is injected. */
  readonly postRenderer?: PostRenderer;
}

/** The program that helm pipes rendered manifests through. Source: helm docs, advanced techniques, post rendering. */
export interface PostRenderer {
  /** Full path of Node. */
  readonly program: string;
  /** Its script, by its full path, and what comes before that; the path of the identity's file comes last. */
  readonly arguments: readonly string[];
}

/** One run of helm. */
export interface HelmRun {
  readonly executable: string;
  readonly signal: AbortSignal;
  /** Absent for commands that need no cluster. */
  readonly cluster?: KubeconfigSource;
  readonly inject?: HelmInjection;
  /** Further variables of its environment, which win: the way to what it fetches. */
  readonly surroundings?: Readonly<Record<string, string>>;
  /** Is told what a helm that succeeded wrote beside its output. */
  readonly beside?: (text: string) => void;
}

/** Helm marks its release as failed when it is asked to stop, which takes a request or two. Milliseconds. */
const graceMs = 5_000;
const longestMessage = 1_500;
/** What Helm 4 knows the post-renderer by. */
const pluginName = 'aks-workload-identity';

/**
 * Why an executable cannot be started as it is named; undefined when it can. Windows finds `helm` as helm.exe (or helm.com) on the PATH and
 * looks no further; command files need a shell, in which arguments would mean something else.
 * Source: libuv docs, uv_spawn (search of the PATH); Node.js docs, spawning .bat and .cmd files on Windows.
 * @param system as Node names operating systems.
 */
export function unstartable(executable: string, system: string): string | undefined {
  if (system !== 'win32' || !/\.(cmd|bat)$/i.test(executable)) return undefined;
  return 'Windows starts .cmd and .bat files only through a shell, which this task does not use: helmPath has to name a helm.exe';
}

/** Runs helm on this machine, each time in private folders of its own that are gone afterwards. */
export class HelmProcess {
  constructor(private readonly tools: HelmTools) {}

  /**
   * @returns standard output.
   * @throws Problem WI4201 when helm cannot be started, WI4202 when it fails, WI9002 when the run was cancelled.
   */
  async run(helmArguments: readonly HelmArgument[], { executable, signal, cluster, inject, surroundings = {}, beside }: HelmRun): Promise<string> {
    if (signal.aborted) throw cancelled('run helm');
    const obstacle = unstartable(executable, platform());
    if (obstacle !== undefined) throw helmUnusable(executable, obstacle);
    const folder = await mkdtemp(join(this.tools.tempDirectory, 'aks-wi-helm-'));
    const ended = new AbortController();
    let renewal: Promise<void> | undefined;
    try {
      const rendering = inject === undefined ? [] : await this.#postRendering(inject, folder);
      const line = [...(await Promise.all(helmArguments.map((argument) => materialize(argument, folder)))), ...rendering];
      const kubeconfig = cluster === undefined ? undefined : await writeKubeconfig(folder, cluster, this.tools.clock);
      renewal = kubeconfig?.renew(ended.signal);
      return await this.#spawn(executable, line, { ...this.#environment(folder, kubeconfig?.path), ...surroundings }, signal, beside);
    } finally {
      ended.abort();
      await renewal;
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  /** Helm 3 starts a program, Helm 4 a plugin of its own folder, which is that of this run alone. Source: helm docs, plugins (postrenderer/v1); seen with 3.17.2 and 4.1.4. */
  async #postRendering({ identity, helmMajor }: HelmInjection, folder: string): Promise<string[]> {
    const { postRenderer } = this.tools;
    if (postRenderer === undefined) throw new Error('nothing is there to inject identities with');
    const file = join(folder, 'identity.json');
    const line = [...postRenderer.arguments, file];
    await writePrivate(file, JSON.stringify(identity));
    if (helmMajor < 4) return ['--post-renderer', postRenderer.program, ...line.flatMap((argument) => ['--post-renderer-args', argument])];
    const plugin = join(folder, 'data', 'plugins', pluginName);
    await mkdir(plugin, { recursive: true, mode: 0o700 });
    const runtimeConfig = { platformCommand: [{ command: postRenderer.program, args: line }] };
    await writePrivate(join(plugin, 'plugin.yaml'), JSON.stringify({ apiVersion: 'v1', type: 'postrenderer/v1', name: pluginName, version: '1.0.0', runtime: 'subprocess', runtimeConfig }));
    return ['--post-renderer', pluginName];
  }

  #environment(folder: string, kubeconfig: string | undefined): NodeJS.ProcessEnv {
    const inherited = Object.entries(this.tools.environment).filter(([name]) => !/^(HELM_|KUBE|(HTTPS?|NO|ALL)_PROXY$)/i.test(name));
    return {
      ...Object.fromEntries(inherited),
      HELM_CACHE_HOME: join(folder, 'cache'),
      HELM_CONFIG_HOME: join(folder, 'config'),
      HELM_DATA_HOME: join(folder, 'data'),
      // Registries that the agent's user is logged in to are nothing to this run. Source: oras-go, credentials.NewStoreFromDocker.
      DOCKER_CONFIG: folder,
      // What a cluster offers is remembered for as long as the run lasts: below the home directory it would be for hours, and for everybody.
      // Source: cli-runtime, genericclioptions, getDefaultCacheDir.
      KUBECACHEDIR: join(this.tools.tempDirectory, 'kube-cache'),
      KUBECONFIG: kubeconfig ?? join(folder, 'no-kubeconfig'),
    };
  }

  #spawn(executable: string, line: readonly string[], environment: NodeJS.ProcessEnv, signal: AbortSignal, beside: HelmRun['beside']): Promise<string> {
    const { clock } = this.tools;
    return new Promise((done, fail) => {
      const child = start(executable, line, environment);
      const ended = new AbortController();
      const stop = (): void => {
        child.kill('SIGTERM');
        clock.sleep(graceMs, ended.signal).then(() => child.kill('SIGKILL'), () => undefined);
      };
      signal.addEventListener('abort', stop, { once: true });
      const output: Buffer[] = [];
      const errors: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
      const end = (): void => {
        signal.removeEventListener('abort', stop);
        ended.abort();
      };
      child.on('error', (error) => {
        end();
        fail(helmUnusable(executable, error.message, error));
      });
      child.on('close', (code) => {
        end();
        if (signal.aborted) fail(cancelled(`run helm ${line[0] ?? ''}`));
        else if (code === 0) {
          beside?.(Buffer.concat(errors).toString('utf8'));
          done(Buffer.concat(output).toString('utf8'));
        } else fail(helmFailed(line[0] ?? '', code, Buffer.concat(errors).toString('utf8')));
      });
    });
  }
}

function start(executable: string, line: readonly string[], env: NodeJS.ProcessEnv): ChildProcessByStdio<null, Readable, Readable> {
  try {
    return spawn(executable, line, { env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
  } catch (error) {
    // What is not about the file itself is thrown at once, e.g. a line that is too long.
    throw helmUnusable(executable, error instanceof Error ? error.message : String(error), error);
  }
}

async function materialize(argument: HelmArgument, folder: string): Promise<string> {
  if (typeof argument === 'string') return argument;
  if ('folder' in argument) return resolve(argument.folder);
  const path = join(folder, argument.fileName);
  await writePrivate(path, argument.content);
  return path;
}

/** The Problem of a helm that cannot be started, or is too old. */
export function helmUnusable(executable: string, because: string, cause?: unknown): Problem {
  return new Problem(
    {
      code: 'WI4201',
      what: `Helm cannot be used (${executable})`,
      tried: 'start helm',
      because,
      remedy: `install helm ${oldestHelm} or later on the agent (task HelmInstaller@1), or set helmPath`,
    },
    cause,
  );
}

/** The Problem of a helm that ended with another exit code than 0. @param errors its error output */
export function helmFailed(command: string, code: number | null, errors: string): Problem {
  const lines = errors.split(/\r?\n/).filter((line) => line !== '' && !/^(WARNING|level=|I\d{4} |W\d{4} )/.test(line));
  const text = lines.join(' ').replace(/^Error: /, '').trim();
  return new Problem({
    code: 'WI4202',
    what: `helm ${command} failed`,
    tried: `run helm ${command}`,
    because: text === '' ? `helm ended with exit code ${code ?? 'none'} and said nothing` : text.slice(-longestMessage),
    remedy: 'read helm’s message and correct the chart or its values',
    ...(code === null ? {} : { ended: true }),
  });
}
