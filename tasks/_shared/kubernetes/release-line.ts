import type { HelmArgument } from './connection.js';

/** A line for `helm upgrade`, `rollback` or `uninstall`, taken apart. */
export interface ReleaseLine {
  readonly command: string;
  readonly release: string;
  /** What follows the release's name: the chart, or a revision. */
  readonly rest: readonly HelmArgument[];
  /** Options of the operation: they go to the helm that does it. */
  readonly operating: readonly string[];
  /** Options of the rendering, such as values: they go to the helm that renders. */
  readonly rendering: readonly HelmArgument[];
  readonly namespace: string;
  /** For hooks and the rollout. Milliseconds. */
  readonly timeoutMs: number;
  /** Labels of the release. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether it waits for the rollout. */
  readonly waits: boolean;
}

/** Options of the operation that take a value, and those that take none. */
const withValue = ['--namespace', '--timeout', '--history-max', '--labels', '--description'];
const alone = ['--install', '--reset-values', '--take-ownership', '--force', '--force-replace', '--cleanup-on-fail', '--no-hooks', '--keep-history'];
/** Options that would make the operation wait. */
const waiting = /^--wait(-for-jobs)?(=|$)/;
/** Options of the rendering, each with a value. */
const ofRendering = ['--values'];
const defaultTimeout = '300s';

/** Takes the arguments of a helm command apart. Options may stand anywhere after the release's name. */
export function releaseLine([command, release, ...others]: readonly HelmArgument[]): ReleaseLine {
  if (typeof command !== 'string' || typeof release !== 'string') throw new Error('a helm command and the name of a release have to come first');
  const [rest, operating, rendering] = [[] as HelmArgument[], [] as string[], [] as HelmArgument[]];
  const values = new Map<string, string>();
  let waits = false;
  for (let index = 0; index < others.length; index += 1) {
    const argument = others[index];
    const next = others[index + 1];
    if (argument === undefined) continue;
    if (typeof argument === 'string' && withValue.includes(argument) && typeof next === 'string') {
      operating.push(argument, next);
      values.set(argument, next);
      index += 1;
    } else if (typeof argument === 'string' && alone.includes(argument)) operating.push(argument);
    else if (typeof argument === 'string' && waiting.test(argument)) waits = true;
    else if (typeof argument === 'string' && ofRendering.includes(argument) && next !== undefined) {
      rendering.push(argument, next);
      index += 1;
    } else if (rest.length === 0 && !isOption(argument)) rest.push(argument);
    else throw new Error(`helm ${command}: ${typeof argument === 'string' ? argument : 'a file'} is not made for run commands`);
  }
  const labels = Object.fromEntries((values.get('--labels') ?? '').split(',').map((pair) => pair.split('=')).flatMap(([key = '', value = '']) => (key === '' ? [] : [[key, value]])));
  return { command, release, rest, operating, rendering, namespace: values.get('--namespace') ?? 'default', timeoutMs: milliseconds(values.get('--timeout') ?? defaultTimeout), labels, waits };
}

function isOption(argument: HelmArgument): boolean {
  return typeof argument === 'string' && argument.startsWith('-');
}

/** `90s`; the tasks write no other unit. */
function milliseconds(duration: string): number {
  return Number(duration.replace(/s$/, '')) * 1_000;
}
