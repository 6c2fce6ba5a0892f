import { cancelled, Problem } from '../reconcile/problem.js';
import { list, object, objects, parseJson, text } from '../fleet/json.js';
import { proxyProblem } from '../network/proxy-fault.js';

/** What an Azure service said when it refused. */
export interface ServiceError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly correlation?: string;
}

/**
 * Reads an error body in any of the shapes that Azure answers: ARM's `{error:{code,message}}`, the flat one of the AKS resource
 * provider, Entra's `{error,error_description}` and the registry's `{errors:[…]}`.
 * Source: azure-docs (resource manager common API details); recorded AKS errors in hashicorp/terraform-provider-azurerm#28878.
 */
export function serviceError(status: number, body: unknown, correlation?: string): ServiceError {
  const top = object(body);
  const inner = object(top.error ?? list(top.errors)[0]);
  const code = text(inner.code) ?? text(top.code) ?? text(top.error) ?? `HTTP ${status}`;
  const said = text(inner.message) ?? text(top.message) ?? text(top.error_description) ?? `the service answered with status ${status}`;
  const denials = violations(inner.additionalInfo);
  const message = denials.length === 0 ? said : `${(said.split(' Policy identifiers:')[0] ?? said).replace(/\.$/, '')}: ${denials.join('; ')}`;
  return { status, code, message, ...(correlation === undefined ? {} : { correlation }) };
}

/** Which policies a refusal names. Source: Azure RPC, common API details (additionalInfo). */
function violations(additionalInfo: unknown): string[] {
  const infos = objects(additionalInfo).filter(({ type }) => type === 'PolicyViolation').map(({ info }) => object(info));
  return infos.map(({ policyDefinitionId, policyAssignmentId }) => deniedBy(text(policyDefinitionId), text(policyAssignmentId)));
}

/** `policy deny-issuers (assignment only-ours at /subscriptions/…) denies it: issuer`. */
export function deniedBy(definition: string | undefined, assignment: string | undefined, reason = ''): string {
  const [scope = '', name] = (assignment ?? '').split(/\/providers\/Microsoft\.Authorization\/policyAssignments\//i);
  const by = name === undefined ? '' : ` (assignment ${name} at ${scope})`;
  return `policy ${definition?.split('/').at(-1) ?? '(unnamed)'}${by} denies it${reason === '' ? '' : `: ${reason}`}`;
}

/**
 * True when what was asked for is not there. A subscription that is not found says nothing of what lies in it: it may be one that the principal does
 * not see. Source: azure-docs, troubleshoot common deployment errors (SubscriptionNotFound).
 */
export function isGone(error: ServiceError | undefined): boolean {
  return error?.status === 404 && error.code !== 'SubscriptionNotFound';
}

/** Reads the error that an SDK client threw, or that {@link AzureHttp} answered; undefined for anything else. */
export function thrownServiceError(error: unknown): ServiceError | undefined {
  if (error instanceof Problem) {
    const { status, serviceCode, because, correlation } = error.parts;
    if (status === undefined) return undefined;
    return { status, code: serviceCode ?? '', message: because, ...(correlation === undefined ? {} : { correlation }) };
  }
  const { statusCode, response, code, message } = object(error);
  if (typeof statusCode !== 'number') return undefined;
  const headers = object(response).headers as { get?(name: string): string | undefined } | undefined;
  const body = text(object(response).bodyAsText);
  // The newer clients keep of the body what they make of it only. Source: @typespec/ts-http-runtime, createRestError.
  const said = body === undefined && typeof code === 'string' ? { code, message } : parseJson(body);
  return serviceError(statusCode, said, headers?.get?.('x-ms-correlation-request-id'));
}

/** Makes the Problem of a refused or failed request. */
export function azureProblem(tried: string, what: string, error: unknown): Problem {
  if (error instanceof Problem && error.parts.status === undefined) return error;
  if (error instanceof Error && error.name === 'AbortError') return cancelled(tried);
  const service = thrownServiceError(error);
  if (service === undefined) return proxyProblem(error, { what, tried }) ?? unreachable(tried, what, error);
  const { status, code, message, correlation } = service;
  const parts = { what, tried, because: message, serviceCode: code, status, ...(correlation === undefined ? {} : { correlation }) };
  if (status === 401) {
    return new Problem({ ...parts, code: 'WI2001', remedy: 'check that the service connection still signs in (Project settings, Service connections, Verify)' }, error);
  }
  if (status === 403 && code === 'RequestDisallowedByPolicy') {
    return new Problem({ ...parts, code: 'WI2009', remedy: 'ask the owner of the policy for an exemption, or change what the message asks for; a role does not help' }, error);
  }
  if (status === 403) {
    return new Problem({ ...parts, code: 'WI2002', remedy: 'grant the action that the message names to the service connection’s principal, see docs/permissions.md' }, error);
  }
  if (status === 409 && code === 'ScopeLocked') {
    return new Problem({ ...parts, code: 'WI3133', remedy: 'have whoever set the lock that the message names take it away for the time of the run, then run again' }, error);
  }
  if (status === 404) {
    return new Problem({ ...parts, code: 'WI2003', remedy: 'check the name and the subscription; the service connection needs read access to see it' }, error);
  }
  if (status === 429) {
    return new Problem({ ...parts, code: 'WI2004', remedy: 'Azure kept throttling until the deadline: lower the input concurrency or run again later' }, error);
  }
  return new Problem({ ...parts, code: 'WI2005', remedy: 'read the service’s message; run again if it speaks of a passing condition' }, error);
}

function unreachable(tried: string, what: string, error: unknown): Problem {
  const because = error instanceof Error ? error.message : String(error);
  return new Problem(
    { code: 'WI2006', what, tried, because, remedy: 'check that the agent reaches the address (proxy, firewall, DNS, certificate authorities) and run again' },
    error,
  );
}
