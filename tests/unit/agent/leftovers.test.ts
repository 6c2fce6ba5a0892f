import assert from 'node:assert/strict';
import { LeftoverProof, leftoverCheck } from '../../../tasks/_shared/agent/leftovers.js';
import { together } from '../../../tasks/_shared/reconcile/check.js';
import type { ProblemParts } from '../../../tasks/_shared/reconcile/problem.js';

const things = (count: number): ProblemParts[] => Array.from({ length: count }, (_, index) => ({ code: 'WI2312', what: `Grant ${index + 1} stays`, because: 'somebody else made it', remedy: `az role assignment delete --ids ${index + 1}` }));
const notes = async (...counts: readonly number[]): Promise<readonly string[]> =>
  together(await Promise.all(counts.map((count) => leftoverCheck(things(count)).inspect([], { dryRun: true })))).notes;

describe('what is left behind', () => {
  it('is one note each before the first write, at most five, and how many more there are', async () => {
    assert.deepEqual(await notes(0), []);
    assert.deepEqual(await notes(2), ['left behind: Grant 1 stays: somebody else made it', 'left behind: Grant 2 stays: somebody else made it']);
    const many = await notes(1000);
    assert.deepEqual([many.length, many.at(-2), many.at(-1)], [6, 'left behind: Grant 5 stays: somebody else made it', 'and 995 more left behind, listed below once the rest is removed']);
  });

  it('is told once, though what is withdrawn and what is pruned both see it', async () => {
    assert.deepEqual(await notes(2, 2), await notes(2));
  });

  it('is a short line in the proof, with every one in the details', async () => {
    const left = things(1000);
    const { summary, shortfall } = await new LeftoverProof('key', 'withdrawal of id-orders', [], { left, notes: ['namespace orders stays'] }).run({});
    assert.equal(summary, 'read back: 1000 left; Grant 1 stays, Grant 2 stays, Grant 3 stays, Grant 4 stays, Grant 5 stays and 995 more; namespace orders stays');
    assert.deepEqual([shortfall?.code, shortfall?.because, shortfall?.details?.length], ['WI2310', 'Grant 1 stays, Grant 2 stays, Grant 3 stays, Grant 4 stays, Grant 5 stays and 995 more', 1000]);
    assert.match(shortfall?.remedy ?? '', /listed below, under its own code/);
    assert.deepEqual(shortfall?.details?.map(({ parts }) => parts), left);
  });
});
