import { join } from 'node:path';
import type { JobIdentity } from '../world.js';
import type { JobFolders, JobPlace, RunContext } from './job-context.js';
import { pullRequestVariables, queuedVariables } from './queued.js';

const agentSystem: Readonly<Partial<Record<NodeJS.Platform, string>>> = { win32: 'Windows_NT', darwin: 'Darwin' };

/** Names of predefined variables, which no step may set. Source: agent, Constants.Variables.ReadOnlyVariables. */
export function isPredefined(name: string): boolean {
  return /^(agent|build|system|environment)\./i.test(name);
}

/** The predefined variables of a build job. Source: azure-devops-docs, build/variables. */
export function predefinedVariables(run: RunContext, place: JobPlace, identity: JobIdentity, folders: JobFolders): Readonly<Record<string, string>> {
  const { organisation } = run.world;
  const { stage, job, instance } = place;
  const environment = job.deployment === undefined ? undefined : run.world.environment(job.deployment.environment.text);
  return {
    ...queuedVariables(run),
    ...pullRequestVariables(run),
    'System.ServerType': 'Hosted',
    'System.TeamFoundationServerUri': organisation.collectionUri,
    'System.DefinitionName': run.definitionName,
    'System.PlanId': identity.planId,
    'System.JobId': identity.jobId,
    'System.TimelineId': identity.planId,
    'System.StageName': stage.name,
    'System.StageAttempt': String(place.stageAttempt),
    'System.StageDisplayName': stage.displayName,
    'System.PhaseName': job.name,
    'System.PhaseDisplayName': job.displayName,
    'System.PhaseAttempt': String(place.attempt),
    'System.JobName': instance.name,
    'System.JobDisplayName': instance.displayName,
    'System.JobIdentifier': `${stage.name}.${job.name}.${instance.name}`,
    'System.JobAttempt': String(place.attempt),
    'System.JobPositionInPhase': String(instance.position),
    'System.TotalJobsInPhase': String(instance.total),
    'System.JobTimeout': String(job.timeoutInMinutes),
    'System.OidcRequestUri': run.world.oidcRequestUri(identity),
    'System.DefaultWorkingDirectory': folders.sources,
    'System.ArtifactsDirectory': join(folders.build, 'a'),
    'System.WorkFolder': run.workFolder,
    'Agent.WorkFolder': run.workFolder,
    'Agent.TempDirectory': folders.temp,
    'Agent.BuildDirectory': folders.build,
    'Agent.RootDirectory': run.workFolder,
    'Agent.ToolsDirectory': join(run.workFolder, '_tool'),
    'Agent.HomeDirectory': run.workFolder,
    'Agent.Id': '1',
    'Agent.Name': instance.machine?.name ?? 'Local agent',
    'Agent.MachineName': instance.machine?.name ?? 'local',
    'Agent.JobName': instance.displayName,
    'Agent.JobStatus': 'Succeeded',
    'Agent.OS': agentSystem[process.platform] ?? 'Linux',
    'Agent.OSArchitecture': process.arch.toUpperCase(),
    'Agent.Version': '3.232.1',
    'Build.BuildId': String(run.buildId),
    'Build.BuildNumber': run.buildNumber,
    'Build.BuildUri': `vstfs:///Build/Build/${run.buildId}`,
    'Build.ContainerId': String(run.buildId),
    'Build.Repository.Name': run.definitionName,
    'Build.Repository.Provider': 'TfsGit',
    'Build.Repository.LocalPath': folders.sources,
    'Build.SourcesDirectory': folders.sources,
    'Build.ArtifactStagingDirectory': join(folders.build, 'a'),
    'Build.StagingDirectory': join(folders.build, 'a'),
    'Build.BinariesDirectory': join(folders.build, 'b'),
    'Common.TestResultsDirectory': join(folders.build, 'TestResults'),
    'Pipeline.Workspace': folders.build,
    ...(environment === undefined ? {} : { 'Environment.Name': environment.name, 'Environment.Id': environment.id }),
    TF_BUILD: 'True',
  };
}
