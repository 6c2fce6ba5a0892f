import { connectAzure, type Azure } from '../azure/azure.js';
import { clusterAddress, aksServerApplication } from '../azure/cluster-credential.js';
import { readCluster } from '../azure/cluster-state.js';
import { missingActions } from '../azure/permissions.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import type { ClusterConnection } from '../kubernetes/connection.js';
import { openDirect } from '../kubernetes/direct-connection.js';
import { lazyConnection } from '../kubernetes/lazy-connection.js';
import { missingRights } from '../kubernetes/permissions.js';
import { sharedReader } from '../reconcile/plan.js';
import type { PermissionCheck } from '../reconcile/ports.js';
import type { ServiceTools, SharedInputs } from './planned-task.js';

/** What the planned tasks work with: Azure, and a connection to each cluster, opened when it is first used. */
export interface Services {
  readonly azure: Azure;
  readonly permissions: PermissionCheck;
  cluster(entry: ClusterEntry): ClusterConnection;
}
