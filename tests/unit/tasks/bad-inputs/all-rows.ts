import { adminUserRows } from './admin-user-rows.js';
import { auditRows } from './audit-rows.js';
import { boundaryRows } from './boundary-rows.js';
import { chartRows } from './chart-rows.js';
import { credentialRows } from './credential-rows.js';
import { enableRows } from './enable-rows.js';
import { manifestRows } from './manifest-rows.js';
import { networkRows } from './network-rows.js';
import { planRows } from './plan-rows.js';
import { registryRows } from './registry-rows.js';
import { releaseRows } from './release-rows.js';
import { sharedRows } from './shared-rows.js';
import type { BadInput } from './table.js';
import { undoRows } from './undo-rows.js';
import { vaultMountRows } from './vault-mount-rows.js';
import { workloadRows } from './workload-rows.js';

/** The whole table: every input of every task is at fault in some line. A new input gets its lines here. */
export const badInputs: readonly BadInput[] = [...sharedRows, ...planRows, ...boundaryRows, ...enableRows, ...workloadRows, ...registryRows, ...releaseRows, ...chartRows, ...manifestRows, ...networkRows, ...vaultMountRows, ...credentialRows, ...undoRows, ...adminUserRows, ...auditRows];
