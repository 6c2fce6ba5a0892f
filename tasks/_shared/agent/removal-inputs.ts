import { noHistory, type History } from '../fleet/history.js';
import { historyOf, readLedger } from '../report/ledger-read.js';
import type { InputReader } from './inputs.js';

/** Whether a task makes things true or takes them back, and what it knows of earlier runs. */
export interface RemovalInputs {
  readonly state: 'present' | 'absent';
  /** True when what has lost its counterpart goes as well. */
  readonly prune: boolean;
  readonly history: History;
}

/** Reads the inputs `state`, `prune` and `ledger`, alike in every task that has them. */
export function readRemoval(inputs: InputReader): RemovalInputs {
  const state = inputs.choice('state', ['present', 'absent'], 'present');
  const prune = inputs.boolean('prune');
  const history = readHistory(inputs);
  if (history !== undefined && state === 'present' && !prune && inputs.sound('state', 'prune', 'ledger')) {
    inputs.contradiction('ledger', 'is given', 'input state is present and prune is false: nothing is taken back', 'set state to absent or prune to true, or leave ledger empty');
  }
  return { state, prune, history: history ?? noHistory };
}

/** Reads the input `ledger`: what earlier runs wrote, as far as their ledgers tell. Undefined when none is given. */
export function readHistory(inputs: InputReader): History | undefined {
  const files = [...inputs.files('ledger')];
  if (files.length === 0) return undefined;
  const read = files.map(([path, content]) => readLedger(content, path));
  for (const { mistakes } of read) for (const mistake of mistakes) inputs.note(mistake);
  return historyOf(read.flatMap(({ lines }) => lines));
}
