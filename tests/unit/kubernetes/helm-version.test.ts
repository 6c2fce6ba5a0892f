import assert from 'node:assert/strict';
import { helmVersion, waitFlag } from '../../../tasks/_shared/kubernetes/helm-version.js';

describe('helm of a version', () => {
  // What becomes of Helm 4's own way of waiting when an API server is restarted is tried in tests/integration/kubernetes/failures.test.ts.
  for (const [version, flag] of [['v3.17.2', '--wait'], ['v4.1.4', '--wait=legacy']] as const) {
    it(`is told ${flag} when it is ${version}`, () => {
      assert.equal(waitFlag(helmVersion(version) ?? assert.fail()), flag);
    });
  }
});
