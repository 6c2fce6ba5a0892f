// The part of azure-devops-node-api that is used. Reached by `await import('./devops-sdk.js')` only, so that it is loaded on demand.
export { getBearerHandler, WebApi } from 'azure-devops-node-api/WebApi.js';
