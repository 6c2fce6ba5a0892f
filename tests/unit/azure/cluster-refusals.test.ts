import assert from 'node:assert/strict';
import type { Azure } from '../../../tasks/_shared/azure/azure.js';
import { ClusterFeatures } from '../../../tasks/_shared/azure/cluster-features.js';
import type { RunResult } from '../../../tasks/_shared/reconcile/run.js';
import { Rig, verdictOf } from './azure-world.js';

const cluster = /managedClusters\/aks-1\?/;
const aksError = (code: string, message: string): object => ({ code, details: null, message, subcode: '' });
const armError = (code: string, message: string): object => ({ error: { code, message } });
const busy = 'please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details';

/** Refusals that pass: the update is made once they have, and the log says what is waited for. */
const passing: readonly (readonly [string, number, object, RegExp])[] = [
  ['another operation, in the words of 2025', 409, aksError('OperationNotAllowed', "Operation is not allowed because there's an in progress create managed cluster operation (operation ID: 1b2c) on the managed cluster started on 2025-12-31T23:57:00Z. Please wait for it to finish before starting a new operation. You can also use 'az aks operation-abort ...' to abort the ongoing operation."), /another operation \(create managed cluster, for \d+ min\)/],
  ['another operation, in older words', 409, aksError('OperationNotAllowed', `Operation is not allowed: Another operation (Updating) is in progress, ${busy}`), /another operation \(Updating\)/],
  ['an operation on a pool', 409, aksError('OperationNotAllowed', `Operation is not allowed: Another operation (nodepool1 - Updating) is in progress, ${busy}`), /another operation \(nodepool1 - Updating\)/],
  ['a pool that is being made', 409, aksError('OperationNotAllowed', `Operation is not allowed: Another agentpool operation (nodepool1 - Creating) is in progress, ${busy}`), /another operation \(nodepool1 - Creating\)/],
  ['a write that raced ours', 409, { ...aksError('EtagMismatch', 'Operation is not allowed: Another operation is in progress'), details: [{ code: 'Unspecified', message: 'rpc error: code = FailedPrecondition desc = Etag mismatched' }] }, /waiting for another operation on the cluster/],
  ['an etag that is stale', 412, aksError('PreConditionFailed', 'The etag does not match.'), /somebody else changed the cluster meanwhile, reading it again/],
  ['too many requests to AKS', 429, aksError('Throttled', 'The request has been throttled.'), /(?:)/],
  ['too many requests to Azure Resource Manager', 429, armError('TooManyRequests', 'Too many requests.'), /(?:)/],
];

/** Refusals that do not: they are told as they are, at once. */
const final: readonly (readonly [string, number, object, string])[] = [
  ['an operation that is not allowed for another reason', 409, aksError('OperationNotAllowed', 'Operation is not allowed: abort is not supported in the state Failed.'), 'WI2005'],
  ['what cannot be switched off', 400, aksError('OIDCIssuerFeatureCannotBeDisabled', 'OIDC issuer feature cannot be disabled.'), 'WI2005'],
  ['no right', 403, armError('AuthorizationFailed', 'The client does not have authorization to perform action.'), 'WI2002'],
  ['no right on what the cluster refers to', 403, armError('LinkedAuthorizationFailed', 'The client has permission to perform action, but not on the linked scope.'), 'WI2002'],
  ['a policy', 403, armError('RequestDisallowedByPolicy', 'Resource was disallowed by policy.'), 'WI2009'],
  ['a cluster that is gone by now', 404, armError('ResourceNotFound', 'The Resource was not found.'), 'WI2003'],
];

describe('what AKS says to an update of a cluster', () => {
  let rig: Rig;
  let azure: Azure;
  beforeEach(async () => {
    rig = await Rig.start('2026-01-01T00:00:00Z');
    azure = await rig.connect();
    await rig.addCluster();
  });
  const feature = (): ClusterFeatures => new ClusterFeatures(azure, rig.entry(), { minimumKubernetesVersion: '1.27', deadlineMs: 1_800_000, more: [] });
  const run = (): Promise<RunResult> => rig.run([feature()]);
  const refuse = (status: number, body: object): void => void rig.network.faults.plant({ service: 'arm', method: 'PUT', path: cluster, times: 1, respond: { status, body, headers: status === 429 ? { 'retry-after': '7' } : {} } });

  for (const [what, status, body, waited] of passing) {
    it(`waits out ${what}, and then makes the update`, async () => {
      refuse(status, body);
      assert.equal((await run()).result, 'succeeded');
      assert.deepEqual(rig.statuses('arm', 'PUT', cluster), [status, 200]);
      assert.match(rig.progress.join('\n'), waited);
      assert.ok(status !== 429 || rig.clock.monotonic() >= 27_000, 'Retry-After was not obeyed');
    });
  }

  for (const [what, status, body, code] of final) {
    it(`does not repeat what is refused for ${what}, and says why`, async () => {
      refuse(status, body);
      const { outcome, problem } = verdictOf(await run(), feature());
      const { error = body } = body as { readonly error?: object };
      assert.deepEqual([outcome, problem?.code, rig.statuses('arm', 'PUT', cluster)], ['failed', code, [status]]);
      assert.equal(problem?.because, (error as { readonly message: string }).message);
    });
  }

  it('begins anew when another operation took the place of its own', async () => {
    rig.world.arm.clusters.knobs.failNext.set('aks-1', { code: 'ResourceOperationFailure', message: 'The resource operation completed with terminal provisioning state Failed: OriginalEtagNotExpect: the operation was preempted by another operation' });
    rig.network.faults.plant({ service: 'arm', method: 'GET', path: /operations\//, then: (_request, { body }) => {
      // What came instead has ended well.
      if (JSON.stringify(body).includes('OriginalEtagNotExpect')) rig.world.arm.clusters.edit('aks-1', { provisioningState: 'Succeeded', oidcIssuerProfile: { enabled: false }, securityProfile: {} });
    } });
    const result = await run();
    assert.deepEqual([result.result, rig.statuses('arm', 'PUT', cluster)], ['succeeded', [200, 200]]);
    assert.ok(rig.progress.some((line) => line.endsWith('another operation took the place of this one, reading the cluster again')));
  });
});
