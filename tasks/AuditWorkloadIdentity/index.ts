import { requestOidcToken } from '../_shared/agent/release-oidc.js';
import { runTask } from '../_shared/agent/run-task.js';
import { createServices } from '../_shared/agent/services.js';
import { auditWorkloadIdentity } from './audit-workload-identity.js';

void runTask('AuditWorkloadIdentity', (agent) => auditWorkloadIdentity(agent, { createServices, requestOidcToken }));
