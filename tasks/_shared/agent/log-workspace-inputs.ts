import type { LogPlace } from '../azure/log-analytics.js';
import type { LogAnalyticsService, ServiceConnection } from '../azure/connection.js';
import { resourceNamed } from '../fleet/arm-id.js';
import { isGuid } from '../fleet/guid.js';
import { httpsOrigin } from './input-text.js';
import type { InputReader } from './inputs.js';

const workspaceForm = 'the workspace id, a GUID, or the workspace’s ARM id';

/** Reads the inputs `logAnalyticsWorkspace` and `logAnalyticsEndpoint`, alike in every task that has them; undefined without a workspace. */
export function readLogWorkspace(inputs: InputReader, connection: ServiceConnection): LogPlace | undefined {
  const given = inputs.optionalText('logAnalyticsWorkspace');
  const endpoint = inputs.optionalText('logAnalyticsEndpoint');
  const service = endpoint === undefined ? connection.cloud.logAnalytics : serviceAt(inputs, endpoint, connection.cloud.logAnalytics);
  if (given === undefined) return undefined;
  const workspace = isGuid(given) ? { id: given } : resourceNamed(given, 'Microsoft.OperationalInsights/workspaces', undefined);
  if (workspace === undefined) inputs.refuse('logAnalyticsWorkspace', given, workspaceForm);
  if (service === undefined && endpoint === undefined) {
    inputs.contradiction('logAnalyticsWorkspace', 'names a workspace', `nothing says where logs of ${connection.cloud.name} are queried`, 'give logAnalyticsEndpoint as well');
  }
  return workspace === undefined || service === undefined ? undefined : { service, workspace };
}

function serviceAt(inputs: InputReader, endpoint: string, known: LogAnalyticsService | undefined): LogAnalyticsService | undefined {
  const origin = httpsOrigin(endpoint);
  if (origin === undefined) {
    inputs.refuse('logAnalyticsEndpoint', endpoint, 'an address such as https://api.loganalytics.io, without a path');
    return undefined;
  }
  return { endpoint: origin, audience: known?.audience ?? origin };
}
