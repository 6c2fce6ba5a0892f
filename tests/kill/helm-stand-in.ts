import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseManifests } from '../../tasks/_shared/kubernetes/chart.js';
import type { HelmArgument, HelmInjection, HelmOptions } from '../../tasks/_shared/kubernetes/connection.js';
import { injectIdentity } from '../../tasks/_shared/kubernetes/identity-injection.js';
import { object, objects, text, type Json } from '../../tasks/_shared/fleet/json.js';
import type { Clock } from '../../tasks/_shared/reconcile/clock.js';
import { cancelled, Problem } from '../../tasks/_shared/reconcile/problem.js';
import type { Dispatcher } from '../simulators/kernel/network.js';
import type { SimResponse } from '../simulators/kernel/service.js';
import { kubeTools } from '../tools/kube-tools.js';

/** One API server as the stand-in reaches it. */
export interface HelmTarget {
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly server: () => Promise<string>;
  readonly token: () => Promise<string>;
}

interface HelmRevision {
  readonly version: number;
  readonly status: string;
  readonly labels: Json;
  readonly manifests: readonly Json[];
}

/** What every command that writes works on. */
interface Work {
  readonly release: string;
  readonly namespace: string;
  /** Path of the Secrets. */
  readonly secrets: string;
  readonly history: readonly HelmRevision[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const never = new AbortController().signal;
const rendered = new Map<string, Promise<string>>();
const plurals: Readonly<Record<string, string>> = { Deployment: 'apis/apps/v1:deployments', Service: 'api/v1:services', ServiceAccount: 'api/v1:serviceaccounts' };

/**
 * Does in this process, on the world's clock, what helm 4 does on the wire for `upgrade --install --wait`, `rollback` and `uninstall`, so that it can be killed between any
 * two of its requests: release Secret pending → each object applied → rollout awaited → former revision superseded → Secret deployed. Charts
 * are rendered by the real helm, once for each set of values. Sources: recorded traffic of helm 4.1.4; helm pkg/action/upgrade.go.
 */
export class HelmStandIn {
  /** Server and token, as in the kubeconfig that helm gets: fetched once, before it starts. */
  #kubeconfig: Promise<readonly [server: string, token: string]> | undefined;

  constructor(private readonly target: HelmTarget) {}

  async run(given: readonly HelmArgument[], { inject, signal = never }: Partial<Pick<HelmOptions, 'inject' | 'signal'>> = {}): Promise<string> {
    const [command, release] = given;
    if (command === 'version') return 'v4.1.4';
    if (typeof release !== 'string') throw new Error('the stand-in knows commands about a release only');
    if (command === 'template') return render(release, given);
    const namespace = option(given, '--namespace');
    const secrets = `/api/v1/namespaces/${namespace}/secrets`;
    const history = await this.#history(secrets, release);
    const work = { release, namespace, secrets, history, timeoutMs: Number.parseInt(option(given, '--timeout'), 10) * 1_000, signal };
    if (command === 'upgrade') await this.#upgrade(work, given, inject);
    else if (command === 'rollback') await this.#rollback(work, Number(given[2]));
    else if (command === 'uninstall') await this.#uninstall(work);
    else throw new Error(`the stand-in does not know helm ${JSON.stringify(command)}`);
    return '';
  }

  async #upgrade(work: Work, given: readonly HelmArgument[], inject: HelmInjection | undefined): Promise<void> {
    const { release, namespace, history } = work;
    const newest = history.at(-1);
    if (newest?.status.startsWith('pending-') === true) throw refused('another operation (install/upgrade/rollback) is in progress');
    const rendered = await render(release, given);
    const manifests = parseManifests(inject === undefined ? rendered : injectIdentity(rendered, inject.identity)).map((one) => owned(one, release, namespace));
    for (const manifest of manifests) await this.#checkOwner(manifest, release, namespace);
    await this.#make(work, newest === undefined ? 'pending-install' : 'pending-upgrade', userLabels(given, newest), manifests);
  }

  /** Source of which labels a rollback carries: helm pkg/action/rollback.go (those of the revision that it goes back to). */
  async #rollback(work: Work, to: number): Promise<void> {
    const target = work.history.find(({ version }) => version === to);
    if (target === undefined) throw refused('release: not found');
    await this.#make(work, 'pending-rollback', ownLabels(target), target.manifests);
  }

