import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import { Arm } from '../arm/arm.js';
import { AzureKubernetesAccess, type ClusterDoor } from '../arm/azure-kubernetes-access.js';
import type { ClusterRecord } from '../arm/cluster-record.js';
import type { NewCluster } from '../arm/clusters.js';
import { Hierarchy } from '../arm/hierarchy.js';
import { IssuerHost } from '../arm/issuer-host.js';
import type { NewResource } from '../arm/stores.js';
import { tenantId } from '../azure/authority.js';
import { Directory, idOf } from '../azure/directory.js';
import { RoleStore } from '../azure/roles.js';
import { DevOps } from '../devops/devops.js';
import { Entra } from '../entra/entra.js';
import type { Network } from '../kernel/network.js';
import { LogAnalytics, type LogWorkspace } from '../log-analytics/log-analytics.js';
import { LogIngestion, type IngestionRule } from '../log-ingestion/log-ingestion.js';
import { ledgerColumns } from '../log-ingestion/ledger-columns.js';
import { isRecord, type Service } from '../kernel/service.js';
import { KubernetesApi, type KubernetesApiOptions } from '../kubernetes/kubernetes-api.js';
import type { WebhookSetting } from '../kubernetes/options.js';
import { Registry } from '../registry/registry.js';
import { sections, type AccessPolicy, type VaultSettings } from '../vault/settings.js';
import { Vault } from '../vault/vault.js';

/** Addresses of the services that exist once in a world. */
export interface Origins {
  readonly arm: string;
  readonly entra: string;
  readonly issuer: string;
  readonly devops: string;
  /** Azure DevOps again, at the other address that it has for releases. */
  readonly releases: string;
  readonly logAnalytics: string;
  readonly logIngestion: string;
}

/** The parts of an API server that a large world goes without, or shares. */
export type Furniture = Pick<KubernetesApiOptions, 'nodes' | 'secretsStore' | 'signingKey' | 'rolloutMs'>;

/** What stands behind a cluster's address. */
export interface ApiServer extends Service {
  /** The public keys of its service-account issuer. */
  jwks(): { keys: object[] };
}

/** What a world is made of. */
export interface WorldParts {
  readonly network: Network;
  /** PEM text of the authority that signs the services' certificates; empty inside a process. */
  readonly certificateAuthority: string;
  readonly organisation: { readonly id: string; readonly name: string };
  /** Starts the API servers in place of the simulated ones. Their issuer is that of Azure Resource Manager from the beginning, whether or not it is switched on. */
  readonly apiServers?: (options: KubernetesApiOptions) => Promise<ApiServer>;
}

/** A simulated Azure with its Azure DevOps organisation: every service, wired to the others as in the real one. */
export class World {
  /** The simulated API servers; empty where real ones are in their place. */
  readonly clusters = new Map<string, KubernetesApi>();
  readonly registries = new Map<string, Registry>();
  readonly vaults = new Map<string, Vault>();

  private constructor(
    readonly network: Network,
    readonly origins: Origins,
    readonly directory: Directory,
    readonly hierarchy: Hierarchy,
    readonly roles: RoleStore,
    readonly entra: Entra,
    readonly arm: Arm,
    readonly issuers: IssuerHost,
    readonly devops: DevOps,
    readonly logs: LogAnalytics,
    readonly ingestion: LogIngestion,
    private readonly certificateAuthority: string,
    private readonly apiServers: WorldParts['apiServers'],
  ) {}

  get clock(): Clock {
    return this.network.clock;
  }

  /** Builds an empty world and gives its services their addresses. */
  static async create({ network, certificateAuthority, organisation, apiServers }: WorldParts): Promise<World> {
    const { clock } = network;
    const directory = new Directory({ clock });
    const hierarchy = new Hierarchy(tenantId);
    const roles = new RoleStore({ clock, ancestors: (scope) => hierarchy.ancestors(scope) });
    const entra = new Entra({ network, clock, directory });
    const arm = new Arm({ clock, directory, roles, hierarchy, authority: entra });
    const issuers = new IssuerHost();
    const devops = new DevOps({ name: 'devops', clock, organisation });
    const logs = new LogAnalytics({ clock, authority: entra, access: roles });
    const ingestion = new LogIngestion({ authority: entra, access: roles });
    const origins = {
      arm: await network.attach(arm),
      entra: await network.attach(entra),
      issuer: await network.attach(issuers),
      devops: await network.attach(devops),
      releases: await network.attach(devops),
      logAnalytics: await network.attach(logs),
      logIngestion: await network.attach(ingestion),
    };
    devops.addresses.home = origins.devops;
    if (origins.releases !== origins.devops) devops.addresses.releases = origins.releases;
    return new World(network, origins, directory, hierarchy, roles, entra, arm, issuers, devops, logs, ingestion, certificateAuthority, apiServers);
  }

