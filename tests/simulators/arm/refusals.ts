import type { SimResponse } from '../kernel/service.js';

/** ARM's own error envelope. Source: Azure RPC, common API details. */
export function wrapped(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}): SimResponse {
  return { status, headers, body: { error: { code, message } } };
}

/** The flat envelope of the AKS resource provider. Source: recorded errors in hashicorp/terraform-provider-azurerm#28878. */
export function flat(status: number, code: string, message: string, subcode = '', headers: Readonly<Record<string, string>> = {}): SimResponse {
  return { status, headers, body: { code, details: null, message, subcode } };
}

/** Marks the errors of ARM itself. Source: recordings of Azure/azure-cli. */
export const gateway = { 'x-ms-failure-cause': 'gateway' };

/** The gateway's answer for a resource that is not there. */
export function notFound(type: string, name: string, group: string): SimResponse {
  const message = `The Resource '${type}/${name}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`;
  return wrapped(404, 'ResourceNotFound', message, gateway);
}

/** Source: azure-docs, troubleshooting RBAC. */
export function forbidden(appId: string, objectId: string, action: string, scope: string): SimResponse {
  const condition = action.startsWith('Microsoft.Authorization/roleAssignments/') ? ' or an ABAC condition not fulfilled' : '';
  const message = `The client '${appId}' with object id '${objectId}' does not have authorization${condition} to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`;
  return wrapped(403, 'AuthorizationFailed', message, gateway);
}

/** A write that lost a race inside AKS. Source: recorded error in Azure/terraform-azurerm-aks#604; the end of its subcode is unconfirmed. */
export function etagMismatch(): SimResponse {
  const details = [{ code: 'Unspecified', message: 'rpc error: code = FailedPrecondition desc = Etag mismatched' }];
  const message = 'Operation is not allowed: Another operation is in progress';
  return { status: 409, body: { code: 'EtagMismatch', details, message, subcode: 'PutManagedClusterAndComponents_FailedPrecondition' } };
}

/** Throttled with the wait that the service asks for, in whole seconds. */
export function throttled(code: string, message: string, afterMs: number, shape: typeof wrapped | typeof flat = wrapped): SimResponse {
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(afterMs / 1000))) };
  return shape === flat ? flat(429, code, message, '', headers) : wrapped(429, code, message, headers);
}

/** A known operation whose effect is outside of the simulator's scope. */
export function notHere(what: string): SimResponse {
  return wrapped(501, 'NotSimulated', `arm: ${what} is not simulated.`);
}
