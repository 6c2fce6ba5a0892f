import assert from 'node:assert/strict';
import { inOrder } from '../../../tasks/_shared/reconcile/order.js';
import { Rig } from './rig.js';

const keys = (resources: readonly { readonly key: string }[]): string[] => resources.map(({ key }) => key);

describe('reconcile: order', () => {
  it('puts each resource after all those it reads from, whatever the order of the list', () => {
    const rig = new Rig();
    const a = rig.thing('a');
    const b = rig.thing('b', { of: a.id });
    const c = rig.thing('c', { of: b.id, and: a.id });
    const lists = [[a, b, c], [c, b, a], [b, c, a], [c, a, b]];
    for (const list of lists) assert.deepEqual(keys(inOrder(list)), ['a', 'b', 'c']);
  });

  it('keeps the order of the list where references say nothing', () => {
    const rig = new Rig();
    assert.deepEqual(keys(inOrder(['z', 'm', 'a'].map((key) => rig.thing(key)))), ['z', 'm', 'a']);
  });

  it('merges equal keys, the first wins', () => {
    const rig = new Rig();
    const first = rig.thing('same', { text: 'first' });
    const second = rig.thing('same', { text: 'second' });
    const user = rig.thing('user', { of: second.id });
    const ordered = inOrder([user, first, second]);
    assert.deepEqual(keys(ordered), ['same', 'user']);
    assert.equal(ordered[0], first);
  });

  it('takes a reference to a merged resource, and a shared one once', () => {
    const rig = new Rig();
    const root = rig.thing('root');
    const left = rig.thing('left', { of: root.id });
    const right = rig.thing('right', { of: root.id });
    const join = rig.thing('join', { one: left.id, two: right.id });
    assert.deepEqual(keys(inOrder([join, left, right, root])), ['root', 'left', 'right', 'join']);
  });

  it('refuses a reference to what is not there, and names both ends', () => {
    const rig = new Rig();
    const stranger = rig.thing('stranger');
    assert.throws(() => inOrder([rig.thing('user', { of: stranger.id })]), /user refers to stranger, which is not among the resources/);
  });

  it('refuses circles of one, two and three', () => {
    const rig = new Rig();
    const selves = rig.thing('a', { of: rig.thing('a').id });
    assert.throws(() => inOrder([selves]), /refer to each other/);
    const [a, b, c] = ['a', 'b', 'c'].map((key) => rig.thing(key)) as [ReturnType<Rig['thing']>, ReturnType<Rig['thing']>, ReturnType<Rig['thing']>];
    assert.throws(() => inOrder([rig.thing('a', { of: b.id }), rig.thing('b', { of: a.id })]), /refer to each other/);
    assert.throws(() => inOrder([rig.thing('a', { of: b.id }), rig.thing('b', { of: c.id }), rig.thing('c', { of: a.id })]), /refer to each other/);
  });

  it('takes an empty list', () => assert.deepEqual(inOrder([]), []));
});
