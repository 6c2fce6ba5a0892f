// The custom roles of roles.json, assignable in the management group and below.
targetScope = 'managementGroup'

var roles = loadJsonContent('roles.json')

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for role in items(roles.custom): {
  name: guid(managementGroup().id, role.key)
  properties: {
    roleName: '${role.value.name} (${managementGroup().name})'
    description: role.value.description
    type: 'CustomRole'
    permissions: [
      {
        actions: role.value.actions
        notActions: []
        dataActions: role.value.dataActions
        notDataActions: []
      }
    ]
    assignableScopes: [managementGroup().id]
  }
}]

@description('ARM ids of the roles, in the order of roles.json by key.')
output ids array = [for role in items(roles.custom): tenantResourceId('Microsoft.Authorization/roleDefinitions', guid(managementGroup().id, role.key))]
