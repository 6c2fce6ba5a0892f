import { parseArmId, sameId } from '../fleet/arm-id.js';
import { strongReader } from '../reconcile/plan.js';
import { Removal, type RemovalInputs, type RemovalPlace, type RemovalState } from '../reconcile/removal.js';
import type { Cost, Permission, Reader, Writer, WritingChange } from '../reconcile/resource.js';
import { rightAt, type Azure } from './azure.js';
import { credentialCost, credentialLane, inCredentialTurn } from './credential-turn.js';
import { credentialsOf, readCredential, type FederatedCredentialState } from './federated-credentials.js';

/** The credential as it was found. */
export interface FoundCredential extends RemovalState {
  readonly credential?: FederatedCredentialState;
  /** How many the identity has; absent after a strong read. */
  readonly count?: number;
}

/** A federated credential that shall not be there any more. */
export class FederatedCredentialRemoval extends Removal<FoundCredential> {
  readonly kind = 'federated credential';

  /**
   * @param because why it goes, in a clause
   * @param place without key, name and lane, which follow from the credential
   */
  constructor(
    private readonly azure: Azure,
    private readonly identityId: string,
    private readonly credential: string,
    private readonly because: string,
    place: Omit<RemovalPlace, 'key' | 'name' | 'lane'>,
  ) {
    super({ ...place, key: credentialRemovalKey(identityId, credential), name: credential, lane: credentialLane(identityId) });
  }

  /** From the list that serves all credentials of the identity, which Azure allows every four seconds only; after a write by its name. */
  async observe(reader: Reader): Promise<FoundCredential> {
    if (reader.strong) {
      const now = await readCredential(this.azure, this.identityId, this.credential);
      return now === undefined ? { present: false } : { present: true, credential: now };
    }
    const all = await credentialsOf(this.azure, this.identityId, reader);
    const credential = all.find(({ name }) => sameId(name, this.credential));
    return credential === undefined ? { present: false } : { present: true, credential, count: all.length };
  }

  protected reason(): string {
    return this.because;
  }

  permissions(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete', this.identityId)];
  }

  /** Gives one back, so that the same run may make another. */
  costs(_change: WritingChange, observed: FoundCredential | undefined): Cost[] {
    return observed?.count === undefined ? [] : [credentialCost(this.identityId, observed.count, -1)];
  }

  reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read', this.identityId)];
  }

  async apply(_change: unknown, _known: RemovalInputs, writer: Writer): Promise<void> {
    const place = parseArmId(this.identityId);
    if (place === undefined) throw new Error(`not an ARM id: ${this.identityId}`);
    const found = (await this.observe(strongReader)).credential;
    if (found === undefined) return;
    const object = `${this.identityId}/federatedIdentityCredentials/${this.credential}`;
    const intent = { action: 'delete', object, before: `${found.issuer} ${found.subject}`, widens: false };
    const client = (await this.azure.identities(place.subscriptionId)).federatedIdentityCredentials;
    const said = { tried: `delete federated credential ${this.credential} of identity ${place.name}`, what: `Federated credential ${this.credential} was not removed` };
    await inCredentialTurn(this.azure, place.name, writer, said, () =>
      writer.write(intent, () => client.delete(place.resourceGroup, place.name, this.credential, { abortSignal: writer.signal })));
  }
}

/** The key of the removal of a credential. */
export function credentialRemovalKey(identityId: string, credential: string): string {
  return `removal of federated credential ${identityId} ${credential}`.toLowerCase();
}
