/** Sign-ins that need more than one request or a key: a chunk of its own, loaded for connections with a certificate or a managed identity. */
export { ClientCertificateCredential, ManagedIdentityCredential } from '@azure/identity';
