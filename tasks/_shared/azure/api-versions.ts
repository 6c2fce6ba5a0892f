/** The api-versions of raw requests. The SDK clients for identities and role assignments bring their own. */
export const apiVersions = {
  /** Source: npm @azure/arm-containerservice 25.3.0. */
  managedClusters: '2026-04-01',
  /** Source: npm @azure/arm-containerregistry 12.0.0. */
  registries: '2025-11-01',
  /** Source: azure-rest-api-specs, Microsoft.OperationalInsights, stable. */
  workspaces: '2023-09-01',
  /** What REST clients send; npm @azure/arm-monitor 7.0.0 sends 2017-05-01-preview. Not confirmed which of them is meant to stay. */
  diagnosticSettings: '2021-05-01-preview',
  /** Source: npm @azure/arm-keyvault 5.0.0; earlier ones retire on 2027-02-27. */
  vaults: '2026-02-01',
  /** Source: npm @azure/arm-authorization 9.0.0. */
  permissions: '2022-04-01',
  roleDefinitions: '2022-04-01',
  denyAssignments: '2022-04-01',
  /** Source: npm @azure/arm-authorization 9.0.0, whose client sends it. */
  roleAssignments: '2022-04-01',
  /** Source: npm @azure/arm-locks 2.1.0. */
  locks: '2020-05-01',
  /** Source: npm @azure/arm-policyinsights 6.0.0. */
  policyRestrictions: '2024-10-01',
  /** Source: npm @azure/arm-policy 7.0.1; initiatives have the same. */
  policyAssignments: '2025-03-01',
  policyDefinitions: '2025-03-01',
  /** There is none without preview. Source: REST reference of policy exemptions, list; npm @azure/arm-policy has them no more since 6.0.0. */
  policyExemptions: '2022-07-01-preview',
  /** Source: npm @azure/arm-msi 2.2.0, whose client sends it. */
  identities: '2024-11-30',
  /** Source: npm @azure/arm-managementgroups 2.0.2. */
  managementGroups: '2021-04-01',
  /** Source: azure-docs, REST reference of subscriptions, get. */
  subscriptions: '2022-12-01',
  /** Key Vault data plane. Source: npm @azure/keyvault-secrets 4.11.2. */
  secrets: '2025-07-01',
} as const;
