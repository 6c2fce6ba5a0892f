import { describeStates } from './states.js';

describeStates(10_001, 1_000);
