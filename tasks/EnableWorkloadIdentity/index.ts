import { main } from '../_shared/agent/main.js';
import { enableWorkloadIdentity } from './enable-workload-identity.js';

void main(enableWorkloadIdentity);
