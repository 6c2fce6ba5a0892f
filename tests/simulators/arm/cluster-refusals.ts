import { isRecord, type SimResponse } from '../kernel/service.js';
import { switchedOn, type ClusterRecord, type Operation } from './cluster-record.js';
import { flat } from './refusals.js';

/** Which text the 409 for a running operation has. */
export type Wording = 'current' | 'older';

/** Source: AKS docs, use-etags; the body of the 412 is unconfirmed but for its code. */
export function preconditionRefusal(headers: Readonly<Record<string, string>>, { resource }: ClusterRecord): SimResponse | undefined {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match !== undefined && noneMatch !== undefined) return flat(400, 'BadRequest', 'If-Match and If-None-Match must not be used together.');
  if (noneMatch !== undefined) {
    return noneMatch === '*' ? flat(412, 'PreConditionFailed', 'The managed cluster exists.') : flat(400, 'BadRequest', "If-None-Match must be '*'.");
  }
  if (match === undefined || match === '' || match === '*' || match === resource.eTag) return undefined;
  return flat(412, 'PreConditionFailed', `The etag ${match} does not match the current etag of the managed cluster.`);
}

/** What a cluster refuses for its state, or for a change that cannot be. */
export function stateRefusal(record: ClusterRecord, wanted: Record<string, unknown>, wording: Wording): SimResponse | undefined {
  const now = record.resource.properties;
  if (record.operation?.settled === false) return busy(record.operation, String(now.provisioningState), wording);
  // Source: AKS docs, start-stop-cluster; code and text unconfirmed.
  if (isRecord(now.powerState) && now.powerState.code === 'Stopped') {
    return flat(409, 'OperationNotAllowed', 'Operation is not allowed: the managed cluster is stopped; only start and delete are allowed.');
  }
  const wantsIssuer = switchedOn(wanted, 'oidcIssuerProfile');
  // Code from public Terraform reports; status and text unconfirmed.
  if (switchedOn(now, 'oidcIssuerProfile') && !wantsIssuer) return flat(400, 'OIDCIssuerFeatureCannotBeDisabled', 'OIDC issuer feature cannot be disabled once it is enabled.');
  // Refused by hashicorp/terraform-provider-azurerm before it asks; the service's own code is unconfirmed.
  const security = isRecord(wanted.securityProfile) ? wanted.securityProfile : {};
  if (switchedOn(security, 'workloadIdentity') && !wantsIssuer) return flat(400, 'BadRequest', 'Workload identity requires the OIDC issuer to be enabled.');
  return undefined;
}

/** Source: hashicorp/terraform-provider-azurerm#28878 (2025); Azure/azure-workload-identity#417 (older). */
function busy({ kind, id, startedAt }: Operation, state: string, wording: Wording): SimResponse {
  if (wording === 'older') {
    return flat(409, 'OperationNotAllowed', `Operation is not allowed: Another operation (${state}) is in progress, please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details`);
  }
  const message = `Operation is not allowed because there's an in progress ${kind} operation (operation ID: ${id}) on the managed cluster started on ${startedAt.toISOString()}. Please wait for it to finish before starting a new operation. You can also use 'az aks operation-abort ...' to abort the ongoing operation.`;
  return flat(409, 'OperationNotAllowed', message);
}
