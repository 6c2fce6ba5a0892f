import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { withDeadline } from '../reconcile/deadline.js';
import { until, type Attempt } from '../reconcile/retry.js';
import type { ProgramRoute } from '../network/route.js';
import { chartVersion, packageFiles } from './chart-package.js';
import { fetchFailure, notAsked } from './chart-fetch-problems.js';
import type { ChartOrigin } from './chart-origin.js';
import type { HelmArgument } from './connection.js';
import { HelmProcess, type HelmTools } from './helm-process.js';

/** What fetching a chart works with. */
export interface FetchTools extends HelmTools {
  readonly signal: AbortSignal;
  readonly route: ProgramRoute;
  /** What a registry is signed in to with; undefined: without. */
  readonly login: (registry: string) => Promise<{ readonly user: string; readonly password: string } | undefined>;
}

/** How long one try may take. Milliseconds. */
const limitMs = 180_000;
/** How long faults that may pass are tried again. Milliseconds. */
const patience = { deadlineMs: 30_000, firstWaitMs: 2_000, longestWaitMs: 10_000 };

/**
 * Fetches a packed chart, with settings, caches and logins of this command alone, and looks whether it is the one that was asked for: helm takes
 * the newest one that comes near.
 * @param executable `helm`, or its path.
 * @returns the path of the package, in the agent's temp directory.
 * @throws Problem WI4214 when it is not there, WI4215 when it is refused, WI4216 when it cannot be reached, WI4217 when it is another one.
 */
export async function fetchChart(origin: ChartOrigin, executable: string, tools: FetchTools): Promise<string> {
  const registry = 'registry' in origin.place ? origin.place.registry : undefined;
  const login = registry === undefined ? undefined : await tools.login(registry);
  const pull = new Pull(origin, executable, tools, registry === undefined ? [] : ['--registry-config', registryConfig(registry, login)]);
  const waiting = { clock: tools.clock, signal: tools.signal, progress: () => undefined };
  return until(patience, waiting, () => pull.attempt());
}

class Pull {
  constructor(
    private readonly origin: ChartOrigin,
    private readonly executable: string,
    private readonly tools: FetchTools,
    private readonly accounts: readonly HelmArgument[],
  ) {}

  /** Each try has a folder of its own: what an interrupted one left is not taken for a chart. */
  async attempt(): Promise<Attempt<string>> {
    const { executable, tools, origin } = this;
    const folder = await mkdtemp(join(tools.tempDirectory, 'aks-wi-chart-'));
    let beside = '';
    const way = tools.route.variables(this.#address());
    const trust = await this.#trust(folder, way);
    const line = ['pull', ...this.#wanted(), '--destination', folder, ...this.accounts, ...trust.options];
    const run = { executable, surroundings: { ...way, ...trust.variables }, beside: (text: string) => void (beside = text) };
    try {
      await withDeadline({ ...tools, limitMs }, (signal) => new HelmProcess(tools).run(line, { ...run, signal }));
    } catch (error) {
      tools.signal.throwIfAborted();
      const { problem, passing } = fetchFailure(origin, error);
      if (passing) return { wait: 'fetching the chart again', failure: problem };
      throw problem;
    }
    return { done: await this.#checked(folder, beside) };
  }

  #wanted(): string[] {
    const { place, version, digest } = this.origin;
    const exact = version === undefined ? [] : ['--version', version];
    if ('registry' in place) return [`oci://${place.registry}/${place.path}${digest === undefined ? '' : `@${digest}`}`, ...exact];
    return [place.name, '--repo', place.repository, ...exact];
  }

  /**
   * Authorities of the agent's own go into a variable where Go reads it, else into an option; but Helm 3 forgets the proxy to a registry for
   * that option, so there the store of the machine has to know them. Source: Go, crypto/x509, SSL_CERT_FILE; seen with helm 3.17.2.
   */
  async #trust(folder: string, way: Readonly<Record<string, string>>): Promise<{ readonly options: readonly string[]; readonly variables: Readonly<Record<string, string>> }> {
    const { authorities } = this.tools.route;
    if (authorities === undefined) return { options: [], variables: {} };
    const file = join(folder, 'authorities.pem');
    await writeFile(file, authorities);
    if (platform() === 'linux') return { options: [], variables: { SSL_CERT_FILE: file } };
    const forgets = 'registry' in this.origin.place && Object.keys(way).length > 0;
    return { options: forgets ? [] : ['--ca-file', file], variables: {} };
  }

  #address(): string {
    const { place } = this.origin;
    return 'registry' in place ? `https://${place.registry}/` : place.repository;
  }

  /** Helm names the file after what it was asked for, so the only one is meant. */
  async #checked(folder: string, beside: string): Promise<string> {
    const { origin } = this;
    const name = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
    if (name === undefined) throw notAsked(origin, 'helm ended well and left no package');
    const path = join(folder, name);
    const content = await readFile(path);
    const digest = 'registry' in origin.place ? /^Digest: (sha256:[0-9a-f]{64})\s*$/m.exec(beside)?.[1] : `sha256:${createHash('sha256').update(content).digest('hex')}`;
    if (origin.digest !== undefined && digest !== origin.digest) throw notAsked(origin, `what came has the digest ${digest ?? '(helm told none)'} instead of ${origin.digest}`);
    const version = versionIn(origin, content);
    if (origin.version !== undefined && bare(version) !== bare(origin.version)) throw notAsked(origin, `what came says that it is version ${version === '' ? '(none)' : version}`);
    return path;
  }
}

function versionIn(origin: ChartOrigin, content: Buffer): string {
  try {
    return chartVersion(packageFiles(content));
  } catch (error) {
    throw notAsked(origin, `what came is no packed chart: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** Some charts write a `v` before their versions, and helm takes one for the other. */
function bare(version: string): string {
  return version.replace(/^v/, '');
}

/** An entry without a login keeps helm from looking for one elsewhere. Source: oras-go, credentials, config file and native store. */
function registryConfig(registry: string, login: { readonly user: string; readonly password: string } | undefined): HelmArgument {
  const entry = login === undefined ? {} : { auth: Buffer.from(`${login.user}:${login.password}`).toString('base64') };
  return { fileName: 'config.json', content: JSON.stringify({ auths: { [registry]: entry } }) };
}
