import { object, objects, parseJson, text, type Json } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import type { Permission } from '../reconcile/resource.js';
import { once } from '../reconcile/once.js';
import { until, type Attempt as Try } from '../reconcile/retry.js';
import { isPassing } from './api-errors.js';
import { CommandQueue, cameBackCut, type QueueTools } from './command-queue.js';
import type { InnerCall, InnerResult } from './command-script.js';
import { fieldManager, managerOf, ownKeys, type AccessAttributes, type ApplyOptions, type Cargo, type ClusterConnection, type HelmArgument, type HelmOptions, type ListOptions, type ServedKind } from './connection.js';
import type { HelmTools } from './helm-process.js';
import { kubectlRefusal } from './kubectl-errors.js';
import { groupOf, kinds, nameOf, pathOf, pluralOf, refOf, typed, type ClusterObject, type ObjectKind, type ObjectRef } from './objects.js';
import { ReleaseCommands } from './release-commands.js';
import { discoveryPath, servedKinds } from './served-kinds.js';
import { cargoRefusals, isUnsendable, tokenRefused, valuesRefused, valuesUnread } from './unsendable.js';

/** What a connection by run command works with. */
export interface RunCommandTools extends QueueTools, HelmTools {
  readonly clusterId: string;
  /** Rights in Azure that every command needs. */
  readonly rights: readonly Permission[];
  /** A line about what is waited for. */
  readonly progress: (text: string) => void;
}

/** How long what passes is asked for again. Milliseconds. */
const patience = { deadlineMs: 180_000, firstWaitMs: 5_000, longestWaitMs: 20_000 };
/** How many objects are asked for at a time where all of them do not fit into what AKS gives back. */
const pageSizes = [100, 25, 5, 1];
const objectFile = { place: 'object.json' };
/** Annotations of a Secret that are read: in others kubectl may have put its values. Source: Kubernetes docs, kubectl apply, last-applied-configuration. */
const helmAnnotations = ['meta.helm.sh/release-name', 'meta.helm.sh/release-namespace'];
/** What is printed as JSON. `managedFields` has names of fields, and none of their values. */
const secretMaps = ['labels', 'managedFields', 'ownerReferences'];
const secretTexts = ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp'];
const secretColumns = [...secretTexts, ...secretMaps, ...helmAnnotations.map((key) => `annotations.${key.replaceAll('.', '\\.')}`)].map((field) => `{.metadata.${field}}`).join('{"\\t"}');

/** Prepares a connection; nothing is sent yet. */
export function openByRunCommand(tools: RunCommandTools): ClusterConnection {
  return new RunCommandConnection(tools);
}

/**
 * Talks to the API server from within the cluster: kubectl and helm run in a pod that AKS makes for each command, as the service connection. What is asked for at about
 * the same time goes in one command. No secret passes: neither values of Secrets nor tokens of service accounts.
 * Source: AKS docs, access-private-cluster (image, limits); kubectl docs, get, create and delete with --raw.
 */
