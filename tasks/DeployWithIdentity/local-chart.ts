import type { Services } from '../_shared/agent/services.js';
import type { SourceInputs } from './source-inputs.js';
import type { Source } from './sources.js';

/**
 * Fetches a chart where it is somewhere else: once for all clusters, before anything is planned, so that what was planned is what is deployed.
 * @throws Problem WI4214 to WI4217 when it cannot be had.
 */
export async function localSource(source: SourceInputs, { fetchChart }: Services): Promise<Source> {
  if (source.kind === 'manifests') return source;
  const { origin, chart } = source;
  if (origin === undefined) return { ...source, folder: chart };
  if (fetchChart === undefined) throw new Error('nothing is there to fetch charts with');
  return { ...source, folder: await fetchChart(origin, source.helmPath) };
}
