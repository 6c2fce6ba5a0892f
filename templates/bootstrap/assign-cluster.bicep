// Roles for one service principal at a cluster and everything in it.
targetScope = 'resourceGroup'

@description('Name of the cluster in this resource group.')
param cluster string

@description('Object id of the service principal.')
param principal string

@description('ARM ids of the role definitions.')
param roleDefinitionIds array

resource managedCluster 'Microsoft.ContainerService/managedClusters@2025-10-01' existing = {
  name: cluster
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for id in roleDefinitionIds: {
  name: guid(managedCluster.id, id, principal)
  scope: managedCluster
  properties: {
    roleDefinitionId: id
    principalId: principal
    principalType: 'ServicePrincipal'
    description: 'Bootstrap of the workload identity pipelines'
  }
}]
