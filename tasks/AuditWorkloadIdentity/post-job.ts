import { runPostJob } from '../_shared/agent/post-job.js';

runPostJob('AuditWorkloadIdentity');
