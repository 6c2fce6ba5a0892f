import { readRoleAssignmentLimit } from '../_shared/agent/grant-inputs.js';
import type { InputReader } from '../_shared/agent/inputs.js';
import type { OtherConnections } from '../_shared/agent/shared-inputs.js';
import type { ServiceConnection } from '../_shared/azure/connection.js';
import { readGrantLines, type GrantLine } from './grant-lines.js';

/** How access is granted, besides what is granted. */
export interface AccessInputs {
  /** The service connection that reads and writes the vault; absent: the run's own. */
  readonly vaultConnection?: ServiceConnection;
  /** Whether a vault of access policies, which cannot be granted item by item, may be granted as a whole. */
  readonly allowVaultWideAccess: boolean;
  readonly grants: readonly GrantLine[];
  /** Role assignments that a subscription can have. */
  readonly roleAssignmentLimit: number;
}

/** Reads how access is granted. */
export function readAccess(inputs: InputReader, connections: OtherConnections): AccessInputs {
  const vaultConnection = connections('vaultConnection');
  return {
    ...(vaultConnection === undefined ? {} : { vaultConnection }),
    allowVaultWideAccess: inputs.boolean('allowVaultWideAccess'),
    grants: readGrantLines(inputs),
    roleAssignmentLimit: readRoleAssignmentLimit(inputs),
  };
}
