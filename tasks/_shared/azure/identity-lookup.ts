import type { IdentityPlace } from '../fleet/identity-place.js';
import { Lookup } from '../reconcile/lookup.js';
import { keep, type Change, type Permission, type Reader } from '../reconcile/resource.js';
import { rightAt, type Azure } from './azure.js';
import { identityKey, missingIdentity } from './identity.js';
import { expectIdentity, readIdentity, type IdentityState } from './identity-state.js';

/** An identity that a task only uses; FederateServiceAccount makes it. */
export class IdentityLookup extends Lookup<IdentityState> {
  readonly kind = 'identity';

  constructor(
    private readonly azure: Azure,
    private readonly place: IdentityPlace,
    owner: string | undefined,
  ) {
    super(identityKey(place), place.name, place.id, owner);
    expectIdentity(azure, place);
  }

  observe(reader: Reader): Promise<IdentityState | undefined> {
    return readIdentity(this.azure, this.place, reader);
  }

  override reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.ManagedIdentity/userAssignedIdentities/read', this.id)];
  }

  plan(observed: IdentityState | undefined): Change {
    if (observed !== undefined) return keep('it exists');
    return missingIdentity(this.place, 'run the task FederateServiceAccount first; it makes the identity', true);
  }
}
