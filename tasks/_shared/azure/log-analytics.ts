import { list, object, objects, text, type Json } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import type { Purpose } from './arm.js';
import type { Azure } from './azure.js';
import type { LogAnalyticsService } from './connection.js';

/** Workspace whose logs are asked, and where. */
export interface Workspace {
  readonly service: LogAnalyticsService;
  /** The workspace id, a GUID; not its ARM id. */
  readonly id: string;
}

/**
 * Runs a KQL query in a workspace and gives the rows of its first table, by the names of their columns.
 * Source: Azure Monitor docs, Log Analytics API, query - execute.
 * @throws Problem for every refusal, and WI2541 for an answer that says itself that it is partial.
 */
export async function queryLogs(azure: Azure, { service, id }: Workspace, query: string, purpose: Purpose): Promise<readonly Json[]> {
  const response = await azure.http.send({
    method: 'POST',
    url: `${service.endpoint}/v1/workspaces/${id}/query`,
    headers: { authorization: `Bearer ${await azure.token(service.audience)}` },
    body: { query },
    signal: azure.signal,
    ...purpose,
  });
  const { tables, error } = object(response.body);
  const [table] = objects(tables);
  if (error !== undefined || table === undefined) {
    const because = text(object(error).message) ?? 'the answer has no table';
    throw new Problem({ ...purpose, code: 'WI2541', because, remedy: 'run again; if it stays so, run the query in the portal and follow the service’s message' });
  }
  const names = objects(table.columns).map((column) => text(column.name) ?? '');
  return list(table.rows).map((row) => Object.fromEntries(list(row).map((cell, index) => [names[index] ?? '', cell])));
}
