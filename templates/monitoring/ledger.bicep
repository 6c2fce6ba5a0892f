// A table for the ledgers of all runs, and the way into it for the pipelines: table, data collection endpoint and rule, right to send.
targetScope = 'resourceGroup'

@description('Name of the Log Analytics workspace in this resource group.')
param workspaceName string

@description('Where the data collection endpoint and rule are made: the region of the workspace.')
param location string = resourceGroup().location

@description('Object ids of the service principals behind the connections that apply. They may send to this table and to nothing else.')
param publishers array

@description('Name of the table. Azure wants it to end with _CL.')
param tableName string = 'WorkloadIdentityLedger_CL'

@description('How long lines can be queried, in days.')
param retentionInDays int = 90

@description('How long lines are kept in all, in days.')
param totalRetentionInDays int = 730

var columns = loadJsonContent('ledger-columns.json')
var stream = 'Custom-${tableName}'
// Monitoring Metrics Publisher.
var publisherRole = tenantResourceId('Microsoft.Authorization/roleDefinitions', '3913510d-42f4-4e42-8a64-420c390055eb')

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {
  name: workspaceName
}

resource table 'Microsoft.OperationalInsights/workspaces/tables@2022-10-01' = {
  parent: workspace
  name: tableName
  properties: {
    plan: 'Analytics'
    retentionInDays: retentionInDays
    totalRetentionInDays: totalRetentionInDays
    schema: {
      name: tableName
      columns: concat(
        [{ name: 'TimeGenerated', type: 'datetime', description: 'the same as at' }],
        map(columns, column => { name: column.name, type: column.type, description: column.description })
      )
    }
  }
}

resource endpoint 'Microsoft.Insights/dataCollectionEndpoints@2023-03-11' = {
  name: 'dce-workload-identity-ledger'
  location: location
  properties: {
    networkAcls: {
      publicNetworkAccess: 'Enabled'
    }
  }
}

resource rule 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: 'dcr-workload-identity-ledger'
  location: location
  properties: {
    dataCollectionEndpointId: endpoint.id
    streamDeclarations: {
      '${stream}': {
        columns: map(columns, column => { name: column.name, type: column.type })
      }
    }
    destinations: {
      logAnalytics: [
        {
          name: 'workspace'
          workspaceResourceId: workspace.id
        }
      ]
    }
    dataFlows: [
      {
        streams: [stream]
        destinations: ['workspace']
        transformKql: 'source | extend TimeGenerated = at'
        outputStream: stream
      }
    ]
  }
  dependsOn: [table]
}

resource publishing 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for principal in publishers: {
  name: guid(rule.id, publisherRole, principal)
  scope: rule
  properties: {
    roleDefinitionId: publisherRole
    principalId: principal
    principalType: 'ServicePrincipal'
    description: 'Sends ledgers of the workload identity pipelines'
  }
}]

@description('Where the tasks send ledgers.')
output ledgerEndpoint string = endpoint.properties.logsIngestion.endpoint

@description('Immutable id of the data collection rule.')
output ledgerRuleId string = rule.properties.immutableId

@description('Name of the stream.')
output ledgerStream string = stream