  /** Knob: how the webhook of a cluster differs from the usual, by the cluster's name. */
  readonly webhooks = new Map<string, Partial<WebhookSetting>>();

  /**
   * Adds a cluster: its ARM resource, its API server and its issuer.
   * @param furniture what the API server is furnished with, where that is not the usual.
   */
  async addCluster(cluster: Omit<NewCluster, 'endpoint' | 'issuerUrl'>, furniture: Furniture = {}): Promise<KubernetesApi> {
    const api = await this.openCluster(cluster, furniture);
    if (api instanceof KubernetesApi) return api;
    throw new Error(`the API server of ${cluster.name} is not simulated`);
  }

  /** The same, where it does not matter whether the API server is simulated. */
  async openCluster(cluster: Omit<NewCluster, 'endpoint' | 'issuerUrl'>, furniture: Furniture = {}): Promise<ApiServer> {
    const uuid = idOf(`issuer ${cluster.subscriptionId} ${cluster.group} ${cluster.name}`);
    const issuerUrl = IssuerHost.url(this.origins.issuer, uuid);
    let server = '';
    const record = this.arm.clusters.add({ ...cluster, issuerUrl: () => issuerUrl, endpoint: () => ({ server, certificateAuthority: this.certificateAuthority }) });
    const options: KubernetesApiOptions = {
      ...furniture,
      name: `kubernetes/${cluster.name}`,
      clock: this.clock,
      version: `v${String(record.resource.properties.currentKubernetesVersion)}`,
      seed: cluster.name,
      access: new AzureKubernetesAccess(record.id, this.entra, this.roles, () => doorOf(record)),
      serviceAccountIssuer: () => (enabled(record, 'oidcIssuerProfile') ? issuerUrl : server),
      webhook: () => ({ enabled: workloadIdentity(record), version: '1.5.1', tenantId, authorityHost: `${this.origins.entra}/`, ...this.webhooks.get(cluster.name) }),
    };
    const api = this.apiServers === undefined ? new KubernetesApi(options) : await this.apiServers({ ...options, serviceAccountIssuer: () => issuerUrl });
    server = await this.network.attach(api);
    this.issuers.publish(uuid, () => (enabled(record, 'oidcIssuerProfile') ? api.jwks() : undefined));
    if (api instanceof KubernetesApi) this.clusters.set(cluster.name, api);
    return api;
  }

  /**
   * Deletes a cluster with everything in it; identities, credentials and role assignments stay, as in the real services.
   * @param issuer whether its discovery document goes as well. When that happens after a deletion is not documented.
   */
  removeCluster(name: string, issuer: 'gone' | 'served' = 'gone'): void {
    if (issuer === 'gone') this.issuers.withdraw(this.arm.clusters.find(name).issuerUrl());
    this.arm.clusters.remove(name);
    this.clusters.delete(name);
  }

  /** Adds a registry: its ARM resource and its data plane. */
  async addRegistry(registry: NewResource): Promise<Registry> {
    const record = this.arm.registries.add({ ...registry, properties: { ...registryDefaults, ...registry.properties } });
    const service = new Registry({
      name: `registry/${registry.name}`,
      clock: this.clock,
      authority: this.entra,
      access: this.roles,
      settings: () => {
        const { loginServer, roleAssignmentMode, adminUserEnabled } = record.properties;
        return {
          armId: record.id,
          loginServer: String(loginServer),
          roleAssignmentMode: roleAssignmentMode === 'AbacRepositoryPermissions' ? 'AbacRepositoryPermissions' : 'LegacyRegistryPermissions',
          adminUserEnabled: adminUserEnabled === true,
          azureADAuthenticationAsArmPolicy: armTokens(record.properties) ? 'enabled' : 'disabled',
        };
      },
    });
    record.properties.loginServer = new URL(await this.network.attach(service)).host;
    this.registries.set(registry.name, service);
    return service;
  }

