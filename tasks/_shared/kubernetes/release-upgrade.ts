import { chartArguments, type PreparedChart } from './chart.js';
import { ownKeys, type HelmArgument } from './connection.js';
import { untilLabel, type Revision } from './release-revisions.js';

/** How many revisions of a release Helm keeps unless it is told otherwise. Source: helm docs, helm upgrade. */
export const usualHistory = 10;

/** One upgrade of a release. */
export interface Upgrade {
  readonly release: string;
  readonly namespace: string;
  readonly chart: PreparedChart;
  /** The newest one that there is. */
  readonly revision: Revision | undefined;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** When its helm has to have ended, milliseconds since 1970. */
  readonly untilMs: number;
  readonly historyLimit: number;
  /** The flag that makes this helm wait. */
  readonly waitFlag: string;
}

/** The command that installs or upgrades a release, with the labels by which the next run knows what it was made from. */
export function upgradeLine({ release, namespace, chart, revision, timeoutMs, untilMs, historyLimit, waitFlag }: Upgrade): HelmArgument[] {
  const labels = {
    [ownKeys.digest]: chart.digest,
    [ownKeys.content]: chart.content,
    [ownKeys.until]: untilLabel((revision?.number ?? 0) + 1, untilMs),
    ...entry(ownKeys.secrets, chart.secretValues?.label(), revision?.secrets),
    ...entry(ownKeys.without, chart.without, revision?.without),
  };
  return [
    ...['upgrade', release, ...chartArguments(chart), '--install', '--namespace', namespace, '--reset-values'],
    ...[waitFlag, '--timeout', `${Math.ceil(timeoutMs / 1_000)}s`, '--history-max', String(historyLimit)],
    ...['--labels', Object.entries(labels).map(([key, label]) => `${key}=${label}`).join(',')],
  ];
}

/** Helm hands labels on from one revision to the next; `null` takes one away. Source: helm docs, helm upgrade, --labels. */
function entry(key: string, wanted: string | undefined, present: string | undefined): Readonly<Record<string, string>> {
  if (wanted !== undefined) return { [key]: wanted };
  return present === undefined ? {} : { [key]: 'null' };
}

/** Why Helm has to run for the secret values of a chart; undefined when the revision was made with these. */
export function secretsReason({ secretValues }: Pick<PreparedChart, 'secretValues'>, { number, secrets }: Revision): string | undefined {
  if (secretValues === undefined) return secrets === undefined ? undefined : `revision ${number} has secret values, and none are given`;
  if (secrets === undefined) return `revision ${number} has no secret values`;
  return secretValues.match(secrets) ? undefined : `the secret values are not those of revision ${number}`;
}
