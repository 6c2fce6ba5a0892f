import { postRender } from '../_shared/agent/post-render.js';

void postRender();
