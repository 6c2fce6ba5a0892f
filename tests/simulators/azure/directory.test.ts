import assert from 'node:assert/strict';
import { VirtualClock } from '../kernel/virtual-clock.js';
import { Directory, idOf } from './directory.js';

describe('directory', () => {
  it('derives the same ids from the same names', () => {
    assert.equal(idOf('a'), idOf('a'));
    assert.notEqual(idOf('a'), idOf('b'));
    assert.match(idOf('a'), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    const [one, two] = [new Directory({ clock: new VirtualClock() }), new Directory({ clock: new VirtualClock() })];
    const first = one.add({ displayName: 'pipeline', kind: 'application' });
    assert.equal(first.objectId, two.add({ displayName: 'pipeline', kind: 'application' }).objectId);
    assert.notEqual(first.objectId, first.appId);
  });

  it('finds principals by either id, without case', () => {
    const directory = new Directory({ clock: new VirtualClock() });
    const added = directory.add({ displayName: 'pipeline', kind: 'application', secrets: ['s'] });
    assert.equal(directory.byObjectId(added.objectId.toUpperCase()), added);
    assert.equal(directory.byAppId(added.appId.toUpperCase()), added);
    assert.equal(directory.byAppId(added.objectId), undefined);
    assert.deepEqual(added.secrets, ['s']);
    assert.deepEqual(added.federatedCredentials(), []);
  });

  it('shows a principal only after replication', () => {
    const clock = new VirtualClock();
    const directory = new Directory({ clock });
    directory.replicationMs = 5000;
    const { objectId, appId } = directory.add({ displayName: 'id-app', kind: 'managedIdentity' });
    assert.equal(directory.all().length, 1);
    clock.advance(4999);
    assert.equal(directory.byObjectId(objectId), undefined);
    assert.equal(directory.byAppId(appId), undefined);
    clock.advance(1);
    assert.equal(directory.byObjectId(objectId)?.displayName, 'id-app');
    directory.replicationMs = 6000;
    assert.equal(directory.byAppId(appId), undefined, 'the knob acts on principals that exist');
  });

  it('refuses taken ids and forgets removed principals at once', () => {
    const directory = new Directory({ clock: new VirtualClock() });
    const { objectId, appId } = directory.add({ displayName: 'a', kind: 'application' });
    assert.throws(() => directory.add({ displayName: 'b', kind: 'application', appId: appId.toUpperCase() }), /taken/);
    directory.remove(objectId);
    directory.remove(objectId);
    assert.equal(directory.byAppId(appId), undefined);
    assert.equal(directory.add({ displayName: 'b', kind: 'application', appId }).appId, appId);
  });
});
