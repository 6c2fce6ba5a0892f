import type { Counters } from '../expressions/runtime.js';
import { Instant } from '../expressions/instant.js';

/** What a run's `name` may refer to. */
export interface NumberSource {
  /** Predefined and declared variables, by name without regard to case. */
  readonly variable: (name: string) => string | undefined;
  /** The start of the run; dates are in UTC. */
  readonly start: Date;
  readonly definitionName: string;
  readonly counters: Counters;
}

/** Tokens besides variables. Source: azure-devops-docs, process/run-number. */
const parts: Readonly<Record<string, (instant: Instant) => string>> = {
  'dayofmonth': (instant) => instant.format('d'),
  'dayofyear': (instant) => String(Math.floor((instant.milliseconds - Date.UTC(Number(instant.format('yyyy')), 0, 1)) / 86_400_000) + 1),
  'hours': (instant) => instant.format('H'),
  'minutes': (instant) => instant.format('m'),
  'month': (instant) => instant.format('M'),
  'seconds': (instant) => instant.format('s'),
};

const aliases: Readonly<Record<string, string>> = { builddefinitionname: 'Build.DefinitionName', buildid: 'Build.BuildId', sourcebranchname: 'Build.SourceBranchName', teamproject: 'System.TeamProject' };

/** The number of the default format. Source: azure-devops-docs, process/run-number. */
const revision = /\$\(Rev:(\.?)(r+)\)/gi;

/**
 * Build.BuildNumber: the run's `name` with its tokens replaced; unknown ones stay as text. `$(Rev:r)` counts the runs of the pipeline that
 * agree in everything else, as many digits at least as it has letters.
 * Source: azure-devops-docs, process/run-number.
 * @throws {ExpressionError} for a date format that the service does not know.
 */
export function buildNumber(name: string, source: NumberSource): string {
  const instant = new Instant(source.start.getTime());
  const dated = name.replace(/\$\((Date|Year):([^()]+)\)/gi, (_whole, _kind: string, format: string) => instant.format(format));
  const text = dated.replace(/\$\(([^():]+)\)/g, (whole, token: string) => {
    const key = token.trim();
    return parts[key.toLowerCase()]?.(instant) ?? source.variable(aliases[key.toLowerCase()] ?? key) ?? whole;
  });
  // Slashes would make folders of it. Source: azure-devops-docs, build/variables, Build.SourceBranch.
  const clean = text.replaceAll('/', '_');
  if (clean.search(revision) === -1) return clean;
  const count = source.counters.next(source.definitionName, `Rev ${clean}`, 1);
  return clean.replace(revision, (_whole, dot: string, digits: string) => `${dot}${String(count).padStart(digits.length, '0')}`);
}
