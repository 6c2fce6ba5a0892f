import assert from 'node:assert/strict';
import { kubectlRefusal } from '../../../tasks/_shared/kubernetes/kubectl-errors.js';

const refusal = (errors: string, exitCode = 1): { status: number; code: string; because: string } => {
  const { status, problem } = kubectlRefusal({ cluster: 'aks-1', tried: 'try it' }, { exitCode, output: '', errors });
  return { status, code: problem.code, because: problem.parts.because };
};

describe('what kubectl says of a refusal', () => {
  const said: readonly (readonly [string, number, string])[] = [
    ['Error from server (NotFound): pods "x" not found', 404, 'WI4009'],
    ['Error from server (NotFound): namespaces "orders" not found', 404, 'WI4006'],
    ['Warning: v1 Thing is deprecated\nError from server (Forbidden): pods is forbidden: User "u" cannot list resource "pods"', 403, 'WI4003'],
    ['Error from server (Forbidden): admission webhook "deny.example" denied the request: no', 403, 'WI4008'],
    ['Error from server (Forbidden): pods "x" is forbidden: unable to create new content in namespace orders because it is being terminated', 403, 'WI4101'],
    ['error: You must be logged in to the server (Unauthorized)', 401, 'WI4002'],
    ['error: the server doesn\'t have a resource type "foos"', 404, 'WI4009'],
    ['The Deployment "x" is invalid: spec.selector: Required value', 422, 'WI4005'],
    ['Error from server (TooManyRequests): slow down', 429, 'WI4007'],
    ['Unable to connect to the server: dial tcp 10.0.0.1:443: i/o timeout', 503, 'WI4001'],
    ['Error from server (SomethingNew): hm', 500, 'WI4007'],
    ['error: something odd', 0, 'WI4007'],
    ['', 0, 'WI4007'],
  ];
  for (const [errors, status, code] of said) {
    it(`${errors === '' ? 'nothing' : errors.slice(0, 60)} is ${code}`, () => {
      assert.deepEqual([refusal(errors).status, refusal(errors).code], [status, code]);
    });
  }

  it('names who owns which fields', () => {
    assert.equal(refusal('error: Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas\nPlease review the fields above').because, 'kubectl owns .spec.replicas with another value');
    const several = 'error: Apply failed with 3 conflicts: conflicts with "kubectl" using v1:\n- .data.a\n- .data.b\nconflicts with "other" using v1:\n- .data.c\nPlease review';
    assert.deepEqual(refusal(several), { status: 409, code: 'WI4004', because: 'kubectl, other owns .data.a, .data.b, .data.c with another value' });
  });

  it('knows a pod without the program', () => {
    assert.equal(refusal('sh: kubectl: not found', 127).code, 'WI4514');
  });
});
