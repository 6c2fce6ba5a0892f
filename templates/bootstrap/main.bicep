// The rights of the service connections of one ring: the one that plans, the one that applies and the one that audits. See README.md.
targetScope = 'managementGroup'

@description('Object id of the service principal behind the service connection that applies. Of the enterprise application, not of the app registration.')
param applier string

@description('Object id of the service principal behind the service connection that plans. Leave it empty where one connection does both.')
param planner string = ''

@description('Object id of the service principal behind the service connection that audits (AuditWorkloadIdentity). It gets reading rights only; leave it empty where nothing is audited.')
param auditor string = ''

@description('Ids of the subscriptions that hold the clusters, identities, vaults and registries of the ring.')
param subscriptions array

@description('ARM ids of the clusters of the ring.')
param clusters array

@description('ARM id of the one resource group in which identities are made.')
param identityGroup string

@description('ARM ids of the resource groups that hold the vaults and registries, and whatever else roles are granted on.')
param targetGroups array

@description('GUIDs of roles that may be granted besides those of roles.json, for the input grants: of databases, storage, queues.')
param moreGrantableRoles array = []

@description('What the applying connection may do in the clusters. writer: everything of an ordinary chart. admin: roles and role bindings as well. clusterAdmin: custom resources and everything else.')
@allowed(['writer', 'admin', 'clusterAdmin'])
param clusterRole string = 'writer'

@description('Whether the planning connection plans charts, and may read secrets in the clusters for that.')
param planCharts bool = true

@description('Whether the auditing connection may list secrets in the clusters, of which the audit keeps names, types and what values look like. Without it, it gets the built-in RBAC Reader, and what needs secrets or role bindings stays unknown.')
param auditSecrets bool = true

@description('Whether the applying connection may switch features of clusters on (EnableWorkloadIdentity).')
param updateClusters bool = true

@description('Whether the applying connection may change access policies of vaults that do not use Azure RBAC.')
param vaultPolicies bool = false

@description('Whether the applying connection may switch the admin user of registries off (GrantRegistryRole, adminUser).')
param adminUser bool = false

@description('Whether the audit logs of the clusters may be sent to a workspace (EnableWorkloadIdentity, auditWorkspace).')
param auditLogs bool = false

@description('Whether preflight may look for what would refuse a write although a role allows it: deny assignments, locks and policies. Without it, a run says that it did not look.')
param findObstacles bool = false

var roles = loadJsonContent('roles.json')
var definitionsAt = managementGroup().id
var roleIds = 'Microsoft.Authorization/roleDefinitions'

// Ids of the roles by their keys in roles.json.
var hierarchy = tenantResourceId(roleIds, guid(definitionsAt, 'hierarchy'))
var inventory = tenantResourceId(roleIds, guid(definitionsAt, 'inventory'))
var obstacles = tenantResourceId(roleIds, guid(definitionsAt, 'obstacles'))
var clusterUser = tenantResourceId(roleIds, guid(definitionsAt, 'clusterUser'))
var clusterUpdater = tenantResourceId(roleIds, guid(definitionsAt, 'clusterUpdater'))
var auditLogReader = tenantResourceId(roleIds, guid(definitionsAt, 'auditLogReader'))
var auditLogWriter = tenantResourceId(roleIds, guid(definitionsAt, 'auditLogWriter'))
var chartPlanner = tenantResourceId(roleIds, guid(definitionsAt, 'chartPlanner'))
var namespaceMaker = tenantResourceId(roleIds, guid(definitionsAt, 'namespaceMaker'))
var identityReader = tenantResourceId(roleIds, guid(definitionsAt, 'identityReader'))
var identityWriter = tenantResourceId(roleIds, guid(definitionsAt, 'identityWriter'))
var targetReader = tenantResourceId(roleIds, guid(definitionsAt, 'targetReader'))
var vaultPolicyWriter = tenantResourceId(roleIds, guid(definitionsAt, 'vaultPolicies'))
var adminUserSwitch = tenantResourceId(roleIds, guid(definitionsAt, 'registryAdminUser'))
var auditReader = tenantResourceId(roleIds, guid(definitionsAt, 'auditor'))
var policyReader = tenantResourceId(roleIds, guid(definitionsAt, 'policyReader'))
var clusterReader = tenantResourceId(roleIds, roles.builtIn.clusterReader.id)
var clusterWriter = tenantResourceId(roleIds, roles.builtIn[clusterRole].id)

var inSubscriptions = concat([inventory], findObstacles ? [obstacles] : [])
var applierInClusters = concat(
  [clusterUser, clusterWriter],
  clusterRole == 'clusterAdmin' ? [] : [namespaceMaker],
  updateClusters ? [clusterUpdater] : [],
  auditLogs ? [auditLogWriter] : []
)
var plannerInClusters = concat([clusterUser, planCharts ? chartPlanner : clusterReader], auditLogs ? [auditLogReader] : [])
var applierOnTargets = concat([targetReader], vaultPolicies ? [vaultPolicyWriter] : [], adminUser ? [adminUserSwitch] : [])

