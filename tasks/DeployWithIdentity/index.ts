import { main } from '../_shared/agent/main.js';
import { deployWithIdentity } from './deploy-with-identity.js';

void main(deployWithIdentity);