class RunCommandConnection implements ClusterConnection {
  readonly label: string;
  readonly clusterId: string;
  readonly #queue: CommandQueue;
  readonly #releases: ReleaseCommands;
  readonly version = once(async () => text((await this.#json(rawGet('/version'), 'read its version')).gitVersion) ?? '');

  constructor(private readonly tools: RunCommandTools) {
    this.label = tools.label;
    this.clusterId = tools.clusterId;
    this.#queue = new CommandQueue(tools);
    this.#releases = new ReleaseCommands(this, this.#queue, tools);
  }

  needs(): readonly Permission[] {
    return this.tools.rights;
  }

  refusals(cargo: Cargo): Promise<readonly Problem[]> {
    return Promise.resolve(cargoRefusals(cargo, this.label));
  }

  async get(ref: ObjectRef): Promise<ClusterObject | undefined> {
    const tried = `read ${nameOf(ref)}`;
    if (ref.kind === kinds.secret.kind) return this.#plainSecret(ref, tried);
    const answer = await this.#ask(rawGet(pathOf(ref)), tried, [404]);
    return answer === undefined ? undefined : typed(ref, this.#parsed(answer, tried));
  }

  async list(kind: ObjectKind, namespace: string | undefined, labelSelector?: string, options: ListOptions = {}): Promise<readonly ClusterObject[]> {
    const what = `${kind.kind} objects${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
    if (options.metadataOnly === true) return this.#metadata(kind, namespace, labelSelector, options, `list ${what}`);
    if (kind.kind === kinds.secret.kind) throw valuesUnread(`list ${what}`, this.label);
    const query = { ...(labelSelector === undefined ? {} : { labelSelector }), ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }) };
    const path = pathOf({ ...kind, namespace });
    for (const limit of [undefined, ...pageSizes]) {
      const found = await this.#pages(path, query, limit, `list ${what}`).catch((error: unknown) => unlessCut(error, limit === pageSizes.at(-1)));
      if (found !== undefined) return found.map((item) => typed(kind, item));
    }
    return [];
  }

  async apply(wanted: ClusterObject, options: ApplyOptions = {}): Promise<ClusterObject> {
    const ref = refOf(wanted);
    if (isUnsendable(wanted)) throw valuesRefused(wanted, this.label);
    const how = ['--server-side', ...(options.dryRun === true ? ['--dry-run=server'] : []), `--field-manager=${managerOf(options.part)}`, ...(options.force === true ? ['--force-conflicts'] : []), '--validate=strict'];
    const tried = `${options.dryRun === true ? 'rehearse applying' : 'apply'} ${nameOf(ref)}`;
    // The API server's own record of who set which field is among what is asked for. Nothing of a Secret is printed that would not be listed.
    const shown = ref.kind === kinds.secret.kind ? [`--output=jsonpath=${secretColumns}`] : ['--output=json', '--show-managed-fields'];
    const answer = await this.#ask(withObject(['kubectl', 'apply', ...how, ...shown], wanted), tried);
    return typed(ref, ref.kind === kinds.secret.kind ? { metadata: secretMetadata(answer?.output ?? '') } : this.#parsed(answer, tried));
  }

  async rehearse(wanted: ClusterObject): Promise<ClusterObject> {
    const { name, ...place } = refOf(wanted);
    if (isUnsendable(wanted)) throw valuesRefused(wanted, this.label);
    const path = `${pathOf(place)}?${new URLSearchParams({ dryRun: 'All', fieldManager }).toString()}`;
    return typed(place, await this.#json(withObject(['kubectl', 'create', `--raw=${path}`], wanted), `rehearse making ${nameOf({ ...place, name })}`));
  }

  async remove(ref: ObjectRef): Promise<void> {
    const path = `${pathOf(ref)}?propagationPolicy=Background`;
    await this.#ask({ line: ['kubectl', 'delete', `--raw=${path}`], quiet: true }, `delete ${nameOf(ref)}`, [404]);
  }

  async served(apiVersion: string): Promise<readonly ServedKind[] | undefined> {
    const tried = `read which kinds it serves of ${apiVersion}`;
    const answer = await this.#ask(rawGet(discoveryPath(apiVersion)), tried, [404]);
    return answer === undefined ? undefined : servedKinds(this.#parsed(answer, tried));
  }

  serviceAccountToken(namespace: string, name: string): Promise<string> {
    return Promise.reject(tokenRefused(`${namespace}/${name}`, this.label));
  }

  async can({ verb, group, resource, namespace, name }: AccessAttributes): Promise<boolean> {
    const [plural = '', subresource = ''] = resource.split('/');
    const attributes = { verb, group, resource: plural, subresource, namespace: namespace ?? '', ...(name === undefined ? {} : { name }) };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: attributes } };
    const call = withObject(['kubectl', 'create', '--raw=/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'], review);
    return object((await this.#json(call, `ask whether it allows to ${verb} ${resource}`)).status).allowed === true;
  }

  helm(helmArguments: readonly HelmArgument[], options: HelmOptions): Promise<string> {
    return this.#releases.run(helmArguments, options);
  }

  /** A Secret whose label says that nothing in it is secret: the API server leaves out every other one. */
  async #plainSecret(ref: ObjectRef, tried: string): Promise<ClusterObject | undefined> {
    const { name, ...place } = ref;
    const fieldSelector = `metadata.name=${name}`;
    const [plain] = await this.#pages(pathOf(place), { fieldSelector, labelSelector: `${ownKeys.plain}=true` }, undefined, tried);
    if (plain !== undefined) return typed(ref, plain);
    const [other] = await this.#metadata(kinds.secret, ref.namespace, undefined, { fieldSelector }, tried);
    if (other === undefined) return undefined;
    throw valuesUnread(tried, this.label);
  }

  /** What is printed of each object is its metadata alone, so that neither values nor large objects travel. */
  async #metadata(kind: ObjectKind, namespace: string | undefined, labelSelector: string | undefined, { fieldSelector }: ListOptions, tried: string): Promise<readonly ClusterObject[]> {
    const secret = kind.kind === kinds.secret.kind;
    const shown = secret ? secretColumns : '{.metadata}';
    const group = groupOf(kind.apiVersion);
    const resource = group === '' ? pluralOf(kind) : `${pluralOf(kind)}.${kind.apiVersion.slice(group.length + 1)}.${group}`;
    const where = [
      ...(namespace === undefined ? ['--all-namespaces'] : [`--namespace=${namespace}`]),
      ...(labelSelector === undefined ? [] : [`--selector=${labelSelector}`]),
      ...(fieldSelector === undefined ? [] : [`--field-selector=${fieldSelector}`]),
    ];
    const line = ['kubectl', 'get', resource, ...where, `--output=jsonpath={range .items[*]}${shown}{"\\n"}{end}`];
    const answer = await this.#ask({ line }, tried);
    const rows = (answer?.output ?? '').split('\n').filter((row) => row !== '');
    return rows.map((row) => typed(kind, { metadata: secret ? secretMetadata(row) : object(parseJson(row)) }));
  }

  async #pages(path: string, query: Readonly<Record<string, string>>, limit: number | undefined, tried: string): Promise<Json[]> {
    const found: Json[] = [];
    let next: string | undefined;
    do {
      const parameters = new URLSearchParams({ ...query, ...(limit === undefined ? {} : { limit: String(limit) }), ...(next === undefined ? {} : { continue: next }) }).toString();
      const page = await this.#json(rawGet(parameters === '' ? path : `${path}?${parameters}`), tried);
      if (text(page.kind)?.endsWith('List') !== true) throw this.#odd(tried, 'the answer is no list');
      found.push(...objects(page.items));
      next = text(object(page.metadata).continue);
    } while (next !== undefined);
    return found;
  }

  async #json(call: InnerCall, tried: string): Promise<Json> {
    return this.#parsed(await this.#ask(call, tried), tried);
  }

  #parsed(answer: InnerResult | undefined, tried: string): Json {
    const parsed = parseJson(answer?.output);
    if (parsed === undefined) throw this.#odd(tried, 'kubectl did not print JSON');
    return object(parsed);
  }

  /**
   * Runs kubectl until it has an answer that does not pass.
   * @returns undefined where the API server answered one of the expected statuses
   */
  #ask(call: InnerCall, tried: string, expected: readonly number[] = []): Promise<InnerResult | undefined> {
    const { clock, signal, progress } = this.tools;
    return until(patience, { clock, signal, progress }, async (): Promise<Try<InnerResult | undefined>> => {
      const result = await this.#queue.ask(call, tried);
      if (result.exitCode === 0) return { done: result };
      const { status, problem } = kubectlRefusal({ cluster: this.label, tried }, result);
      if (expected.includes(status)) return { done: undefined };
      if (!isPassing(status)) throw problem;
      return { wait: 'waiting for the API server', failure: problem };
    });
  }

  #odd(tried: string, because: string): Problem {
    return new Problem({
      code: 'WI4007',
      what: `The cluster ${this.label} answered what this task does not understand`,
      tried,
      because,
      remedy: 'run again; report this message when it comes again',
    });
  }
}

function rawGet(path: string): InnerCall {
  return { line: ['kubectl', 'get', `--raw=${path}`] };
}

/** A call that is given an object in a file. */
function withObject(line: readonly string[], wanted: object): InnerCall {
  return { line: [...line, '--filename', objectFile], files: [{ path: objectFile.place, content: JSON.stringify(wanted) }] };
}

/** Undefined for output that was cut; every other error goes on, and so does that one when nothing smaller can be asked for. */
function unlessCut(error: unknown, last: boolean): undefined {
  if (last || !(error instanceof Problem) || error.code !== cameBackCut) throw error;
}

/** What {@link secretColumns} print; empty is what a secret does not have. */
function secretMetadata(row: string): Json {
  const columns = row.trimEnd().split('\t');
  const filled = (names: readonly string[], from: number): [string, string][] => names.map((name, index): [string, string] => [name, columns[from + index] ?? '']).filter(([, value]) => value !== '');
  const maps = filled(secretMaps, secretTexts.length).map(([name, value]): [string, unknown] => [name, parseJson(value)]);
  const annotations = Object.fromEntries(filled(helmAnnotations, secretTexts.length + secretMaps.length));
  return { ...Object.fromEntries(filled(secretTexts, 0)), labels: {}, ...Object.fromEntries(maps), ...(Object.keys(annotations).length === 0 ? {} : { annotations }) };
}
