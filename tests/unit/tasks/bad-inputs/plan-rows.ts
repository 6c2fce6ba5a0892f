import { planned, row, type BadInput } from './table.js';

const enable = 'EnableWorkloadIdentity';
const select = 'SelectClusters';
const applying = { given: { dryRun: 'false' } };
const many = Array.from({ length: 257 }, (_, index) => `rg-${index}/aks`).join();

/** Inputs about plans, approvals, time, and jobs of their own. */
export const planRows: readonly BadInput[] = [
  ...row(planned, 'planFile', 'plans/gone.json', 'WI1040', 'plans/gone.json', /there is no such file; give the file that the dry run of this task left/, applying),
  ...row(enable, 'planFile', '$(planFile)', 'WI1005', '$(planFile)', /link the variable group/, applying),
  ...row(enable, 'planFile', '{files}', 'WI1062', '{files}', /it is not a file/, applying),
  ...row(enable, 'planFile', '{files}/binary.bin', 'WI1062', 'binary.bin', /not text in UTF-8/, applying),
  ...row(planned, 'planFile', '{files}/nonsense.txt', 'WI1041', 'nonsense.txt', /it is not a plan file of this project; plan again/, { ...applying, begins: 'The approved plan ' }),
  ...row(enable, 'planFile', '{files}/empty.txt', 'WI1041', 'empty.txt', /it is not a plan file of this project/, { ...applying, begins: 'The approved plan ' }),
  ...row(planned, 'onDrift', 'ignore', 'WI1003', 'ignore', /give fail or apply/),
  ...row(enable, 'onDrift', '$(onDrift)', 'WI1005', '$(onDrift)', /link the variable group/),
  ...['tomorrow', '2026-01-05', '08:00', '2026-01-05T08:00:00', '2026-01-05T08:00:00+01:00', '2026-13-05T08:00:00Z', '60'].flatMap((time) =>
    row(enable, 'deadline', time, 'WI1007', time, /give a time in UTC such as 2026-01-05T08:00:00Z/),
  ),
  ...row(planned, 'deadline', '$(select.deadline)', 'WI1005', '$(select.deadline)', /no variable select\.deadline has a value in this job/),
  ...row(select, 'legs', 'matrix', 'WI1003', 'matrix', /give true or false/),
  ...row(select, 'legs', 'true', 'WI1030', undefined, /work on all clusters in one job \(fanOut: fleet/, { begins: 'Variable clusters names 257 clusters', variables: { clusters: many } }),
  ...row(select, 'leg', '$(leg)', 'WI1005', '$(leg)', /no variable leg has a value in this job/),
  ...row(select, 'leg', 'aks_9', 'WI1031', 'aks_9', /the list was changed after the legs were made/, { begins: 'Leg aks_9 has no cluster', variables: { clusters: 'rg/aks-1' } }),
  ...['-1', '525601', 'an hour', '60m'].flatMap((minutes) => row(select, 'timeoutInMinutes', minutes, 'WI1002', minutes, /give a whole number from 0 to 525600/)),
];
