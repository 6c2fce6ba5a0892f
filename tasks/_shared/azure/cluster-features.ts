import type { ClusterEntry } from '../fleet/clusters.js';
import { Problem } from '../reconcile/problem.js';
import { value } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { strongReader } from '../reconcile/plan.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { tooOld, unchangeable, unusable, upgrading } from './cluster-problems.js';
import { expectCluster, readCluster, type ClusterState } from './cluster-state.js';
import { azureProblem, thrownServiceError } from './errors.js';
import { object, objects, text, type Json } from '../fleet/json.js';
import { some } from '../fleet/wording.js';
import { oidcIssuer, podIdentity, workloadIdentity, type FeatureSwitch } from './feature-switches.js';
import { poolsIn, samePools } from './node-pools.js';
import { followOperation } from './operation.js';

/** Rules of one run for switching features. */
export interface FeatureRules {
  readonly minimumKubernetesVersion: string;
  /** What is switched besides the OIDC issuer and workload identity. */
  readonly more: readonly FeatureSwitch[];
  /** The ring, where it is one in which the issuer is switched on only when somebody confirms it, and nobody did. */
  readonly unconfirmedRing?: string;
  /** How long one cluster may take, other operations on it included. Milliseconds. */
  readonly deadlineMs: number;
}

/** A cluster with what speaks against changing it, as far as ARM does not tell it. */
export interface FeatureState extends ClusterState {
  /** Who still uses pod-managed identities, where these shall go. */
  readonly podIdentityUsers?: readonly string[];
}

/**
 * The OIDC issuer and workload identity of one cluster, and what else is asked for: one PUT of the whole cluster. The first two are switched on
 * where missing, and never off.
 */
export class ClusterFeatures implements Resource<{ id: string }, FeatureState> {
  readonly key: string;
  readonly kind = 'cluster features';
  readonly name: string;
  readonly cluster: string;
  readonly inputs;
  readonly #switches: readonly FeatureSwitch[];
  #sent: readonly Json[] | undefined;

  /** @param podIdentityUsers looks in the cluster for pods that use pod-managed identities; asked only where these shall go */
  constructor(
    private readonly azure: Azure,
    private readonly entry: ClusterEntry,
    private readonly rules: FeatureRules,
    private readonly podIdentityUsers: () => Promise<readonly string[]> = () => Promise.resolve([]),
  ) {
    this.#switches = [oidcIssuer, workloadIdentity, ...rules.more];
    this.key = `cluster features ${entry.id.toLowerCase()}`;
    this.name = entry.label;
    this.cluster = entry.label;
    this.inputs = { id: value(entry.id) };
    expectCluster(azure, entry);
  }

  /** The node pools as the last PUT of this run carried them; undefined when there was none. */
  get poolsSent(): readonly Json[] | undefined {
    return this.#sent;
  }

  async observe(reader: Reader): Promise<FeatureState | undefined> {
    const state = await readCluster(this.azure, this.entry, reader);
    const goes = state !== undefined && this.#switches.includes(podIdentity) && podIdentity.now(object(state.raw.properties)) !== podIdentity.wanted;
    if (!goes) return state;
    return { ...state, podIdentityUsers: [...assignedPodIdentities(state.raw), ...(await this.podIdentityUsers())] };
  }

  plan(observed: FeatureState | undefined): Change {
    const obstacle = unusable(observed, this.entry);
    if (obstacle !== undefined || observed === undefined) return obstacle ?? keep('');
    const outdated = tooOld(observed, this.entry, this.rules.minimumKubernetesVersion);
    if (outdated !== undefined) return outdated;
    const broken = unchangeable(observed, this.entry);
    if (broken !== undefined) return broken;
    const wrong = this.#wrong(observed.raw);
    if (wrong.length === 0) return keep('its features are as they should be');
    const inTheWay = upgrading(observed, this.entry) ?? this.#unconfirmed(wrong) ?? this.#inUse(observed);
    if (inTheWay !== undefined) return inTheWay;
    const fields = wrong.map(({ feature: { field, wanted, cost }, now }): FieldChange => ({ field, before: now, after: cost === undefined ? wanted : `${wanted} (${cost})` }));
    return { action: 'update', fields, widens: false, reason: wrong.map(({ feature: { field, wanted }, now }) => (wanted === 'off' ? `${field} still on` : now === 'off' ? `${field} missing` : `${field} ${now}`)).join(' and ') };
  }

