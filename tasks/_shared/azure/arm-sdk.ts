/** The typed clients of Azure Resource Manager: a chunk of its own, loaded when the first of them is used. */
export { ManagedServiceIdentityClient } from '@azure/arm-msi';
export { AuthorizationManagementClient } from '@azure/arm-authorization';
