import { Problem } from '../_shared/reconcile/problem.js';

/** How a list is written. */
export const form = 'ARM ids or resourceGroup/name, separated by commas, or one-line JSON';

/** The variable's value refers to a variable that has no value. */
export function unexpandedValue(name: string, variable: string): Problem {
  return new Problem({
    code: 'WI1005',
    what: `Variable ${name} contains $(${variable})`,
    because: `no variable ${variable} has a value in this job`,
    remedy: `link the variable group that defines ${variable}, or correct the name`,
  });
}

/** The job has no such variable. */
export function missingInJob(name: string): Problem {
  return new Problem({
    code: 'WI1021',
    what: `This job has no variable ${name}`,
    because: 'neither the pipeline nor a linked variable group defines it',
    remedy: 'link the group ("variables: - group: name") in the stage or job of this step, or name the group in variableGroup',
  });
}

/** The group has no such variable. */
export function missingInGroup(name: string, group: string, present: readonly string[]): Problem {
  return new Problem({
    code: 'WI1024',
    what: `The variable group ${group} has no variable ${name}`,
    because: present.length === 0 ? 'it has no variables at all' : `it has ${present.join(', ')}`,
    remedy: `add ${name} to the group in Pipelines, Library, or name the right one in variableName`,
  });
}

/** The variable is secret. A list of clusters is none, and a secret could not be handed on. */
export function secretVariable(name: string, group: string | undefined): Problem {
  return new Problem({
    code: 'WI1025',
    what: `Variable ${name} ${group === undefined ? 'of this job' : `of variable group ${group}`} is secret`,
    because: 'a secret is not handed to other steps, and a list of clusters is none',
    remedy: 'open the padlock of this variable in Pipelines, Library, and save the list as plain text',
  });
}

/** The group's variable has no value. */
export function emptyGroupVariable(name: string, group: string): Problem {
  return emptyList(`Variable ${name} of variable group ${group}`);
}

/** The list has no cluster. */
export function emptyList(subject: string): Problem {
  return new Problem({ code: 'WI1026', what: `${subject} names no cluster`, because: 'the list is empty', remedy: `give ${form}` });
}

/** A matrix cannot have so many legs. */
export function tooManyLegs(name: string, count: number, most: number): Problem {
  return new Problem({
    code: 'WI1030',
    what: `Variable ${name} names ${count} clusters, and a matrix has at most ${most} legs`,
    because: 'Azure Pipelines runs no more jobs of one matrix',
    remedy: 'work on all clusters in one job (fanOut: fleet in the templates, no legs), or split the list into rings with a variable group each',
  });
}

/** The leg of this job belongs to no cluster of the list. */
export function foreignLeg(leg: string, name: string): Problem {
  return new Problem({
    code: 'WI1031',
    what: `Leg ${leg} has no cluster`,
    because: `no cluster of variable ${name} has a leg of this name: the list was changed after the legs were made, or another list was read`,
    remedy: 'run the stage again, so that its legs are made from the list as it is now',
  });
}
