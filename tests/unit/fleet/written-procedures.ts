/** The sections of each written procedure, or the words that begin its points where it has no sections. */
const written: Readonly<Record<string, readonly string[]>> = {
  'AuthN/AuthZ SOP - AKS (Prod)': ['Cluster Auth', 'Workload Identity', 'Network', 'Secrets', 'Ingress', 'Auditing'],
  'SOP: AKS (Prod)': ['Cluster', 'Identities', 'RBAC', 'Network Policies', 'Ingress', 'Secrets', 'Auditing', 'Identity', 'AuthZ', 'Network', 'Monitoring'],
  'Auth SOP – AKS (Prod)': ['Cluster', 'Identity', 'Network', 'Secrets', 'RBAC'],
  'Identity and access management for Azure Kubernetes Service (AKS) enterprise-scale scenario': ['cluster identity', 'operator access', 'workload identities'].flatMap((what) => [`Design considerations for ${what}`, `Design recommendations for ${what}`]),
  'Azure Workload Identity Deployment Architecture': ['Architecture Components', 'Security Considerations'],
  'ACR Workload Identity Migration Plan': ['Security Concerns', 'Target State: Azure Workload Identity', 'Phase 1: Enable AKS Workload Identity (Infrastructure)', 'Phase 2: Update Workspace Deployment', 'Action Items'],
  'Azure AKS Cross-Management Group Access Strategy': ['Implementation Strategy', 'Potential Concerns', 'Next Steps'],
};

/** Every source that a rule may name: a procedure and one of its sections. */
export const writtenSources: readonly string[] = Object.entries(written).flatMap(([title, sections]) => sections.map((section) => `${title}, ${section}`));
