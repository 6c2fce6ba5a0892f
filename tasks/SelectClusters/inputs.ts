import type { Agent } from '../_shared/agent/agent.js';
import { InputReader } from '../_shared/agent/inputs.js';
import { subscriptionOf } from '../_shared/agent/service-connection.js';

/** The inputs of SelectClusters. */
export interface Inputs {
  /** Name of the variable that holds the list. */
  readonly variableName: string;
  /** The group to read it from; undefined: the job's own variables. */
  readonly variableGroup: string | undefined;
  /** Completes entries such as `resourceGroup/name`. */
  readonly subscriptionId: string | undefined;
  /** Sets the legs of a matrix. */
  readonly legs: boolean;
  /** The leg of this job; undefined: the whole list. */
  readonly leg: string | undefined;
  /** The job's time-out, 0 for none. */
  readonly timeoutInMinutes: number;
}

/** Longest time-out of a job. Source: Azure Pipelines docs, job time-outs: self-hosted jobs have no limit; a year is one. */
const longestTimeout = 525_600;

/**
 * Reads the inputs of SelectClusters.
 * @throws Problem WI1000 with all mistakes.
 */
export function readInputs(agent: Agent, reader = new InputReader(agent)): Inputs {
  const variableName = reader.optionalText('variableName') ?? 'clusters';
  if (/[/,[{\n]/.test(variableName)) reader.refuse('variableName', variableName, 'the name of a variable, as in "clusters"; not its value, which $(clusters) is');
  const variableGroup = reader.optionalText('variableGroup');
  const connection = reader.optionalText('azureSubscription');
  const subscriptionId = connection === undefined ? undefined : reader.attempt(() => subscriptionOf(agent, connection));
  const legs = reader.boolean('legs');
  const leg = reader.optionalText('leg');
  const timeoutInMinutes = reader.integer('timeoutInMinutes', { min: 0, max: longestTimeout, fallback: 0 });
  reader.finish();
  return Object.freeze({ variableName, variableGroup, subscriptionId, legs, leg, timeoutInMinutes });
}
