import { groupId, lastPart, parseArmId, sameId } from '../fleet/arm-id.js';
import { exchangeAudience } from '../fleet/names.js';
import type { Access } from '../reconcile/access.js';
import { Problem } from '../reconcile/problem.js';
import type { Known, Refs } from '../reconcile/ref.js';
import { show, unknown } from '../reconcile/ref.js';
import { blocked, keep, writes, type Change, type Content, type Cost, type FieldChange, type Permission, type Reader, type Resource, type Writer, type WritingChange } from '../reconcile/resource.js';
import { federationAccesses } from './accesses.js';
import { apiVersions } from './api-versions.js';
import type { Azure } from './azure.js';
import { credentialCost, credentialLane, inCredentialTurn } from './credential-turn.js';
import { azureProblem, thrownServiceError } from './errors.js';
import { credentialsOf, readCredential, type FederatedCredentialState } from './federated-credentials.js';

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
  /** One of somebody else that seems to serve and does not, with what is wrong with it. */
  readonly near?: { readonly name: string; readonly flaw: string };
  /** Name of one of somebody else that has issuer and subject for another audience, beside which Azure takes no other. */
  readonly rival?: string;
  readonly count: number;
}

/** The trust of an identity in one service account of one cluster. */
export class FederatedCredential implements Resource<FederatedCredentialInputs, CredentialObservation> {
  readonly key: string;
  readonly kind = 'federated credential';
  readonly name: string;
  readonly lane: string;
  readonly accesses: readonly Access[];
  /** What was written is read back by its name: Azure allows lists of one identity every four seconds only. */
  #written = false;

  constructor(
    private readonly azure: Azure,
    readonly cluster: string,
    /** ARM id of the identity, known before the identity exists. */
    readonly identityId: string,
    private readonly credential: { readonly name: string; readonly subject: string },
    readonly inputs: Refs<FederatedCredentialInputs>,
    /** ARM id of the cluster. */
    clusterId: string,
  ) {
    this.accesses = federationAccesses(azure.connection, { id: clusterId, label: cluster }, identityId);
    this.key = `federated credential ${identityId.toLowerCase()} ${credential.name}`;
    this.name = credential.subject.split(':').slice(2).join('/');
    this.lane = credentialLane(identityId);
  }

  async observe(reader: Reader, known: Known<FederatedCredentialInputs>): Promise<CredentialObservation | undefined> {
    if (known.identityId === unknown) return undefined;
    const id = known.identityId;
    if (reader.strong && this.#written) {
      const own = await readCredential(this.azure, id, this.credential.name);
      if (own !== undefined && this.serves(own, known.issuer)) return { count: 1, serving: own, ours: own };
    }
    const all = await credentialsOf(this.azure, id, reader);
    const serving = all.find((entry) => this.serves(entry, known.issuer));
    const ours = all.find((entry) => sameId(entry.name, this.credential.name));
    const near = serving === undefined ? all.flatMap((entry) => (entry === ours ? [] : this.nearly(entry, known.issuer)))[0] : undefined;
    const rival = serving === undefined ? all.find((entry) => entry !== ours && entry.issuer === known.issuer && entry.subject === this.credential.subject) : undefined;
    return { count: all.length, ...(rival === undefined ? {} : { rival: rival.name }), ...(serving === undefined ? {} : { serving }), ...(ours === undefined ? {} : { ours }), ...(near === undefined ? {} : { near }) };
  }

  plan(observed: CredentialObservation | undefined, known: Known<FederatedCredentialInputs>): Change {
    const { serving, ours, near, rival } = observed ?? {};
    if (serving !== undefined) return keep(`credential ${serving.name} has this issuer, subject and audience`);
    if (rival !== undefined) return this.occupied(rival);
    const wanted = { issuer: show(known.issuer), subject: this.credential.subject, audience: exchangeAudience };
    const fields: FieldChange[] = Object.entries(wanted).flatMap(([field, after]) => {
      const before = ours === undefined ? undefined : { issuer: ours.issuer, subject: ours.subject, audience: ours.audiences.join(' ') }[field];
      return before === after ? [] : [{ field, after, ...(before === undefined ? {} : { before }) }];
    });
    const almost = near === undefined ? '' : `; credential ${near.name} does not serve: ${near.flaw}`;
    if (ours === undefined) return { action: 'create', fields, widens: true, reason: `no credential trusts this service account${almost}` };
    return { action: 'update', fields, widens: true, reason: `credential ${ours.name} has another ${fields.map(({ field }) => field).join(' and ')}${almost}` };
  }

  permissions(change: Change, known: Known<FederatedCredentialInputs>): Permission[] {
    return writes(change) ? this.right('write', known) : [];
  }

  reads(known: Known<FederatedCredentialInputs>): Permission[] {
    return this.right('read', known);
  }

