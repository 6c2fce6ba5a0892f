// Roles for one service principal at a management group.
targetScope = 'managementGroup'

@description('Object id of the service principal.')
param principal string

@description('ARM ids of the role definitions. Roles with data actions cannot be assigned at a management group.')
param roleDefinitionIds array

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for id in roleDefinitionIds: {
  name: guid(managementGroup().id, id, principal)
  properties: {
    roleDefinitionId: id
    principalId: principal
    principalType: 'ServicePrincipal'
    description: 'Bootstrap of the workload identity pipelines'
  }
}]
