import assert from 'node:assert/strict';
import { blocked, foreseen, keep, type Change } from '../../../tasks/_shared/reconcile/resource.js';

const problem = { code: 'WI0000', what: 'it waits', because: 'another task comes first', remedy: 'run that one' };
const create: Change = { action: 'create', reason: 'it is missing', fields: [], widens: false };

describe('reconcile: what a plan foresees', () => {
  it('is the change itself where nothing is awaited', () => {
    for (const change of [create, keep('it is there'), blocked(problem)]) assert.equal(foreseen(change), change);
  });

  it('is the change that follows once the awaited obstacle is gone', () => {
    assert.equal(foreseen(blocked(problem, true, create)), create);
  });

  it('is the obstacle where nothing is known to follow', () => {
    const change = blocked(problem, true, keep('it is there'));
    assert.equal(foreseen(change), change);
  });
});