  /** What is not as it shall be. */
  #wrong(raw: Json): { readonly feature: FeatureSwitch; readonly now: string }[] {
    const properties = object(raw.properties);
    return this.#switches.flatMap((feature) => {
      const now = feature.now(properties);
      return now === feature.wanted ? [] : [{ feature, now }];
    });
  }

  /** What cannot be undone takes a word of its own where it matters most. */
  #unconfirmed(wrong: readonly { readonly feature: FeatureSwitch }[]): Change | undefined {
    const { unconfirmedRing: ring } = this.rules;
    if (ring === undefined || !wrong.some(({ feature }) => feature === oidcIssuer)) return undefined;
    return blocked({
      code: 'WI2112',
      what: `The OIDC issuer of cluster ${this.name} is not switched on`,
      because: `ring ${ring} is production: switching it on restarts the API server and cannot be undone, and nobody has confirmed that`,
      remedy: 'choose a time at which a short outage of the API server does no harm, set confirmIssuer to true, and run again',
    });
  }

  #inUse({ podIdentityUsers: users = [] }: FeatureState): Change | undefined {
    if (users.length === 0) return undefined;
    return blocked({
      code: 'WI2113',
      what: `Pod-managed identities of cluster ${this.name} are not switched off`,
      because: `they are in use: ${some(users)}`,
      remedy: 'move these workloads to workload identity first (FederateServiceAccount, and the label azure.workload.identity/use on their pods), take the identities out (az aks pod-identity delete), then run again; or leave removePodIdentity out',
    });
  }

  permissions(change: Change): Permission[] {
    if (!writes(change)) return [];
    return ['read', 'write'].map((verb) => ({
      plane: 'azure',
      action: `Microsoft.ContainerService/managedClusters/${verb}`,
      scope: this.entry.id,
    }));
  }

  reads(): Permission[] {
    return [{ plane: 'azure', action: 'Microsoft.ContainerService/managedClusters/read', scope: this.entry.id }];
  }

  async apply(change: Change, _known: { id: string }, writer: Writer): Promise<void> {
    const { clock } = this.azure;
    const end = clock.monotonic() + this.rules.deadlineMs;
    const patience = { deadlineMs: this.rules.deadlineMs, firstWaitMs: 5_000, longestWaitMs: 30_000 };
    const waiting = { clock, signal: writer.signal, progress: (text: string) => writer.progress(text) };
    await until(patience, waiting, () => this.tryWrite(change, writer, end));
  }

  /** Everything is as asked for, by somebody else or by a PUT of ours whose answer was lost: done once that operation has ended. */
  private settled({ provisioningState }: ClusterState, what: string): Attempt<undefined> {
    if (provisioningState === 'Succeeded') return { done: undefined };
    const because = `it is still in state ${provisioningState}`;
    const failure = new Problem({ code: 'WI2107', what, because, remedy: 'it goes on in Azure without this run; look at the cluster and run again when it has ended' });
    return { wait: `its features are as they should be, the cluster is ${provisioningState}`, failure };
  }

  /** The raw resource with what is not as it shall be changed, and nothing else. */
  #changed(raw: Json): Json {
    return { ...raw, properties: this.#wrong(raw).reduce<Json>((properties, { feature }) => feature.change(properties), object(raw.properties)) };
  }

  /**
   * One read, change and PUT, and its operation up to its end. Another writer in between is a reason to read again, not an error.
   * @param end when the deadline is, on the monotonic clock.
   */
  private async tryWrite(change: Change, writer: Writer, end: number): Promise<Attempt<undefined>> {
    const planned = await this.observe(strongReader);
    const next = this.plan(planned);
    if (next.action === 'blocked') throw new Problem(next.problem);
    if (planned === undefined || !writes(change)) return { done: undefined };
    const what = `Cluster ${this.name} was not updated`;
    if (!writes(next)) return this.settled(planned, what);
    writer.permit(next);
    const wrong = this.#wrong(planned.raw);
    const [before, after] = [wrong.map(({ feature, now }) => `${feature.field} ${now}`), wrong.map(({ feature }) => `${feature.field} ${feature.wanted}`)];
    const purpose = { tried: `switch ${after.join(' and ')}`, what };
    // The cluster's etag says nothing of its pools, which the PUT carries as well: they are compared right before it.
    const state = await readCluster(this.azure, this.entry, strongReader);
    if (state === undefined || !samePools(planned.raw, state.raw)) {
      const because = 'a node pool changed while its update was made ready, again and again';
      return { wait: 'a node pool changed meanwhile, reading the cluster again', failure: new Problem({ code: 'WI2107', ...purpose, because, remedy: 'run again when nobody works on the node pools' }) };
    }
    const body = this.#changed(planned.raw);
    const intent = { action: 'update', object: this.entry.id, before: before.join(', '), after: after.join(', '), widens: false };
    try {
      await writer.write(intent, async (accepted) => {
        const { arm, clock } = this.azure;
        this.#sent = poolsIn(body);
        const address = (await arm.put(this.entry.id, apiVersions.managedClusters, body, planned.etag, purpose)).header('azure-asyncoperation');
        if (address === undefined) return;
        accepted();
        await followOperation(arm, address, `cluster ${this.name}`, end - clock.monotonic(), clock, writer);
      });
      return { done: undefined };
    } catch (error) {
      this.#sent = undefined;
      const reason = overtaken(error, this.azure.clock.now());
      if (reason === undefined) throw error;
      return { wait: reason, failure: azureProblem(purpose.tried, what, error) };
    }
  }
}

