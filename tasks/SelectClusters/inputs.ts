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
}

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
  reader.finish();
  return Object.freeze({ variableName, variableGroup, subscriptionId });
}
