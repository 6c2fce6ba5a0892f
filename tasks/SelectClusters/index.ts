import { runTask } from '../_shared/agent/run-task.js';
import { selectClusters } from './select-clusters.js';

void runTask('SelectClusters', (agent) => selectClusters(agent));