  /** At the identity itself, where a narrow role may be given, or at its group while it is yet to be made. */
  private right(verb: string, { identityId }: Known<FederatedCredentialInputs>): Permission[] {
    const place = parseArmId(this.identityId);
    if (place === undefined) return [];
    const scope = identityId === unknown ? groupId(place.subscriptionId, place.resourceGroup) : identityId;
    return [{ plane: 'azure', action: `Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/${verb}`, scope }];
  }

  content(_change: WritingChange, _observed: CredentialObservation | undefined, known: Known<FederatedCredentialInputs>): Content {
    const { name, subject } = this.credential;
    const id = `${this.identityId}/federatedIdentityCredentials/${name}`;
    const fixed = { subject, audiences: [exchangeAudience] };
    if (known.issuer !== unknown) return { id, apiVersion: apiVersions.identities, body: { properties: { issuer: known.issuer, ...fixed } } };
    return { id, apiVersion: apiVersions.identities, body: { properties: fixed }, pending: ['Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/issuer'] };
  }

  costs(change: WritingChange, observed: CredentialObservation | undefined): readonly Cost[] {
    return [credentialCost(this.identityId, observed?.count ?? 0, change.action === 'create' ? 1 : 0)];
  }

  async apply(change: Change, known: FederatedCredentialInputs, writer: Writer): Promise<void> {
    const place = parseArmId(known.identityId);
    if (place === undefined) throw new Error(`not an ARM id: ${known.identityId}`);
    const { name, subject } = this.credential;
    const body = { issuer: known.issuer, subject, audiences: [exchangeAudience] };
    const object = `${known.identityId}/federatedIdentityCredentials/${name}`;
    const fields = writes(change) ? change.fields.flatMap(({ before }) => before ?? []) : [];
    const intent = { action: change.action, object, ...(fields.length === 0 ? {} : { before: fields.join(' ') }), after: `${known.issuer} ${subject}`, widens: true };
    const client = (await this.azure.identities(place.subscriptionId)).federatedIdentityCredentials;
    const said = { tried: `${change.action} federated credential ${name} of identity ${place.name}`, what: `Federated credential ${this.name} was not written` };
    try {
      await inCredentialTurn(this.azure, place.name, writer, said, () =>
        writer.write(intent, () => client.createOrUpdate(place.resourceGroup, place.name, name, body, { abortSignal: writer.signal })));
    } catch (error) {
      throw thrownServiceError(error)?.status === 405 ? this.unsupported(azureProblem(said.tried, said.what, error)) : error;
    }
    this.#written = true;
  }

  /** Source: Entra docs, federated credential considerations (issuer and subject are unique within an identity). */
  private occupied(rival: string): Change {
    return blocked({
      code: 'WI2215',
      what: `Credential ${rival} of identity ${this.identityName} is in the way of one for ${this.name}`,
      because: `it has the same issuer and subject for another audience than ${exchangeAudience}, and an identity takes these once`,
      remedy: 'it was not made by this project and is not touched: correct its audience or remove it, then run again',
    });
  }

  private get identityName(): string {
    return lastPart(this.identityId);
  }

  private serves(entry: FederatedCredentialState, issuer: string | typeof unknown): boolean {
    return entry.issuer === issuer && entry.subject === this.credential.subject && entry.audiences.includes(exchangeAudience);
  }

  /** What keeps a credential from serving that differs only by what people overlook: case of the subject, or the issuer's last slash. */
  private nearly(entry: FederatedCredentialState, issuer: string | typeof unknown): { name: string; flaw: string }[] {
    const { subject } = this.credential;
    if (issuer === unknown || !entry.audiences.includes(exchangeAudience)) return [];
    const sameSubject = entry.subject.toLowerCase() === subject.toLowerCase();
    const sameIssuer = entry.issuer.replace(/\/$/, '') === issuer.replace(/\/$/, '');
    if (!sameSubject || !sameIssuer) return [];
    const flaws = [
      ...(entry.subject === subject ? [] : [`its subject ${entry.subject} differs in case from ${subject}`]),
      ...(entry.issuer === issuer ? [] : [`its issuer ${entry.issuer} differs by the slash from ${issuer}`]),
    ];
    return [{ name: entry.name, flaw: flaws.join(', and ') }];
  }

  /** Source of the status: Entra docs, workload identity federation considerations (unsupported regions). */
  private unsupported({ parts }: Problem): Problem {
    return new Problem({
      ...parts,
      code: 'WI2212',
      because: `the region of identity ${this.identityName} has no federated credentials: ${parts.because}`,
      remedy: `set identityLocation to another region, and delete ${this.identityName} or give another pattern, so that an identity is made there; its clusters may be anywhere`,
    });
  }
}
