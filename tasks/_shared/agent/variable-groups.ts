import { proxyProblem } from '../network/proxy-fault.js';
import { openRoute } from '../network/route.js';
import { cancelled, Problem } from '../reconcile/problem.js';
import type { Agent } from './agent.js';
import { taskAgentClient, thrownMessage, thrownStatus } from './devops-client.js';
import { readNetwork } from './network.js';
import { jobToken } from './service-connection.js';

/** A variable of a group. The value of a secret one is never handed out. */
export interface GroupVariable {
  readonly value: string;
  readonly isSecret: boolean;
}

/** A variable group of the project's Library. */
export interface VariableGroup {
  readonly name: string;
  /** By name as written in the Library; names are compared without regard to case. */
  readonly variables: ReadonlyMap<string, GroupVariable>;
}

/** Whom to ask for variable groups, and for which. */
export interface GroupRequest {
  readonly collectionUri: string;
  readonly project: string;
  readonly accessToken: string;
  readonly group: string;
}

/** Lists the groups of a name that the job may read. Rejects with an error that has a `statusCode` for refusals. */
export type ListGroups = (request: GroupRequest) => Promise<readonly unknown[]>;

const grant = 'open the group in Pipelines, Library, and give the build service Reader on it (Security), or link the group to the pipeline and leave variableGroup empty';

/**
 * Reads a variable group with the job's token.
 * Source: azure-devops-node-api, TaskAgentApi.getVariableGroups; a 200 without the group means no permission or no such name.
 * @throws Problem WI1022 for a group that is not in the answer, WI1023 for a refusal, WI1029 for any other failure, WI9002 once the job is
 *   cancelled: the client cannot abort its request, so it is not waited for.
 */
export async function readVariableGroup(agent: Agent, group: string, list: ListGroups = (request) => listGroups(agent, request)): Promise<VariableGroup> {
  const collectionUri = variable(agent, 'System.CollectionUri') ?? variable(agent, 'System.TeamFoundationCollectionUri');
  const project = variable(agent, 'System.TeamProjectId') ?? variable(agent, 'System.TeamProject');
  if (collectionUri === undefined || project === undefined) {
    throw failed(group, 'the job does not say which organisation and project it belongs to', 'run the task in a job of Azure Pipelines');
  }
  const asked = list({ collectionUri, project, accessToken: jobToken(agent), group });
  const found = await Promise.race([asked, cancellation(agent.signal, group)]).catch((error: unknown) => {
    throw error instanceof Problem ? error : explain(group, error);
  });
  const named = found.map(toGroup).find(({ name }) => name.toLowerCase() === group.toLowerCase());
  if (named !== undefined) return named;
  throw new Problem({
    code: 'WI1022',
    what: `The variable group ${group} is not to be seen`,
    tried: `read it in project ${variable(agent, 'System.TeamProject') ?? project}`,
    because: 'Azure DevOps answered without it: there is no group of this name in the project, or the job must not read it',
    remedy: `check the name; ${grant}`,
  });
}

function cancellation(signal: AbortSignal, group: string): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(cancelled(`read the variable group ${group}`));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

async function listGroups(agent: Agent, { collectionUri, project, accessToken, group }: GroupRequest): Promise<readonly unknown[]> {
  const client = await taskAgentClient({ collectionUri, accessToken, route: await openRoute(readNetwork(agent)) });
  // A redirect to a sign-in page and a 404 both become null here, against the declared type.
  const groups: unknown = await client.getVariableGroups(project, group);
  return Array.isArray(groups) ? groups.map((group: unknown) => group) : [];
}

function explain(group: string, error: unknown): Problem {
  if (error instanceof Problem) return error;
  const byProxy = proxyProblem(error, { what: `The variable group ${group} could not be read`, tried: 'ask Azure DevOps for it' });
  if (byProxy !== undefined) return byProxy;
  const status = thrownStatus(error);
  const message = thrownMessage(error);
  if (status !== 401 && status !== 403) return failed(group, message, 'run again; when it stays, check the network between agent and Azure DevOps', error, status);
  const parts = { what: `The variable group ${group} may not be read`, tried: 'read it with the job token', because: message };
  return new Problem({ code: 'WI1023', ...parts, remedy: grant, status }, error);
}

function failed(group: string, because: string, remedy: string, cause?: unknown, status?: number): Problem {
  const parts = { code: 'WI1029', what: `The variable group ${group} could not be read`, because, remedy };
  return new Problem({ ...parts, ...(status === undefined ? {} : { status }) }, cause);
}

function toGroup(value: unknown): VariableGroup {
  const { name, variables } = recordOf(value);
  const entries = Object.entries(recordOf(variables)).map(([key, entry]) => {
    const { value: text, isSecret } = recordOf(entry);
    return [key, { value: typeof text === 'string' && isSecret !== true ? text : '', isSecret: isSecret === true }] as const;
  });
  return { name: typeof name === 'string' ? name : '', variables: new Map(entries) };
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function variable(agent: Agent, name: string): string | undefined {
  const text = agent.variable(name);
  return text === '' ? undefined : text;
}
