/** What every request to Azure needs of its SDK: a chunk of its own, loaded by `await import('./sdk.js')` only. */
export {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  RestError,
} from '@azure/core-rest-pipeline';
