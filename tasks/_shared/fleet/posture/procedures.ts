/** The written procedures that the rules come from, by title; a rule names the section after it. */
export const procedures = {
  enterpriseScale: 'Identity and access management for Azure Kubernetes Service (AKS) enterprise-scale scenario',
  migration: 'ACR Workload Identity Migration Plan',
  architecture: 'Azure Workload Identity Deployment Architecture',
  authnAuthz: 'AuthN/AuthZ SOP - AKS (Prod)',
  auth: 'Auth SOP – AKS (Prod)',
  sop: 'SOP: AKS (Prod)',
  crossGroups: 'Azure AKS Cross-Management Group Access Strategy',
} as const;

/** A section of a procedure, as rules name their source: `SOP: AKS (Prod), Network`. */
export function section(procedure: keyof typeof procedures, title: string): string {
  return `${procedures[procedure]}, ${title}`;
}
