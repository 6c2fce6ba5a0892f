/** What is used of the Azure SDK: a chunk of its own, loaded by `await import('./sdk.js')` only. */
export {
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
} from '@azure/identity';
export { ManagedServiceIdentityClient } from '@azure/arm-msi';
export { AuthorizationManagementClient } from '@azure/arm-authorization';
export {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createHttpHeaders,
  createPipelineFromOptions,
  createPipelineRequest,
  RestError,
} from '@azure/core-rest-pipeline';
