// Sends the Activity Log of a subscription to the workspace, where the alerts compare it with the ledger.
targetScope = 'subscription'

@description('ARM id of the Log Analytics workspace.')
param workspaceId string

resource setting 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workload-identity-activity'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'Administrative'
        enabled: true
      }
      {
        category: 'Policy'
        enabled: true
      }
    ]
  }
}
