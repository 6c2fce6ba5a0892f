import { usualLimit } from '../azure/role-assignment-write.js';
import type { InputReader } from './inputs.js';

/** Reads how many role assignments a subscription can have: what a run would add is counted against it before the first write. */
export function readRoleAssignmentLimit(inputs: InputReader): number {
  return inputs.integer('roleAssignmentLimit', { min: 1, max: 100_000, fallback: usualLimit });
}
