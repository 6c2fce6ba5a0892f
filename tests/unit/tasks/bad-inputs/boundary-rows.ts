import { forWorkload, row, type BadInput } from './table.js';

const federate = 'FederateServiceAccount';
const input = 'boundaryPolicy';
const inPolicy = (line: number, column: number): { begins: string } => ({ begins: `Input ${input} names a policy with a mistake at line ${line}, column ${column}` });

/** The input that names the boundary policy. */
export const boundaryRows: readonly BadInput[] = [
  ...row(forWorkload, input, '', 'WI1001', undefined, /give the path of the boundary policy, or the word none to write without one/),
  ...row(federate, input, '$(policy)', 'WI1005', '$(policy)', /link the variable group that defines policy/),
  ...row(forWorkload, input, 'no', 'WI1062', 'no', /there is no such file/),
  ...row(federate, input, '{files}', 'WI1062', '{files}', /it is not a file/),
  ...row(federate, input, '{files}/binary.bin', 'WI1062', 'binary.bin', /not text in UTF-8/),
  ...row(federate, input, '{files}/empty.txt', 'WI1070', undefined, /the policy is empty; give a mapping with version, boundaries, allow, roles/, inPolicy(1, 1)),
  ...row(federate, input, '{files}/tabs.yaml', 'WI1070', undefined, /it is not YAML here: tab as indent; correct the YAML/, inPolicy(2, 1)),
  ...row(federate, input, '{files}/list.yaml', 'WI1070', undefined, /the policy is a list; give a mapping with version, boundaries/, inPolicy(1, 1)),
];
