import assert from 'node:assert/strict';
import { hasPulled, poolOf, turnedAway } from '../../../tasks/_shared/kubernetes/pull-pod.js';
import type { ClusterObject } from '../../../tasks/_shared/kubernetes/objects.js';

const pod = (status: object, own?: object): ClusterObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, status: { ...status, ...(own === undefined ? {} : { containerStatuses: [{ name: 'pull', ...own }] }) } });
const node = (labels: Readonly<Record<string, string>>): ClusterObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels } });

describe('the pod that tries a pull', () => {
  const cases: readonly (readonly [title: string, pod: ClusterObject, pulled: boolean])[] = [
    ['has no status yet', pod({}), false],
    ['waits for the image', pod({ phase: 'Pending' }, { imageID: '', state: { waiting: { reason: 'ContainerCreating' } } }), false],
    ['cannot pull', pod({ phase: 'Pending' }, { imageID: '', state: { waiting: { reason: 'ImagePullBackOff' } } }), false],
    ['was ended before it had pulled', pod({ phase: 'Failed' }, { imageID: '', state: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } } }), false],
    ['has the image, which cannot be run', pod({ phase: 'Pending' }, { imageID: '', state: { waiting: { reason: 'CreateContainerError' } } }), true],
    ['has the image, whose program is not there', pod({ phase: 'Failed' }, { imageID: 'sha256:1', state: { terminated: { exitCode: 128, reason: 'StartError' } } }), true],
    ['has the image by its id', pod({ phase: 'Pending' }, { imageID: 'sha256:1', state: { waiting: { reason: 'PodInitializing' } } }), true],
  ];
  for (const [title, given, pulled] of cases) it(`${pulled ? 'has pulled' : 'has not pulled'} where it ${title}`, () => assert.equal(hasPulled(given), pulled));

  it('tells why a node turned it away, and not that its program ended', () => {
    assert.equal(turnedAway(pod({ phase: 'Failed', reason: 'OutOfcpu', message: 'Node didn’t have enough resource' })), 'OutOfcpu: Node didn’t have enough resource');
    assert.equal(turnedAway(pod({ phase: 'Failed', reason: 'DeadlineExceeded' }, { imageID: '', state: { waiting: { reason: 'ErrImagePull' } } })), 'DeadlineExceeded');
    assert.equal(turnedAway(pod({ phase: 'Failed' })), 'it failed without a reason');
    assert.equal(turnedAway(pod({ phase: 'Failed' }, { imageID: 'sha256:1', state: { terminated: { exitCode: 128 } } })), undefined);
    assert.equal(turnedAway(pod({ phase: 'Pending' })), undefined);
  });

  it('is of the pool that its node is labelled with', () => {
    assert.equal(poolOf(node({ 'kubernetes.azure.com/agentpool': 'a', agentpool: 'b' })), 'a');
    assert.equal(poolOf(node({ agentpool: 'b' })), 'b');
    assert.equal(poolOf(node({ 'karpenter.sh/nodepool': 'default' })), 'default');
    assert.equal(poolOf(node({})), 'n1');
  });
});
