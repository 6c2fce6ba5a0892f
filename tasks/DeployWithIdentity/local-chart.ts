import type { Services } from '../_shared/agent/services.js';
import type { ChartSettings } from '../_shared/kubernetes/chart.js';
import type { ChartInputs } from './chart-inputs.js';

/** The chart on this machine, with the values that are the same for every cluster. */
export type LocalChart = Pick<ChartSettings, 'folder' | 'source' | 'set' | 'secretValues'>;

/**
 * Fetches the chart where it is somewhere else: once for all clusters, before anything is planned, so that what was planned is what is deployed.
 * @throws Problem WI4214 to WI4217 when it cannot be had.
 */
export async function localChart({ chart, chartSource: source, origin, set, secretValues, helmPath }: ChartInputs & { readonly helmPath: string }, { fetchChart }: Services): Promise<LocalChart> {
  const values = { ...(set === undefined ? {} : { set }), ...(secretValues === undefined ? {} : { secretValues }) };
  if (origin === undefined) return { folder: chart, source, ...values };
  if (fetchChart === undefined) throw new Error('nothing is there to fetch charts with');
  return { folder: await fetchChart(origin, helmPath), source, ...values };
}
