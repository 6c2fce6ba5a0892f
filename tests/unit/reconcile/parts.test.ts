import assert from 'node:assert/strict';
import { Lookup } from '../../../tasks/_shared/reconcile/lookup.js';
import { cancelled, Problem, toProblem } from '../../../tasks/_shared/reconcile/problem.js';
import { isKnown, output, resolve, show, sources, unknown, value } from '../../../tasks/_shared/reconcile/ref.js';
import { blocked, keep, writes, type Change } from '../../../tasks/_shared/reconcile/resource.js';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { problemOf } from './thing.js';

const producer = { key: 'p', observe: () => Promise.resolve<{ id?: string; n?: number } | undefined>({ id: 'x' }) };

describe('reconcile: references', () => {
  const inputs = { fixed: value('f'), id: output(producer, (state) => state.id), count: output(producer, (state) => state.n) };

  it('names the resources that inputs are read from', () => assert.deepEqual(sources(inputs), ['p', 'p']));

  it('resolves values at once, outputs from the state, and leaves unknown what the state does not have', () => {
    assert.deepEqual(resolve(inputs, () => ({ id: 'x', n: 0 })), { fixed: 'f', id: 'x', count: 0 });
    assert.deepEqual(resolve(inputs, () => ({ id: 'x' })), { fixed: 'f', id: 'x', count: unknown });
    assert.deepEqual(resolve(inputs, () => unknown), { fixed: 'f', id: unknown, count: unknown });
  });

  it('tells fully known inputs', () => {
    assert.equal(isKnown({ a: '', b: 0, c: false }), true);
    assert.equal(isKnown({ a: 'x', b: unknown }), false);
    assert.equal(isKnown({}), true);
  });

  it('prints unknown values as such', () => {
    assert.equal(show(unknown), '(known after apply)');
    assert.equal(show('text'), 'text');
    assert.equal(show(['a', 1]), '["a",1]');
  });
});

describe('reconcile: changes', () => {
  it('counts create, update and delete as writes, keep and blocked not', () => {
    const effect = { reason: 'r', fields: [], widens: false };
    const changes: Change[] = [{ action: 'create', ...effect }, { action: 'update', ...effect }, { action: 'delete', ...effect }, keep('k'), blocked(problemOf('b'))];
    assert.deepEqual(changes.map(writes), [true, true, true, false, false]);
  });

  it('does not await anybody unless told so', () => {
    assert.deepEqual(blocked(problemOf('b')), { action: 'blocked', problem: problemOf('b'), awaits: false });
    assert.deepEqual(blocked(problemOf('b'), true), { action: 'blocked', problem: problemOf('b'), awaits: true });
  });
});

describe('reconcile: problems', () => {
  it('leaves a Problem as it is', () => {
    const problem = new Problem(problemOf('x'));
    assert.equal(toProblem(problem), problem);
    assert.match(problem.message, /WI4999: x is in the way, because the test says so/);
  });

  it('makes everything else WI9001, with its text and cause', () => {
    const error = new TypeError('boom');
    assert.equal(toProblem(error).code, 'WI9001');
    assert.equal(toProblem(error).parts.because, 'boom');
    assert.equal(toProblem(error).cause, error);
    assert.equal(toProblem('just text').parts.because, 'just text');
  });

  it('says some parts better without losing the others or the cause', () => {
    const better = new Problem(problemOf('x'), 'cause').with({ tried: 'try it' });
    assert.deepEqual(better.parts, { ...problemOf('x'), tried: 'try it' });
    assert.equal(better.cause, 'cause');
  });

  it('names what a cancelled run was about to do', () => {
    assert.deepEqual([cancelled('create a').code, cancelled('create a').parts.tried], ['WI9002', 'create a']);
  });
});

describe('reconcile: lookups', () => {
  class Vault extends Lookup<{ id: string }> {
    readonly kind = 'vault';
    observe(): Promise<{ id: string } | undefined> {
      return Promise.resolve({ id: this.id });
    }
    plan(): Change {
      return keep('read');
    }
  }

  it('need no rights, write nothing and carry a cluster only when given one', async () => {
    const vault = new Vault('vault kv', 'kv', '/id');
    assert.deepEqual(vault.permissions(), []);
    assert.equal(vault.cluster, undefined);
    assert.equal(new Vault('vault kv', 'kv', '/id', 'aks').cluster, 'aks');
    assert.deepEqual(vault.inputs, { id: { value: '/id' } });
    await assert.rejects(vault.apply(), /vault kv is only read/);
  });
});

describe('reconcile: system clock', () => {
  it('does not sleep once its signal is aborted', async () => {
    const reason = new Error('stop');
    await assert.rejects(systemClock().sleep(3_600_000, AbortSignal.abort(reason)), reason);
  });

  it('wakes with the reason when the signal is aborted in its sleep', async () => {
    const controller = new AbortController();
    const sleeping = systemClock().sleep(3_600_000, controller.signal);
    const reason = new Error('stop');
    controller.abort(reason);
    await assert.rejects(sleeping, reason);
  });

  it('sleeps at its rate', async () => {
    const clock = systemClock(1e9);
    const start = clock.monotonic();
    await clock.sleep(3_600_000, new AbortController().signal);
    assert.ok(clock.monotonic() > start);
  });
});
