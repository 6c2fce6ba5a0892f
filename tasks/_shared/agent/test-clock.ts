import type { ServiceConnection } from '../azure/connection.js';
import { systemClock, type Clock } from '../reconcile/clock.js';
import { Problem } from '../reconcile/problem.js';
import type { Agent } from './agent.js';

/**
 * Makes the task's clock go so many times faster: for tests of the bundled task against simulators. Refused unless every
 * endpoint of the run is on the loopback interface, so that no run against Azure can shorten its waits.
 */
export const testClockVariable = 'AKS_WORKLOAD_IDENTITY_TEST_CLOCK_RATE';

/**
 * The clock of a run: the system's, unless {@link testClockVariable} asks for a faster one.
 * @throws Problem WI1015 when that variable is not a number from 1 to 10000, or an endpoint is not loopback.
 */
export function clockFor(agent: Agent, connection: ServiceConnection): Clock {
  const given = agent.variable(testClockVariable);
  if (given === undefined || given === '') return systemClock();
  const rate = Number(given);
  if (!Number.isFinite(rate) || rate < 1 || rate > 10_000) throw refused(`"${given}" is not a number from 1 to 10000`);
  const { resourceManager, authority } = connection.cloud;
  const collection = agent.variable('System.CollectionUri') ?? agent.variable('System.TeamFoundationCollectionUri') ?? '';
  const oidc = agent.variable('System.OidcRequestUri');
  const endpoints = [resourceManager, authority, collection, ...(oidc === undefined || oidc === '' ? [] : [oidc])];
  const foreign = endpoints.find((url) => !isLoopback(url));
  if (foreign !== undefined) throw refused(foreign === '' ? 'the collection URI is not set' : `${foreign} is not on the loopback interface`);
  return systemClock(rate);
}

/** True for URLs of this machine: localhost, 127.0.0.0/8, ::1. */
export function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname);
}

function refused(because: string): Problem {
  return new Problem({
    code: 'WI1015',
    what: `The test clock (${testClockVariable}) was refused`,
    because,
    remedy: 'remove this variable from the pipeline: it is for tests against simulators only',
  });
}
