import { describeStates } from './states.js';

describeStates(1, 1_000);
