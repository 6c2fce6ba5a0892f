/**
 * The predefined variables that `${{ }}` can see, with their names as documented.
 * Source: azure-devops-docs, build/variables, "Available in templates? Yes".
 */
export const templateVariableNames: readonly string[] = [
  'Build.DefinitionName',
  'Build.DefinitionVersion',
  'Build.QueuedBy',
  'Build.QueuedById',
  'Build.Reason',
  'Build.RequestedFor',
  'Build.RequestedForEmail',
  'Build.RequestedForId',
  'Build.SourceBranch',
  'Build.SourceBranchName',
  'Build.SourceVersion',
  'System.AccessToken',
  'System.CollectionId',
  'System.CollectionUri',
  'System.DefinitionId',
  'System.HostType',
  'System.PullRequest.IsFork',
  'System.StageName',
  'System.TeamFoundationCollectionUri',
  'System.TeamProject',
  'System.TeamProjectId',
];

/** False for variables that exist only while a job runs, and for those set when queueing: `${{ }}` sees nothing under their names. */
export function isTemplateVariable(name: string): boolean {
  return templateVariableNames.some((other) => other.toLowerCase() === name.toLowerCase());
}
