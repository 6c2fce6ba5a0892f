import { main } from '../_shared/agent/main.js';
import { grantRegistryRole } from './grant-registry-role.js';

void main(grantRegistryRole);
