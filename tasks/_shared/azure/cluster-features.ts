import type { ClusterEntry } from '../fleet/clusters.js';
import { Problem } from '../reconcile/problem.js';
import { value } from '../reconcile/ref.js';
import { keep, writes, type Change, type FieldChange, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { strongReader } from '../reconcile/plan.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { tooOld, unchangeable, unusable } from './cluster-problems.js';
import { expectCluster, readCluster, type ClusterState } from './cluster-state.js';
import { azureProblem, thrownServiceError } from './errors.js';
import { object, type Json } from '../fleet/json.js';
import { followOperation } from './operation.js';

/** Rules of one run for switching features on. */
export interface FeatureRules {
  readonly minimumKubernetesVersion: string;
  /** How long one cluster may take, other operations on it included. Milliseconds. */
  readonly deadlineMs: number;
}

/** The OIDC issuer and workload identity of one cluster: switched on where missing, never off. */
export class ClusterFeatures implements Resource<{ id: string }, ClusterState> {
  readonly key: string;
  readonly kind = 'cluster features';
  readonly name: string;
  readonly cluster: string;
  readonly inputs;

  constructor(
    private readonly azure: Azure,
    private readonly entry: ClusterEntry,
    private readonly rules: FeatureRules,
  ) {
    this.key = `cluster features ${entry.id.toLowerCase()}`;
    this.name = entry.label;
    this.cluster = entry.label;
    this.inputs = { id: value(entry.id) };
    expectCluster(azure, entry);
  }

  observe(reader: Reader): Promise<ClusterState | undefined> {
    return readCluster(this.azure, this.entry, reader);
  }

  plan(observed: ClusterState | undefined): Change {
    const obstacle = unusable(observed, this.entry);
    if (obstacle !== undefined || observed === undefined) return obstacle ?? keep('');
    const outdated = tooOld(observed, this.entry, this.rules.minimumKubernetesVersion);
    if (outdated !== undefined) return outdated;
    const fields: FieldChange[] = [];
    if (!observed.oidcIssuer) fields.push({ field: 'OIDC issuer', before: 'off', after: 'on' });
    if (!observed.workloadIdentity) fields.push({ field: 'workload identity', before: 'off', after: 'on' });
    const broken = unchangeable(observed, this.entry);
    if (broken !== undefined) return broken;
    if (fields.length === 0) return keep('both features are on');
    const restart = observed.oidcIssuer ? '' : '; switching the issuer on restarts the API server and cannot be undone';
    return { action: 'update', fields, widens: false, reason: `${fields.map(({ field }) => field).join(' and ')} missing${restart}` };
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

  /** Both features are on, by somebody else or by a PUT of ours whose answer was lost: done once that operation has ended. */
  private settled({ provisioningState }: ClusterState, what: string): Attempt<undefined> {
    if (provisioningState === 'Succeeded') return { done: undefined };
    const because = `it is still in state ${provisioningState}`;
    const failure = new Problem({ code: 'WI2107', what, because, remedy: 'it goes on in Azure without this run; look at the cluster and run again when it has ended' });
    return { wait: `both features are on, the cluster is ${provisioningState}`, failure };
  }

  /**
   * One read, change and PUT, and its operation up to its end. Another writer in between is a reason to read again, not an error.
   * @param end when the deadline is, on the monotonic clock.
   */
  private async tryWrite(change: Change, writer: Writer, end: number): Promise<Attempt<undefined>> {
    const state = await readCluster(this.azure, this.entry, strongReader);
    const next = this.plan(state);
    if (next.action === 'blocked') throw new Problem(next.problem);
    if (state === undefined || !writes(change)) return { done: undefined };
    const what = `Cluster ${this.name} was not updated`;
    if (!writes(next)) return this.settled(state, what);
    const purpose = { tried: `switch on ${next.fields.map(({ field }) => field).join(' and ')}`, what };
    const body = withFeatures(state.raw);
    const intent = { action: 'update', object: this.entry.id, before: describe(next.fields, 'before'), after: describe(next.fields, 'after'), widens: false };
    try {
      await writer.write(intent, async (accepted) => {
        const { arm, clock } = this.azure;
        const address = (await arm.put(this.entry.id, apiVersions.managedClusters, body, state.etag, purpose)).header('azure-asyncoperation');
        if (address === undefined) return;
        accepted();
        await followOperation(arm, address, `cluster ${this.name}`, end - clock.monotonic(), clock, writer);
      });
      return { done: undefined };
    } catch (error) {
      const reason = overtaken(error);
      if (reason === undefined) throw error;
      return { wait: reason, failure: azureProblem(purpose.tried, what, error) };
    }
  }
}

/**
 * Why a PUT lost against another writer; undefined when it failed for another reason.
 * `OperationNotAllowed` is also said of refusals that waiting does not cure, so its text decides.
 * Source: recorded errors in hashicorp/terraform-provider-azurerm#28878, Azure/terraform-azurerm-aks#604; AKS docs, use-etags.
 */
function overtaken(error: unknown): string | undefined {
  const service = thrownServiceError(error);
  if (service === undefined) return undefined;
  if (service.status === 412) return 'somebody else changed the cluster meanwhile, reading it again';
  if (service.status !== 409) return undefined;
  if (service.code === 'EtagMismatch' || /in.progress/i.test(service.message)) return 'waiting for another operation on the cluster';
  return undefined;
}

/** The raw resource with both features on and nothing else changed. */
function withFeatures(raw: Json): Json {
  const properties = object(raw.properties);
  const security = object(properties.securityProfile);
  return {
    ...raw,
    properties: {
      ...properties,
      oidcIssuerProfile: { ...object(properties.oidcIssuerProfile), enabled: true },
      securityProfile: { ...security, workloadIdentity: { ...object(security.workloadIdentity), enabled: true } },
    },
  };
}

function describe(fields: readonly FieldChange[], side: 'before' | 'after'): string {
  return fields.map((field) => `${field.field} ${field[side] ?? ''}`).join(', ');
}
