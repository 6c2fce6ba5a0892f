// The part of azure-devops-node-api that is used, reached by `await import('./devops-sdk.js')` only, so that it is loaded on demand.
// Its WebApi would bring the clients of all services along: a megabyte.
export { BearerCredentialHandler } from 'azure-devops-node-api/handlers/bearertoken.js';
export { LocationsApi } from 'azure-devops-node-api/LocationsApi.js';
export { TaskAgentApi } from 'azure-devops-node-api/TaskAgentApi.js';
export { TaskApi } from 'azure-devops-node-api/TaskApi.js';