  async #uninstall({ secrets, release, namespace, history }: Work): Promise<void> {
    for (const manifest of history.at(-1)?.manifests ?? []) await this.#send('DELETE', pathOf(manifest, namespace), undefined, undefined, [404]);
    for (const { version } of history) await this.#send('DELETE', `${secrets}/${secretName(release, version)}`);
  }

  /** One revision: recorded as pending, applied, awaited, and then recorded as what it came to. */
  async #make({ release, namespace, secrets, history, timeoutMs, signal }: Work, pendingAs: string, own: Json, manifests: readonly Json[]): Promise<void> {
    const version = (history.at(-1)?.version ?? 0) + 1;
    const labels = { ...own, name: release, owner: 'helm', version: String(version) };
    const pending = secretOf(release, version, { ...labels, status: pendingAs, createdAt: this.#seconds() }, manifests);
    await this.#send('POST', secrets, pending);
    const settle = (status: string): Promise<SimResponse> => this.#send('PUT', `${secrets}/${secretName(release, version)}`, secretOf(release, version, { ...labels, status, modifiedAt: this.#seconds() }, manifests));
    try {
      for (const manifest of manifests) await this.#send('PATCH', `${pathOf(manifest, namespace)}?fieldManager=helm&force=false&fieldValidation=Strict`, manifest, 'application/apply-patch+yaml');
      const deadline = this.target.clock.monotonic() + timeoutMs;
      for (const manifest of manifests) if (manifest.kind === 'Deployment') await this.#rolledOut(pathOf(manifest, namespace), deadline, signal);
    } catch (error) {
      if (error instanceof Problem) await settle('failed');
      throw error;
    }
    for (const former of history.filter(({ status }) => status === 'deployed')) {
      const superseded = secretOf(release, former.version, { ...former.labels, status: 'superseded', modifiedAt: this.#seconds() }, former.manifests);
      await this.#send('PUT', `${secrets}/${secretName(release, former.version)}`, superseded);
    }
    await settle('deployed');
  }

  async #history(secrets: string, release: string): Promise<HelmRevision[]> {
    const { body } = await this.#send('GET', `${secrets}?labelSelector=${encodeURIComponent(`name=${release},owner=helm`)}`);
    const found = objects(object(body).items).map((secret) => {
      const labels = object(object(secret.metadata).labels);
      const release64 = text(object(secret.data).release) ?? '';
      const manifests = objects(JSON.parse(Buffer.from(release64, 'base64').toString('utf8')));
      return { version: Number(labels.version), status: text(labels.status) ?? '', labels, manifests };
    });
    return found.sort((one, other) => one.version - other.version);
  }

  /** Helm takes over what carries its marks for this release, and refuses everything else that exists. */
  async #checkOwner(manifest: Json, release: string, namespace: string): Promise<void> {
    const { status, body } = await this.#send('GET', pathOf(manifest, namespace), undefined, undefined, [404]);
    if (status === 404) return;
    const { labels, annotations, name } = object(object(body).metadata);
    const ours = object(labels)['app.kubernetes.io/managed-by'] === 'Helm' && object(annotations)['meta.helm.sh/release-name'] === release;
    if (!ours) throw refused(`${String(manifest.kind)} ${String(name)} exists and cannot be imported into the current release: invalid ownership metadata`);
  }

  async #rolledOut(path: string, deadline: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      if (signal.aborted) throw cancelled('run helm');
      if (this.target.clock.monotonic() > deadline) throw refused('context deadline exceeded');
      const { metadata, spec, status } = object((await this.#send('GET', path)).body);
      const wanted = object(spec).replicas;
      const { observedGeneration, updatedReplicas, availableReplicas, replicas } = object(status);
      if (observedGeneration === object(metadata).generation && [updatedReplicas, availableReplicas, replicas].every((count) => count === wanted)) return;
      await this.target.clock.sleep(2_000);
    }
  }

  async #send(method: string, path: string, body?: object, type = 'application/json', expected: readonly number[] = []): Promise<SimResponse> {
    const { dispatcher } = this.target;
    const [server, token] = await (this.#kubeconfig ??= Promise.all([this.target.server(), this.target.token()]));
    const headers = { authorization: `Bearer ${token}`, 'user-agent': 'Helm/4.1.4', accept: 'application/json', ...(body === undefined ? {} : { 'content-type': type }) };
    const content = Buffer.from(body === undefined ? '' : JSON.stringify(body));
    const answer = await dispatcher.dispatch({ method, url: new URL(`${server}${path}`), headers, body: content, signal: new AbortController().signal });
    if (answer.status >= 300 && !expected.includes(answer.status)) throw refused(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return { ...answer, body: JSON.parse(JSON.stringify(answer.body ?? {})) as object };
  }

  #seconds(): string {
    return String(Math.floor(this.target.clock.now().getTime() / 1000));
  }
}

