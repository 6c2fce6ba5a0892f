import type { PipelineWorld } from '../world.js';

/** What may cause a run. Source: azure-devops-docs, build/variables, Build.Reason. */
export const buildReasons = ['Manual', 'IndividualCI', 'BatchedCI', 'Schedule', 'ValidateShelveset', 'CheckInShelveset', 'PullRequest', 'ResourceTrigger'] as const;

export type BuildReason = (typeof buildReasons)[number];

/** What is known of a run when it is queued, before its file is compiled. */
export interface Queued {
  readonly world: PipelineWorld;
  readonly definitionName: string;
  readonly reason: BuildReason;
  readonly sourceBranch: string;
}

/** The variables that templates see, too. Source: azure-devops-docs, build/variables, "Available in templates?". */
export function queuedVariables({ world, definitionName, reason, sourceBranch }: Queued): Readonly<Record<string, string>> {
  const { organisation, project } = world;
  const person = { name: 'Local user', id: '00000000-0000-4000-8000-000000000001', email: 'local.user@example.test' };
  return {
    'System.HostType': 'build',
    'System.CollectionId': organisation.id,
    'System.CollectionUri': organisation.collectionUri,
    'System.TeamFoundationCollectionUri': organisation.collectionUri,
    'System.TeamProject': project.name,
    'System.TeamProjectId': project.id,
    'System.DefinitionId': '1',
    'System.PullRequest.IsFork': 'False',
    'Build.DefinitionName': definitionName,
    'Build.DefinitionVersion': '1',
    'Build.Reason': reason,
    'Build.QueuedBy': person.name,
    'Build.QueuedById': person.id,
    'Build.RequestedFor': person.name,
    'Build.RequestedForEmail': person.email,
    'Build.RequestedForId': person.id,
    'Build.SourceBranch': sourceBranch,
    'Build.SourceBranchName': sourceBranch.split('/').at(-1) ?? sourceBranch,
    'Build.SourceVersion': '0'.repeat(40),
  };
}

/** What only jobs of a pull request's run see. Source: azure-devops-docs, build/variables. */
export function pullRequestVariables({ world, definitionName, reason, sourceBranch }: Queued): Readonly<Record<string, string>> {
  if (reason !== 'PullRequest') return {};
  return {
    'System.PullRequest.PullRequestId': /^refs\/pull\/(\d+)\//.exec(sourceBranch)?.[1] ?? '1',
    'System.PullRequest.SourceBranch': 'refs/heads/change',
    'System.PullRequest.SourceRepositoryURI': `${world.organisation.collectionUri}${world.project.name}/_git/${definitionName}`,
    'System.PullRequest.TargetBranch': 'refs/heads/main',
  };
}
