import { isRecord, type SimResponse } from '../kernel/service.js';
import { switchedOn, type ClusterRecord, type Operation } from './cluster-record.js';
import { flat } from './refusals.js';

/** Status and code of refusals that no source confirms; the texts are unconfirmed too, but for that of `staticCredential`. */
export interface Unconfirmed {
  /** Code from public Terraform reports. */
  issuerOff: StatusAndCode;
  /** Workload identity without an issuer: hashicorp/terraform-provider-azurerm refuses it before it asks. */
  issuerNeeded: StatusAndCode;
  /** An update of a stopped cluster. Source of the rule: AKS docs, start-stop-cluster. */
  stopped: StatusAndCode;
  /** The admin credential while local accounts are disabled. Source of the text: AKS docs, local-accounts. */
  staticCredential: StatusAndCode;
  /** A command where run command is switched off. Source of the rule: AKS docs, access-private-cluster. */
  commandsOff: StatusAndCode;
  /** An etag that does not match. Source of the code: AKS docs, use-etags. */
  precondition: StatusAndCode;
}

interface StatusAndCode {
  readonly status: number;
  readonly code: string;
}

/** The refusals as the simulator gives them when nobody says otherwise. */
export function defaultUnconfirmed(): Unconfirmed {
  return {
    issuerOff: { status: 400, code: 'OIDCIssuerFeatureCannotBeDisabled' },
    issuerNeeded: { status: 400, code: 'BadRequest' },
    stopped: { status: 409, code: 'OperationNotAllowed' },
    staticCredential: { status: 400, code: 'BadRequest' },
    commandsOff: { status: 400, code: 'BadRequest' },
    precondition: { status: 412, code: 'PreConditionFailed' },
  };
}

/** Which text the 409 for a running operation has. */
export type Wording = 'current' | 'older';

/** Source: AKS docs, use-etags. */
export function preconditionRefusal(headers: Readonly<Record<string, string>>, { resource }: ClusterRecord, { precondition: { status, code } }: Unconfirmed): SimResponse | undefined {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match !== undefined && noneMatch !== undefined) return flat(400, 'BadRequest', 'If-Match and If-None-Match must not be used together.');
  if (noneMatch !== undefined) {
    return noneMatch === '*' ? flat(status, code, 'The managed cluster exists.') : flat(400, 'BadRequest', "If-None-Match must be '*'.");
  }
  if (match === undefined || match === '' || match === '*' || match === resource.eTag) return undefined;
  return flat(status, code, `The etag ${match} does not match the current etag of the managed cluster.`);
}

/** What a cluster refuses for its state, or for a change that cannot be. */
export function stateRefusal(record: ClusterRecord, wanted: Record<string, unknown>, { wording, unconfirmed }: { wording: Wording; unconfirmed: Unconfirmed }): SimResponse | undefined {
  const now = record.resource.properties;
  if (record.operation?.settled === false) return busy(record.operation, String(now.provisioningState), wording);
  if (isRecord(now.powerState) && now.powerState.code === 'Stopped') {
    return refusal(unconfirmed.stopped, 'Operation is not allowed: the managed cluster is stopped; only start and delete are allowed.');
  }
  const wantsIssuer = switchedOn(wanted, 'oidcIssuerProfile');
  if (switchedOn(now, 'oidcIssuerProfile') && !wantsIssuer) return refusal(unconfirmed.issuerOff, 'OIDC issuer feature cannot be disabled once it is enabled.');
  const security = isRecord(wanted.securityProfile) ? wanted.securityProfile : {};
  if (switchedOn(security, 'workloadIdentity') && !wantsIssuer) return refusal(unconfirmed.issuerNeeded, 'Workload identity requires the OIDC issuer to be enabled.');
  return undefined;
}

function refusal({ status, code }: StatusAndCode, message: string): SimResponse {
  return flat(status, code, message);
}

/** Source: hashicorp/terraform-provider-azurerm#28878 (2025); Azure/azure-workload-identity#417 (older). */
function busy({ kind, id, startedAt }: Operation, state: string, wording: Wording): SimResponse {
  if (wording === 'older') {
    return flat(409, 'OperationNotAllowed', `Operation is not allowed: Another operation (${state}) is in progress, please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details`);
  }
  const message = `Operation is not allowed because there's an in progress ${kind} operation (operation ID: ${id}) on the managed cluster started on ${startedAt.toISOString()}. Please wait for it to finish before starting a new operation. You can also use 'az aks operation-abort ...' to abort the ongoing operation.`;
  return flat(409, 'OperationNotAllowed', message);
}