function refused(because: string): Problem {
  return new Problem({ code: 'WI4202', what: 'helm upgrade failed', because, remedy: 'read helm’s message', ended: true });
}

function option(given: readonly HelmArgument[], name: string): string {
  const value = given[given.indexOf(name) + 1];
  if (!given.includes(name) || typeof value !== 'string') throw new Error(`helm was called without ${name}`);
  return value;
}

/** Those of the newest revision are handed on, and `null` takes one away. Source: helm pkg/action/upgrade.go, mergeCustomLabels. */
function userLabels(given: readonly HelmArgument[], newest: HelmRevision | undefined): Json {
  const wanted = Object.fromEntries(option(given, '--labels').split(',').map((pair) => pair.split('=') as [string, string]));
  const merged = { ...(newest === undefined ? {} : ownLabels(newest)), ...wanted };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== 'null'));
}

/** The labels that are not helm's own. */
function ownLabels({ labels }: HelmRevision): Json {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => !['name', 'owner', 'version', 'status', 'createdAt', 'modifiedAt'].includes(name)));
}

function secretName(release: string, version: number): string {
  return `sh.helm.release.v1.${release}.v${version}`;
}

function secretOf(release: string, version: number, labels: Json, manifests: readonly Json[]): object {
  const data = { release: Buffer.from(JSON.stringify(manifests)).toString('base64') };
  return { apiVersion: 'v1', kind: 'Secret', type: 'helm.sh/release.v1', metadata: { name: secretName(release, version), labels }, data };
}

function owned(manifest: Json, release: string, namespace: string): Json {
  const metadata = object(manifest.metadata);
  const labels = { ...object(metadata.labels), 'app.kubernetes.io/managed-by': 'Helm' };
  const annotations = { ...object(metadata.annotations), 'meta.helm.sh/release-name': release, 'meta.helm.sh/release-namespace': namespace };
  return { ...manifest, metadata: { ...metadata, namespace, labels, annotations } };
}

function pathOf({ kind, metadata }: Json, namespace: string): string {
  const [prefix, plural] = (plurals[String(kind)] ?? '').split(':');
  if (prefix === undefined || plural === undefined) throw new Error(`the stand-in does not know ${String(kind)}`);
  return `/${prefix}/namespaces/${namespace}/${plural}/${String(object(metadata).name)}`;
}

/** What `helm template` gives for these arguments; the real helm is asked once. */
function render(release: string, given: readonly HelmArgument[]): Promise<string> {
  const folder = given.flatMap((one) => (typeof one === 'object' && 'folder' in one ? [one.folder] : []))[0] ?? '';
  const values = given.flatMap((one) => (typeof one === 'object' && 'content' in one ? [one.content] : []));
  const namespace = option(given, '--namespace');
  const key = JSON.stringify([release, folder, values, namespace]);
  const found = rendered.get(key) ?? template(release, folder, values, namespace);
  rendered.set(key, found);
  return found;
}

async function template(release: string, folder: string, values: readonly string[], namespace: string): Promise<string> {
  const { helm4 } = await kubeTools();
  const scratch = await mkdtemp(join(tmpdir(), 'stand-in-'));
  try {
    const files = await Promise.all(values.map(async (content, index) => {
      const path = join(scratch, `values-${index}.yaml`);
      await writeFile(path, content);
      return path;
    }));
    const line = ['template', release, folder, ...files.flatMap((path) => ['--values', path]), '--namespace', namespace, '--skip-tests'];
    const { stdout } = await promisify(execFile)(helm4, line, { env: { PATH: process.env.PATH, HOME: scratch, HELM_CACHE_HOME: scratch, HELM_CONFIG_HOME: scratch, HELM_DATA_HOME: scratch } });
    return stdout;
  } finally {
    await rm(scratch, { recursive: true });
  }
}
