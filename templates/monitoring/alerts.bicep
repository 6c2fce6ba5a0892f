// Alerts on what the ledger tells, and on what it should have told. Each query is explained in README.md.
targetScope = 'resourceGroup'

@description('Name of the Log Analytics workspace in this resource group.')
param workspaceName string

@description('Where the rules are made: the region of the workspace.')
param location string = resourceGroup().location

@description('ARM ids of the action groups that are told.')
param actionGroups array = []

@description('Name of the table of ledger.bicep.')
param tableName string = 'WorkloadIdentityLedger_CL'

@description('ARM id of the resource group of the identities.')
param identityGroup string

@description('Principal ids of the identities to watch. Empty: every role assignment in the collected Activity Logs is compared with the ledger.')
param identityPrincipals array = []

@description('Object ids of the service principals behind all service connections of the pipelines, those that plan and those that apply.')
param pipelinePrincipals array

@description('Which table the audit logs of the clusters go to: AKSAuditAdmin with resource-specific diagnostic settings, else AzureDiagnostics. Empty: no rule for clusters.')
@allowed(['AKSAuditAdmin', 'AzureDiagnostics', ''])
param auditTable string = 'AKSAuditAdmin'

@description('Names of users and service accounts that may write roles and bindings in clusters, such as that of a GitOps controller.')
param expectedUsers array = []

var identities = empty(identityPrincipals) ? '' : '"${toLower(join(identityPrincipals, '", "'))}"'
var pipelines = '"${toLower(join(pipelinePrincipals, '", "'))}"'
var expected = empty(expectedUsers) ? '' : '"${join(expectedUsers, '", "')}"'

var crossings = replace(loadTextContent('queries/crossings.kql'), '{{ledger}}', tableName)
var unexplained = replace(replace(replace(replace(loadTextContent('queries/unexplained-writes.kql'), '{{ledger}}', tableName), '{{identityGroup}}', toLower(identityGroup)), '{{identityPrincipals}}', identities), '{{pipelinePrincipals}}', pipelines)
var refused = replace(replace(loadTextContent('queries/refused-requests.kql'), '{{ledger}}', tableName), '{{pipelinePrincipals}}', pipelines)
var clusterAccess = auditTable == 'AzureDiagnostics' ? loadTextContent('queries/cluster-access-diagnostics.kql') : loadTextContent('queries/cluster-access.kql')

var always = [
  {
    name: 'workload-identity-crossings'
    title: 'Workload identity: a boundary was crossed'
    description: 'A run wrote something whose ends lie in different boundaries. A rule of the boundary policy allows it.'
    severity: 3
    query: crossings
    range: null
  }
  {
    name: 'workload-identity-unexplained-writes'
    title: 'Workload identity: an access was written by somebody else'
    description: 'A federated credential or role assignment of a watched identity was written or deleted, and no line of the ledger explains it.'
    severity: 1
    query: unexplained
    range: 'P1D'
  }
  {
    name: 'workload-identity-refused-requests'
    title: 'Workload identity: a pipeline was refused'
    description: 'Azure or Entra refused a request of a service connection of the pipelines.'
    severity: 2
    query: refused
    range: null
  }
]
var ofClusters = [
  {
    name: 'workload-identity-cluster-access'
    title: 'Workload identity: roles were changed in a cluster'
    description: 'Somebody wrote a role or a binding in a cluster.'
    severity: 2
    query: replace(clusterAccess, '{{expectedUsers}}', expected)
    range: null
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {
  name: workspaceName
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in concat(always, empty(auditTable) ? [] : ofClusters): {
  name: rule.name
  location: location
  properties: {
    displayName: rule.title
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [workspace.id]
    evaluationFrequency: 'PT1H'
    windowSize: 'PT1H'
    overrideQueryTimeRange: rule.range
    // The tables of the queries may be empty for long after the first deployment.
    skipQueryValidation: true
    autoMitigate: false
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: actionGroups
    }
  }
}]
