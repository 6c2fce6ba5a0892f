import { groupId, parseArmId } from '../fleet/arm-id.js';
import type { Known, Refs } from '../reconcile/ref.js';
import { show, unknown } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type Content, type FieldChange, type Permission, type Reader, type Resource, type Writer, type WritingChange } from '../reconcile/resource.js';
import { until, type Attempt } from '../reconcile/retry.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { azureProblem, thrownServiceError } from './errors.js';
import { exchangeAudience } from '../fleet/names.js';
import { listCredentials, readCredential, type FederatedCredentialState } from './federated-credentials.js';

/** What a federated credential is made from. */
export interface FederatedCredentialInputs {
  readonly identityId: string;
  /** Byte for byte as ARM says it; the trailing slash counts. */
  readonly issuer: string;
}

/** What is there for one service account: the credential that serves it, and how many the identity has. */
export interface CredentialObservation {
  readonly serving?: FederatedCredentialState;
  readonly ours?: FederatedCredentialState;
  readonly count: number;
}

/** Most credentials per identity. Source: Entra docs, federated credential considerations. */
const limit = 20;
/** Said when two writes to one identity overlap, whoever sent them. Source: Entra docs, same page; hashicorp/terraform-provider-azurerm#29242. */
const concurrentWrites = 'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity';
/** Long enough for another pipeline that writes a full set of credentials at the published rate. */
const conflictPatience = { deadlineMs: 180_000, firstWaitMs: 4_000, longestWaitMs: 15_000 };

/** The trust of an identity in one service account of one cluster. */
export class FederatedCredential implements Resource<FederatedCredentialInputs, CredentialObservation> {
  readonly key: string;
  readonly kind = 'federated credential';
  readonly name: string;
  readonly lane: string;
  /** What was written is read back by its name: Azure allows lists of one identity every four seconds only. */
  #written = false;

  constructor(
    private readonly azure: Azure,
    readonly cluster: string,
    /** ARM id of the identity, known before the identity exists. */
    private readonly identityId: string,
    private readonly credential: { readonly name: string; readonly subject: string },
    readonly inputs: Refs<FederatedCredentialInputs>,
  ) {
    this.key = `federated credential ${identityId.toLowerCase()} ${credential.name}`;
    this.name = credential.subject.split(':').slice(2).join('/');
    this.lane = `federated credentials of ${identityId.toLowerCase()}`;
  }

  async observe(reader: Reader, known: Known<FederatedCredentialInputs>): Promise<CredentialObservation | undefined> {
    if (known.identityId === unknown) return undefined;
    const id = known.identityId;
    if (reader.strong && this.#written) {
      const own = await readCredential(this.azure, id, this.credential.name);
      if (own !== undefined && this.serves(own, known.issuer)) return { count: 1, serving: own, ours: own };
    }
    const all = await reader.once(`federated credentials of ${id.toLowerCase()}`, () => listCredentials(this.azure, id));
    const serving = all.find((entry) => this.serves(entry, known.issuer));
    const ours = all.find((entry) => entry.name === this.credential.name);
    return { count: all.length, ...(serving === undefined ? {} : { serving }), ...(ours === undefined ? {} : { ours }) };
  }

  plan(observed: CredentialObservation | undefined, known: Known<FederatedCredentialInputs>): Change {
    const { serving, ours, count } = observed ?? { serving: undefined, ours: undefined, count: 0 };
    if (serving !== undefined) return keep(`credential ${serving.name} has this issuer, subject and audience`);
    if (ours === undefined && count >= limit) return this.full(count);
    const wanted = { issuer: show(known.issuer), subject: this.credential.subject, audience: exchangeAudience };
    const fields: FieldChange[] = Object.entries(wanted).flatMap(([field, after]) => {
      const before = ours === undefined ? undefined : { issuer: ours.issuer, subject: ours.subject, audience: ours.audiences.join(' ') }[field];
      return before === after ? [] : [{ field, after, ...(before === undefined ? {} : { before }) }];
    });
    if (ours === undefined) return { action: 'create', fields, widens: true, reason: 'no credential trusts this service account' };
    return { action: 'update', fields, widens: true, reason: `credential ${ours.name} has another ${fields.map(({ field }) => field).join(' and ')}` };
  }

  /** Asked at the identity itself, where a narrow role may be given, or at its group while it is yet to be made. */
  permissions(change: Change, known: Known<FederatedCredentialInputs>): Permission[] {
    const place = parseArmId(this.identityId);
    if (!writes(change) || place === undefined) return [];
    const scope = known.identityId === unknown ? groupId(place.subscriptionId, place.resourceGroup) : known.identityId;
    const action = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write';
    return [{ plane: 'azure', action, scope }];
  }

  content(_change: WritingChange, _observed: CredentialObservation | undefined, known: Known<FederatedCredentialInputs>): Content {
    const { name, subject } = this.credential;
    const id = `${this.identityId}/federatedIdentityCredentials/${name}`;
    const fixed = { subject, audiences: [exchangeAudience] };
    if (known.issuer !== unknown) return { id, apiVersion: apiVersions.identities, body: { properties: { issuer: known.issuer, ...fixed } } };
    return { id, apiVersion: apiVersions.identities, body: { properties: fixed }, pending: ['Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/issuer'] };
  }

  async apply(change: Change, known: FederatedCredentialInputs, writer: Writer): Promise<void> {
    const waiting = { clock: this.azure.clock, signal: writer.signal, progress: (text: string) => writer.progress(text) };
    await until(conflictPatience, waiting, () => this.tryWrite(change, known, writer));
  }

  /** One PUT; a write of somebody else to the same identity is waited out, since Azure refuses concurrent ones with 409. */
  private async tryWrite(change: Change, known: FederatedCredentialInputs, writer: Writer): Promise<Attempt<undefined>> {
    const place = parseArmId(known.identityId);
    if (place === undefined) throw new Error(`not an ARM id: ${known.identityId}`);
    const { name, subject } = this.credential;
    const body = { issuer: known.issuer, subject, audiences: [exchangeAudience] };
    const object = `${known.identityId}/federatedIdentityCredentials/${name}`;
    const intent = { action: change.action, object, after: `${known.issuer} ${subject}`, widens: true };
    const client = (await this.azure.identities(place.subscriptionId)).federatedIdentityCredentials;
    try {
      await writer.write(intent, () => client.createOrUpdate(place.resourceGroup, place.name, name, body, { abortSignal: writer.signal }));
      this.#written = true;
      return { done: undefined };
    } catch (error) {
      const failure = azureProblem(`${change.action} federated credential ${name} of identity ${place.name}`, `Federated credential ${this.name} was not written`, error);
      if (thrownServiceError(error)?.code !== concurrentWrites) throw failure;
      return { wait: `another run writes credentials of identity ${place.name}`, failure };
    }
  }

  private serves(entry: FederatedCredentialState, issuer: string | typeof unknown): boolean {
    return entry.issuer === issuer && entry.subject === this.credential.subject && entry.audiences.includes(exchangeAudience);
  }

  private full(count: number): Change {
    return blocked({
      code: 'WI2203',
      what: `Identity ${this.identityId.split('/').at(-1) ?? ''} has no room for a credential for ${this.name}`,
      because: `it has ${count} of at most ${limit} federated credentials`,
      remedy: 'remove credentials that nothing uses, or use one identity per cluster: put {cluster} into the input identity',
    });
  }
}