/**
 * Why a PUT lost against another writer; undefined when it failed for another reason.
 * `OperationNotAllowed` is also said of refusals that waiting does not cure, so its text decides.
 * Source: recorded errors in hashicorp/terraform-provider-azurerm#28878, Azure/terraform-azurerm-aks#604, kaito-project/kaito#2075 (an operation that is
 * preempted ends as failed); AKS docs, use-etags.
 */
function overtaken(error: unknown, now: Date): string | undefined {
  if (error instanceof Problem && error.parts.ended === true && `${error.parts.serviceCode ?? ''} ${error.parts.because}`.includes('OriginalEtagNotExpect')) return 'another operation took the place of this one, reading the cluster again';
  const service = thrownServiceError(error);
  if (service === undefined) return undefined;
  if (service.status === 412) return 'somebody else changed the cluster meanwhile, reading it again';
  if (service.status !== 409) return undefined;
  if (service.code === 'EtagMismatch' || /in.progress/i.test(service.message)) return `waiting for ${operationIn(service.message, now)} on the cluster`;
  return undefined;
}

/** The other operation, by its name and age as far as the refusal tells them: `another operation (update managed cluster, for 3 min 20 s)`. */
function operationIn(message: string, now: Date): string {
  const name = /in progress (.+?) operation \(/.exec(message)?.[1] ?? /operation \(([^)]+)\)/.exec(message)?.[1];
  const started = Date.parse(/started on (\S+?)\.? /.exec(message)?.[1] ?? '');
  const age = Number.isNaN(started) ? [] : [`for ${Math.max(0, Math.round((now.getTime() - started) / 60_000))} min`];
  const known = [...(name === undefined ? [] : [name]), ...age];
  return `another operation${known.length === 0 ? '' : ` (${known.join(', ')})`}`;
}

/** Identities that are assigned to pods by way of ARM. Source: npm @azure/arm-containerservice 25.x, ManagedClusterPodIdentity. */
function assignedPodIdentities({ properties }: Json): string[] {
  return objects(object(object(properties).podIdentityProfile).userAssignedIdentities).map(({ namespace, name }) => `pod identity ${text(namespace) ?? ''}/${text(name) ?? ''}`);
}
