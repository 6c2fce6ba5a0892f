/** What is needed only behind a proxy: a chunk of its own, loaded by `await import('./sdk.js')` only. */
export { ProxyAgent } from './proxy-agent.js';
