// The right to grant and to take back, at a resource group of vaults and registries: the built-in Role Based Access Control Administrator with a
// condition that limits it to the roles of the tasks and to service principals.
targetScope = 'resourceGroup'

@description('Object id of the service principal.')
param principal string

@description('GUIDs of roles that may be granted besides those of roles.json.')
param moreGrantableRoles array = []

var roles = loadJsonContent('roles.json')
var roleDefinitionId = tenantResourceId('Microsoft.Authorization/roleDefinitions', roles.builtIn.grantor.id)
var grantable = join(concat(map(items(roles.grantable), role => role.value), moreGrantableRoles), ', ')

// Azure takes conditions in one line.
var onWrite = '(!(ActionMatches{\'Microsoft.Authorization/roleAssignments/write\'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${grantable}} AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {\'ServicePrincipal\'})'
var onDelete = '(!(ActionMatches{\'Microsoft.Authorization/roleAssignments/delete\'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${grantable}} AND @Resource[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {\'ServicePrincipal\'})'

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceGroup().id, roleDefinitionId, principal)
  properties: {
    roleDefinitionId: roleDefinitionId
    principalId: principal
    principalType: 'ServicePrincipal'
    description: 'Bootstrap of the workload identity pipelines'
    condition: '(${onWrite}) AND (${onDelete})'
    conditionVersion: '2.0'
  }
}

@description('What the assignment is limited to.')
output condition string = assignment.properties.condition
