import type { ProblemParts } from '../reconcile/problem.js';
import { unknown, type Known } from '../reconcile/ref.js';
import { identityKeys } from './connection.js';
import type { Blueprint, ReleaseInputs } from './release-blueprint.js';
import type { ServiceAccountState } from './service-account.js';

/** True for a service account that carries the identity, as far as that is known. */
export function carries(found: ServiceAccountState | undefined, { clientId, tenantId }: Known<ReleaseInputs>): boolean {
  if (found?.clientId === undefined) return false;
  const sameTenant = found.tenantId === undefined || tenantId === unknown || found.tenantId === tenantId;
  return sameTenant && (clientId === unknown || found.clientId === clientId);
}

/**
 * What is wrong with a service account that others make; undefined when it carries the identity.
 * @param what what is deployed, as messages call it: `release orders/api`
 * @param source what could make it instead: `the chart`
 */
export function missingAccount(blueprint: Pick<Blueprint, 'settings'>, found: ServiceAccountState | undefined, known: Known<ReleaseInputs>, what: string, source: string): ProblemParts | undefined {
  if (carries(found, known)) return undefined;
  const { namespace, serviceAccount: name, connection } = blueprint.settings;
  const { clientId, tenantId } = found ?? {};
  const carried = `carries client id ${clientId ?? ''}${tenantId === undefined ? '' : ` of tenant ${tenantId}`}`;
  const state = clientId === undefined ? `has no annotation ${identityKeys.clientId}` : carried;
  return {
    code: 'WI4210',
    what: `Pods of ${what} would not get their identity on ${connection.label}`,
    because: `${source} does not make service account ${namespace}/${name}, and ${found === undefined ? 'it does not exist' : `the one in the cluster ${state}`}`,
    remedy: `run FederateServiceAccount for it first, or let ${source} make it${source === 'the chart' ? ' (serviceAccount.create: true)' : ''}`,
  };
}
