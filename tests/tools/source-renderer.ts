import { fileURLToPath } from 'node:url';
import type { PostRenderer } from '../../tasks/_shared/kubernetes/helm-process.js';

/** The post-renderer as its source, for tests that need no build. */
export const sourceRenderer: PostRenderer = {
  program: process.execPath,
  arguments: ['--import', import.meta.resolve('tsx'), fileURLToPath(new URL('../../tasks/DeployWithIdentity/post-render.ts', import.meta.url))],
};
