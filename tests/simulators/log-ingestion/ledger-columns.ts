import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ColumnType } from './log-ingestion.js';

const file = join(import.meta.dirname, '..', '..', '..', 'templates', 'monitoring', 'ledger-columns.json');

/** The columns of the stream of ledgers, as the template of the rule has them. */
export function ledgerColumns(): Record<string, ColumnType> {
  const columns = JSON.parse(readFileSync(file, 'utf8')) as { readonly name: string; readonly type: ColumnType }[];
  return Object.fromEntries(columns.map(({ name, type }) => [name, type]));
}
