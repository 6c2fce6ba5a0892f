import type { AzureCloud, LogAnalyticsService } from '../azure/connection.js';

/**
 * Endpoints of the clouds that Azure Pipelines knows by name, for what a service connection does not say itself.
 * Source: Azure docs, "Azure Government" and "Azure operated by 21Vianet", endpoint tables; ACR docs for the registry audience; azure-cli, cloud
 * definitions (acr_login_server_endpoint), for the registries' hosts; azure-sdk-for-net and azure-sdk-for-go (query/azlogs) for Log Analytics;
 * azure-sdk-for-js (KnownMonitorAudience) for logs ingestion.
 */
export const knownClouds: readonly [AzureCloud, ...AzureCloud[]] = [
  {
    name: 'AzureCloud',
    resourceManager: 'https://management.azure.com',
    resourceManagerAudience: 'https://management.azure.com',
    authority: 'https://login.microsoftonline.com',
    keyVaultAudience: 'https://vault.azure.net',
    containerRegistryAudience: 'https://containerregistry.azure.net',
    containerRegistrySuffix: 'azurecr.io',
    logAnalytics: logAnalyticsAt('https://api.loganalytics.io'),
    logsIngestionAudience: 'https://monitor.azure.com',
  },
  {
    name: 'AzureUSGovernment',
    resourceManager: 'https://management.usgovcloudapi.net',
    resourceManagerAudience: 'https://management.usgovcloudapi.net',
    authority: 'https://login.microsoftonline.us',
    keyVaultAudience: 'https://vault.usgovcloudapi.net',
    containerRegistryAudience: 'https://containerregistry.azure.net',
    containerRegistrySuffix: 'azurecr.us',
    logAnalytics: logAnalyticsAt('https://api.loganalytics.us'),
    logsIngestionAudience: 'https://monitor.azure.us',
  },
  {
    name: 'AzureChinaCloud',
    resourceManager: 'https://management.chinacloudapi.cn',
    resourceManagerAudience: 'https://management.chinacloudapi.cn',
    authority: 'https://login.chinacloudapi.cn',
    keyVaultAudience: 'https://vault.azure.cn',
    containerRegistryAudience: 'https://containerregistry.azure.net',
    containerRegistrySuffix: 'azurecr.cn',
    logAnalytics: logAnalyticsAt('https://api.loganalytics.azure.cn'),
    logsIngestionAudience: 'https://monitor.azure.cn',
  },
];

/** Address and audience are alike. Source: azure-sdk-for-go, query/azlogs, cloud configuration. */
function logAnalyticsAt(endpoint: string): LogAnalyticsService {
  return { endpoint, audience: endpoint };
}