module definitions 'role-definitions.bicep' = {
  name: 'workload-identity-roles'
}

module atManagementGroup 'assign-management-group.bicep' = {
  name: 'workload-identity-${uniqueString(definitionsAt, applier)}'
  params: { principal: applier, roleDefinitionIds: [hierarchy] }
  dependsOn: [definitions]
}

module planAtManagementGroup 'assign-management-group.bicep' = if (!empty(planner)) {
  name: 'workload-identity-${uniqueString(definitionsAt, planner)}-plan'
  params: { principal: planner, roleDefinitionIds: [hierarchy] }
  dependsOn: [definitions]
}

// Definitions of policies lie at management groups.
module auditAtManagementGroup 'assign-management-group.bicep' = if (!empty(auditor)) {
  name: 'workload-identity-${uniqueString(definitionsAt, auditor)}-audit'
  params: { principal: auditor, roleDefinitionIds: [hierarchy, policyReader] }
  dependsOn: [definitions]
}

module atSubscriptions 'assign-subscription.bicep' = [for id in subscriptions: {
  name: 'workload-identity-${uniqueString(definitionsAt, applier, id)}'
  scope: subscription(id)
  params: { principal: applier, roleDefinitionIds: inSubscriptions }
  dependsOn: [definitions]
}]

module planAtSubscriptions 'assign-subscription.bicep' = [for id in subscriptions: if (!empty(planner)) {
  name: 'workload-identity-${uniqueString(definitionsAt, planner, id)}-plan'
  scope: subscription(id)
  params: { principal: planner, roleDefinitionIds: inSubscriptions }
  dependsOn: [definitions]
}]

module auditAtSubscriptions 'assign-subscription.bicep' = [for id in subscriptions: if (!empty(auditor)) {
  name: 'workload-identity-${uniqueString(definitionsAt, auditor, id)}-audit'
  scope: subscription(id)
  params: { principal: auditor, roleDefinitionIds: [auditReader] }
  dependsOn: [definitions]
}]

module atClusters 'assign-cluster.bicep' = [for id in clusters: {
  name: 'workload-identity-${uniqueString(definitionsAt, applier, id)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: { cluster: last(split(id, '/')), principal: applier, roleDefinitionIds: applierInClusters }
  dependsOn: [definitions]
}]

module planAtClusters 'assign-cluster.bicep' = [for id in clusters: if (!empty(planner)) {
  name: 'workload-identity-${uniqueString(definitionsAt, planner, id)}-plan'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: { cluster: last(split(id, '/')), principal: planner, roleDefinitionIds: plannerInClusters }
  dependsOn: [definitions]
}]

module auditAtClusters 'assign-cluster.bicep' = [for id in clusters: if (!empty(auditor)) {
  name: 'workload-identity-${uniqueString(definitionsAt, auditor, id)}-audit'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: { cluster: last(split(id, '/')), principal: auditor, roleDefinitionIds: [clusterUser, auditSecrets ? chartPlanner : clusterReader] }
  dependsOn: [definitions]
}]

module atIdentities 'assign-resource-group.bicep' = {
  name: 'workload-identity-${uniqueString(definitionsAt, applier, identityGroup)}'
  scope: resourceGroup(split(identityGroup, '/')[2], split(identityGroup, '/')[4])
  params: { principal: applier, roleDefinitionIds: [identityWriter] }
  dependsOn: [definitions]
}

module planAtIdentities 'assign-resource-group.bicep' = if (!empty(planner)) {
  name: 'workload-identity-${uniqueString(definitionsAt, planner, identityGroup)}-plan'
  scope: resourceGroup(split(identityGroup, '/')[2], split(identityGroup, '/')[4])
  params: { principal: planner, roleDefinitionIds: [identityReader] }
  dependsOn: [definitions]
}

module atTargets 'assign-resource-group.bicep' = [for id in targetGroups: {
  name: 'workload-identity-${uniqueString(definitionsAt, applier, id)}-targets'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: { principal: applier, roleDefinitionIds: applierOnTargets }
  dependsOn: [definitions]
}]

module planAtTargets 'assign-resource-group.bicep' = [for id in targetGroups: if (!empty(planner)) {
  name: 'workload-identity-${uniqueString(definitionsAt, planner, id)}-plan-targets'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: { principal: planner, roleDefinitionIds: [targetReader] }
  dependsOn: [definitions]
}]

module grantorAtTargets 'assign-grantor.bicep' = [for id in targetGroups: {
  name: 'workload-identity-${uniqueString(definitionsAt, applier, id)}-grantor'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: { principal: applier, moreGrantableRoles: moreGrantableRoles }
}]

@description('The custom roles, as they can be assigned elsewhere.')
output roleDefinitionIds array = definitions.outputs.ids
