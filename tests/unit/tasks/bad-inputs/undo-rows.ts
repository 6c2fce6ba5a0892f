import { row, type BadInput } from './table.js';

const undoing = ['FederateServiceAccount', 'GrantRegistryRole'];
const absent = { given: { state: 'absent' } };
const aLedger = /give the file that a run attached as aks-workload-identity-ledger, unchanged: JSON Lines, one object for each write/;

/** Inputs of runs that take back. */
export const undoRows: readonly BadInput[] = [
  ...row(undoing, 'state', 'gone', 'WI1003', 'gone', /give present or absent/),
  ...row(undoing, 'state', '$(state)', 'WI1005', '$(state)', /link the variable group/),
  ...row(undoing, 'prune', 'yes', 'WI1003', '"yes"', /give true or false/),
  ...row(undoing, 'prune', '$(prune)', 'WI1005', '$(prune)', /link the variable group/),

  ...row(undoing, 'ledger', 'nowhere.jsonl', 'WI1062', 'nowhere.jsonl', /there is no such file; give a path that is absolute or relative to the sources/, absent),
  ...row(undoing, 'ledger', '{files}', 'WI1062', '{files}', /it is not a file/, absent),
  ...row(undoing, 'ledger', '{files}/utf16.txt', 'WI1062', 'utf16.txt', /save it as UTF-8/, absent),
  ...row(undoing, 'ledger', '$(ledger)', 'WI1005', '$(ledger)', /link the variable group/, absent),
  ...row(undoing, 'ledger', '{files}/empty.txt', 'WI1081', 'empty.txt', /there is none; give the file that a run attached/, absent),
  ...row(undoing, 'ledger', '{files}/good.yaml', 'WI1081', 'good.yaml', aLedger, absent),
  ...row(undoing, 'ledger', '{files}/torn.jsonl', 'WI1081', 'torn.jsonl', /it is not JSON: \{"version":1/, absent),
  ...row(undoing, 'ledger', '{files}/later.jsonl', 'WI1081', 'later.jsonl', /it has version 2, and this task reads 1/, absent),
  ...row(undoing, 'ledger', '{files}/ledger.jsonl', 'WI1060', 'given', /input state is present and prune is false: nothing is taken back; set state to absent or prune to true/),
];
