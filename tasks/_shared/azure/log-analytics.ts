import type { ArmId } from '../fleet/arm-id.js';
import { list, object, objects, text, type Json } from '../fleet/json.js';
import { Problem } from '../reconcile/problem.js';
import type { Permission } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import type { Purpose } from './arm.js';
import type { Azure } from './azure.js';
import type { LogAnalyticsService } from './connection.js';

/** Workspace whose logs are asked, and where. */
export interface Workspace {
  readonly service: LogAnalyticsService;
  /** The workspace id, a GUID; not its ARM id. */
  readonly id: string;
}

/** A workspace as users name it: by its id, a GUID, or by its ARM id. */
export interface LogPlace {
  readonly service: LogAnalyticsService;
  readonly workspace: { readonly id: string } | ArmId;
}

/**
 * The rights that querying tables takes; empty for a workspace named by its id, by which alone nobody can say where the rights are.
 * Source: Azure Monitor docs, manage access to Log Analytics workspaces; that both query rights are always asked is not confirmed.
 */
export function queryRights({ workspace }: LogPlace, tables: readonly string[]): Permission[] {
  if (!('type' in workspace)) return [];
  const rights = ['read', 'query/read', ...tables.map((table) => `query/${table}/read`)];
  return rights.map((right) => ({ plane: 'azure', action: `Microsoft.OperationalInsights/workspaces/${right}`, scope: workspace.id }));
}

/**
 * The workspace by its id, which is read where its ARM id is given.
 * @param what stays unknown without it, for the Problem
 * @throws Problem for every refusal, and WI2541 when there is no such workspace.
 */
export async function workspaceAt(azure: Azure, { service, workspace }: LogPlace, what: string): Promise<Workspace> {
  if (!('type' in workspace)) return { service, id: workspace.id };
  const tried = `read ${workspace.id}`;
  const found = await azure.arm.get(workspace.id, apiVersions.workspaces, { tried, what });
  const id = text(object(found?.properties).customerId);
  if (id !== undefined) return { service, id };
  throw new Problem({ code: 'WI2541', what, tried, because: 'there is no such workspace', remedy: 'correct the input logAnalyticsWorkspace' });
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