  /** Adds a key vault: its ARM resource and its data plane. */
  async addVault(vault: NewResource): Promise<Vault> {
    const record = this.arm.vaults.add({ ...vault, properties: { ...vaultDefaults, ...vault.properties } });
    const service = new Vault({
      name: `vault/${vault.name}`,
      clock: this.clock,
      authority: this.entra,
      access: this.roles,
      knobs: { loginEndpoint: this.origins.entra },
      settings: () => ({
        armId: record.id,
        tenantId,
        location: vault.location,
        vaultUri: String(record.properties.vaultUri),
        enableRbacAuthorization: record.properties.enableRbacAuthorization === true,
        accessPolicies: policiesOf(record.properties),
        publicNetworkAccess: record.properties.publicNetworkAccess === 'Disabled' ? 'Disabled' : 'Enabled',
        ...networkRules(record.properties),
      }),
    });
    record.properties.vaultUri = `${await this.network.attach(service)}/`;
    this.vaults.set(vault.name, service);
    return service;
  }

  /** Adds a Log Analytics workspace: its ARM resource and its logs. */
  addWorkspace(workspace: NewResource): LogWorkspace {
    const customerId = idOf(`workspace ${workspace.name}`);
    const { id } = this.arm.workspaces.add({ ...workspace, properties: { customerId, retentionInDays: 30, ...workspace.properties } });
    return this.logs.add(customerId, id);
  }

  /** Adds a data collection rule as `templates/monitoring/ledger.bicep` declares it. */
  addLedgerRule(armId: string, stream = 'Custom-WorkloadIdentityLedger_CL'): IngestionRule {
    return this.ingestion.add({ immutableId: `dcr-${idOf(armId).replaceAll('-', '')}`, armId, streams: { [stream]: ledgerColumns() } });
  }

  /** Assigns a role outside of any request, effective at once. */
  assign(principalId: string, roleName: string, scope: string): void {
    const role = this.roles.definitions().find(({ name }) => name === roleName);
    if (role === undefined) throw new Error(`no role ${roleName}`);
    const name = idOf(`${principalId} ${roleName} ${scope}`);
    this.roles.add({ name, scope, principalId, principalType: 'ServicePrincipal', roleDefinitionId: role.id, createdAt: Number.NEGATIVE_INFINITY });
  }

  close(): Promise<void> {
    return this.network.close();
  }
}

const registryDefaults = { adminUserEnabled: false, anonymousPullEnabled: false, roleAssignmentMode: 'LegacyRegistryPermissions', policies: { azureADAuthenticationAsArmPolicy: { status: 'enabled' } } };
const vaultDefaults = { tenantId, sku: { family: 'A', name: 'standard' }, accessPolicies: [], enableRbacAuthorization: true, enableSoftDelete: true, networkAcls: { bypass: 'AzureServices', defaultAction: 'Allow', ipRules: [], virtualNetworkRules: [] } };

/** Source: ACR docs, disable authentication as ARM: enabled unless the policy says disabled. */
function armTokens({ policies }: Record<string, unknown>): boolean {
  const policy = isRecord(policies) ? policies.azureADAuthenticationAsArmPolicy : undefined;
  return !isRecord(policy) || policy.status !== 'disabled';
}

/** The access policies and network rules of a vault's ARM resource, as far as they have the documented shape. */
function policiesOf({ accessPolicies }: Record<string, unknown>): AccessPolicy[] {
  return records(accessPolicies).flatMap(({ tenantId: tenant, objectId, permissions }) => {
    if (typeof tenant !== 'string' || typeof objectId !== 'string' || !isRecord(permissions)) return [];
    const words = (section: string): string[] => (Array.isArray(permissions[section]) ? permissions[section].map(String) : []);
    return [{ tenantId: tenant, objectId, permissions: Object.fromEntries(sections.map((section) => [section, words(section)])) }];
  });
}

function networkRules({ networkAcls }: Record<string, unknown>): Pick<VaultSettings, 'networkAcls'> {
  if (!isRecord(networkAcls)) return {};
  const ipRules = records(networkAcls.ipRules).flatMap(({ value }) => (typeof value === 'string' ? [{ value }] : []));
  return { networkAcls: { defaultAction: networkAcls.defaultAction === 'Deny' ? 'Deny' : 'Allow', ipRules } };
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function enabled(record: ClusterRecord, profile: string): boolean {
  const found = record.resource.properties[profile];
  return isRecord(found) && found.enabled === true;
}

function doorOf({ resource: { properties }, adminToken }: ClusterRecord): ClusterDoor {
  const { aadProfile } = properties;
  const entra = isRecord(aadProfile) && aadProfile.managed === true;
  return { entra, azureRbac: entra && aadProfile.enableAzureRBAC === true, adminToken: properties.disableLocalAccounts === true ? undefined : adminToken };
}

function workloadIdentity(record: ClusterRecord): boolean {
  const security = record.resource.properties.securityProfile;
  return isRecord(security) && isRecord(security.workloadIdentity) && security.workloadIdentity.enabled === true;
}
