/** What is used of the Kubernetes client: a chunk of its own, loaded by `await import('./sdk.js')` only. */
export { HttpMethod, IsomorphicFetchHttpLibrary, RequestContext } from '@kubernetes/client-node';
