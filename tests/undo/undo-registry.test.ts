import { describeRegistryStates } from './registry-states.js';

describeRegistryStates(1, 160, 30);
