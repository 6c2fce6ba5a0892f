import { createHash } from 'node:crypto';
import { parseBoundaryPolicy } from '../fleet/boundary-parse.js';
import type { BoundaryPolicy } from '../fleet/boundary-policy.js';
import type { PolicyOrigin } from '../fleet/policy-origin.js';
import { Problem } from '../reconcile/problem.js';
import { checkedOutCommit } from './checked-out-commit.js';
import { readTextFile } from './input-files.js';
import type { InputReader } from './inputs.js';

/** The boundary policy of a run with the file that it came from; undefined when the user said `none`. */
export type GivenPolicy = { readonly policy: BoundaryPolicy; readonly origin: PolicyOrigin } | undefined;

const input = 'boundaryPolicy';

/** Reads the input `boundaryPolicy`: the path of a policy, or the word `none`. Writing without a policy has to be said, so empty is a mistake. */
export function readBoundaryPolicy(inputs: InputReader): GivenPolicy {
  const given = readOptionalPolicy(inputs);
  if (given === undefined && inputs.optionalText(input) === undefined && inputs.sound(input)) inputs.note(unsaid());
  return given;
}

/** The same for a task that only reads: empty is as good as `none`. */
export function readOptionalPolicy(inputs: InputReader): GivenPolicy {
  const path = inputs.optionalText(input);
  if (path === undefined || path.toLowerCase() === 'none') return undefined;
  const file = inputs.located(path);
  const read = readTextFile(file);
  if ('flaw' in read) {
    inputs.unusable(input, path, read.flaw);
    return undefined;
  }
  const parsed = parseBoundaryPolicy(read.text);
  if ('policy' in parsed) return { policy: parsed.policy, origin: originOf(path, file, read.bytes) };
  for (const { line, column, because, remedy } of parsed.mistakes) {
    inputs.note(new Problem({ code: 'WI1070', what: `Input ${input} names a policy with a mistake at line ${line}, column ${column}`, because, remedy }));
  }
  return undefined;
}

function unsaid(): Problem {
  return new Problem({
    code: 'WI1001',
    what: `Input ${input} is empty`,
    because: 'whether something may cross the boundaries of environments has to be said before anything is written',
    remedy: 'give the path of the boundary policy, or the word none to write without one, see docs/boundaries.md',
  });
}

/**
 * Where a file that a run goes by came from.
 * @param bytes those that were read: the file may be another by now
 */
export function originOf(path: string, file: string, bytes: Buffer): PolicyOrigin {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const commit = checkedOutCommit(file);
  return { path, sha256, ...(commit === undefined ? {} : { commit }) };
}
