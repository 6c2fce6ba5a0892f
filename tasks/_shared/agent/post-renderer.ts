import { dirname, join } from 'node:path';
import type { PostRenderer } from '../kubernetes/helm-process.js';

/** The program beside this task's own script that helm pipes manifests through, run by the Node that runs this task. */
export function postRenderer(): PostRenderer {
  return { program: process.execPath, arguments: [join(dirname(process.argv[1] ?? ''), 'post-render.js')] };
}
