import type { SignIn } from '../azure/connection.js';
import type { LedgerContext } from '../report/ledger.js';
import type { Agent } from './agent.js';

/** The run in the pipeline's own words: definition, number, job, attempt. Source of the names: Azure Pipelines docs, predefined variables. */
export function describeRun(agent: Agent): string {
  const first = (...names: string[]): string | undefined => names.map((name) => agent.variable(name)).find((text) => text !== undefined && text !== '');
  const definition = first('Build.DefinitionName', 'Release.DefinitionName');
  const number = first('Build.BuildNumber', 'Release.ReleaseName');
  const job = first('System.JobDisplayName', 'Agent.JobName');
  const attempt = first('System.JobAttempt', 'Release.AttemptNumber');
  const run = [definition, number].filter((text) => text !== undefined).join(' ');
  return [...(run === '' ? [] : [run]), ...(job === undefined ? [] : [`job ${job}`]), ...(attempt === undefined ? [] : [`attempt ${attempt}`])].join(', ');
}

/**
 * Who runs, as the ledger says it; what the agent does not tell is left out. Source of the names: Azure Pipelines docs, predefined variables and
 * classic release variables.
 */
export function runFacts(agent: Pick<Agent, 'variable'>): Pick<LedgerContext, 'pipeline' | 'pipelineId' | 'runNumber' | 'runId' | 'url' | 'requester' | 'attempt'> {
  const first = (...names: string[]): string | undefined => names.map((name) => agent.variable(name)).find((text) => text !== undefined && text !== '');
  const [collection, project, build] = ['System.CollectionUri', 'System.TeamProject', 'Build.BuildId'].map((name) => agent.variable(name));
  const page = collection === undefined || project === undefined || build === undefined ? undefined : `${collection.replace(/\/$/, '')}/${encodeURIComponent(project)}/_build/results?buildId=${build}`;
  const facts = {
    pipeline: first('Release.DefinitionName', 'Build.DefinitionName'),
    pipelineId: first('Release.DefinitionId', 'System.DefinitionId'),
    runNumber: first('Release.ReleaseName', 'Build.BuildNumber'),
    runId: first('Release.ReleaseId', 'Build.BuildId'),
    url: first('Release.ReleaseWebURL') ?? page,
    requester: first('Release.Deployment.RequestedFor', 'Release.RequestedFor', 'Build.RequestedFor'),
    attempt: first('Release.AttemptNumber', 'System.JobAttempt'),
  };
  return Object.fromEntries(Object.entries(facts).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
}

/** The principal as the log shows it: `app 1f0c…9a (federated)`. */
export function describeSignIn(signIn: SignIn): string {
  if (signIn.clientId === undefined) return "the agent's managed identity";
  const { clientId } = signIn;
  const id = clientId.length > 10 ? `${clientId.slice(0, 4)}…${clientId.slice(-2)}` : clientId;
  return signIn.kind === 'managedIdentity' ? `managed identity ${id}` : `app ${id} (${signIn.kind})`;
}
