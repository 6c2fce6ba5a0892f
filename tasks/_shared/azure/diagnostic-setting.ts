import { lastPart, sameId } from '../fleet/arm-id.js';
import type { ClusterEntry } from '../fleet/clusters.js';
import { object, objects, text, type Json } from '../fleet/json.js';
import { ownName } from '../fleet/marks.js';
import type { Known, Ref, Refs } from '../reconcile/ref.js';
import { strongReader } from '../reconcile/plan.js';
import { blocked, keep, writes, type Change, type Permission, type Reader, type Resource, type Writer } from '../reconcile/resource.js';
import { apiVersions } from './api-versions.js';
import { rightAt, type Azure } from './azure.js';

/**
 * The logs of a cluster that say who changed what in it, and who signed in. `kube-audit-admin` leaves reads out. Source: AKS docs, monitor-aks
 * (resource logs).
 */
export const auditCategories = ['kube-audit-admin', 'guard'] as const;

/** How many settings a resource can have. Source: azure-docs, diagnostic settings in Azure Monitor. */
const settingsPerResource = 5;

/** A diagnostic setting as it was found. */
export interface SettingState {
  readonly name: string;
  readonly workspaceId: string | undefined;
  /** Categories and category groups that are switched on. */
  readonly enabled: readonly string[];
  readonly raw: Json;
}

/** What was found of a cluster's diagnostic settings. */
export interface SettingsState {
  readonly settings: readonly SettingState[];
}

/** What a setting waits for. */
export interface AuditLogInputs {
  /** ARM id of the cluster: an unusable cluster has no logs. */
  readonly cluster: string;
}

/**
 * The audit logs of one cluster in one workspace. Settings of others that send a category there count; what is missing goes into one setting of this
 * project's name, beside theirs. Source: npm @azure/arm-monitor 7.0.0, diagnosticSettings.
 */
export class AuditLogs implements Resource<AuditLogInputs, SettingsState> {
  readonly key: string;
  readonly kind = 'audit logs';
  readonly name: string;
  readonly cluster: string;
  readonly inputs: Refs<AuditLogInputs>;

  /** @param workspaceId ARM id of the Log Analytics workspace */
  constructor(
    private readonly azure: Azure,
    private readonly entry: ClusterEntry,
    private readonly workspaceId: string,
    cluster: Ref<string>,
  ) {
    this.key = `audit logs of ${entry.id.toLowerCase()} in ${workspaceId.toLowerCase()}`;
    this.name = `${auditCategories.join(', ')} → ${lastPart(workspaceId)}`;
    this.cluster = entry.label;
    this.inputs = { cluster };
  }

  async observe(reader: Reader): Promise<SettingsState> {
    return { settings: (await diagnosticSettings(this.azure, this.entry, reader)).map(settingState) };
  }

  plan(observed: SettingsState | undefined): Change {
    const settings = observed?.settings ?? [];
    const missing = this.#missing(settings);
    if (missing.length === 0) return keep('they are sent there');
    const own = ownOf(settings);
    if (own?.workspaceId !== undefined && !sameId(own.workspaceId, this.workspaceId)) {
      return blocked({
        code: 'WI2119',
        what: `The audit logs of cluster ${this.cluster} go to another workspace`,
        because: `its diagnostic setting ${own.name} sends them to ${own.workspaceId}`,
        remedy: `name that workspace in auditWorkspace; or delete the setting where the new one shall have them: az monitor diagnostic-settings delete --name ${own.name} --resource ${this.entry.id}`,
      });
    }
    if (own === undefined && settings.length >= settingsPerResource) {
      return blocked({
        code: 'WI2119',
        what: `There is no room for another diagnostic setting of cluster ${this.cluster}`,
        because: `it has ${settings.length}, and ${settingsPerResource} is the most`,
        remedy: `let one of them send ${missing.join(' and ')} to the workspace, or delete one that nobody needs`,
      });
    }
    const fields = missing.map((category) => ({ field: category, before: 'not sent there', after: 'sent' }));
    return { action: own === undefined ? 'create' : 'update', fields, widens: false, reason: `nothing sends ${missing.join(' and ')} there` };
  }

  permissions(change: Change): Permission[] {
    return writes(change) ? [rightAt(this.azure, 'Microsoft.Insights/diagnosticSettings/write', this.entry.id)] : [];
  }

  reads(): Permission[] {
    return [rightAt(this.azure, 'Microsoft.Insights/diagnosticSettings/read', this.entry.id)];
  }

  async apply(change: Change, _known: Known<AuditLogInputs>, writer: Writer): Promise<void> {
    const now = await this.observe(strongReader);
    const missing = this.#missing(now.settings);
    if (missing.length === 0 || !writes(change)) return;
    const own = ownOf(now.settings);
    const kept = objects(object(own?.raw.properties).logs).filter(({ category }) => !missing.some((one) => one === category));
    const properties = {
      ...object(own?.raw.properties),
      workspaceId: this.workspaceId,
      logs: [...kept, ...missing.map((category) => ({ category, enabled: true }))],
      // Resource-specific tables: what the queries of templates/monitoring read. Source: AKS docs, monitor-aks.
      ...(own === undefined ? { logAnalyticsDestinationType: 'Dedicated' } : {}),
    };
    const id = `${this.#path}/${ownName}`;
    const intent = { action: change.action, object: id, after: `${missing.join(', ')} to ${this.workspaceId}`, widens: false };
    await writer.write(intent, () => this.azure.arm.put(id, apiVersions.diagnosticSettings, { properties }, undefined, { tried: `write diagnostic setting ${ownName} of ${this.entry.id}`, what: `The audit logs of cluster ${this.cluster} are not sent` }));
  }

  get #path(): string {
    return `${this.entry.id}/providers/Microsoft.Insights/diagnosticSettings`;
  }

  /** The categories that no setting sends to the workspace. `kube-audit` has everything that `kube-audit-admin` has; groups have several. */
  #missing(settings: readonly SettingState[]): string[] {
    const sent = new Set(settings.filter(({ workspaceId = '' }) => sameId(workspaceId, this.workspaceId)).flatMap(({ enabled }) => enabled));
    if (sent.has('allLogs')) return [];
    return auditCategories.filter((category) => !sent.has(category) && !(category === 'kube-audit-admin' && sent.has('kube-audit')));
  }
}

/** The diagnostic settings of a cluster, as ARM answers them. Once per run and cluster, but for strong reads. */
export function diagnosticSettings(azure: Azure, { id, label }: ClusterEntry, reader: Reader): Promise<readonly Json[]> {
  const purpose = { tried: `list the diagnostic settings of ${id}`, what: `The diagnostic settings of cluster ${label} cannot be read` };
  return reader.once(`diagnostic settings of ${id.toLowerCase()}`, async () => objects(await azure.arm.list(`${id}/providers/Microsoft.Insights/diagnosticSettings`, apiVersions.diagnosticSettings, purpose)));
}

function ownOf(settings: readonly SettingState[]): SettingState | undefined {
  return settings.find(({ name }) => sameId(name, ownName));
}

function settingState(raw: Json): SettingState {
  const { workspaceId, logs } = object(raw.properties);
  const enabled = objects(logs).filter((log) => log.enabled === true).flatMap(({ category, categoryGroup }) => text(category) ?? text(categoryGroup) ?? []);
  return { name: text(raw.name) ?? '', workspaceId: text(workspaceId), enabled, raw };
}
