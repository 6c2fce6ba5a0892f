import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { problemLine, problemText } from '../../../tasks/_shared/report/problem-text.js';
import { badInputs } from './bad-inputs/all-rows.js';
import { Judge } from './bad-inputs/judge.js';
import { forWorkload, planned } from './bad-inputs/table.js';

describe('bad inputs', () => {
  let judge: Judge;

  before(async () => {
    judge = await Judge.start();
  });

  after(() => judge.dispose());

  for (const bad of badInputs) {
    const { task, input, given, code, accepted, begins } = bad;
    const values = Object.entries(given).map(([name, value]) => `${name} ${JSON.stringify(value.length > 70 ? `${value.slice(0, 67)}…` : value)}`);
    it(`${task}: ${code} for ${input}, given ${values.join(', ')}`, async () => {
      const before = judge.sent().length;
      const errors = await judge.errors(task, given, bad);
      assert.deepEqual(judge.sent().slice(before), [], 'nothing may be sent, and no program started');
      assert.deepEqual(errors.map((error) => error.code), [code], errors.map(({ message }) => message).join('\n') || 'it was accepted');
      const { parts } = errors[0]!;
      const { what, because, remedy } = parts;
      assert.ok(what.startsWith(begins ?? `Input ${input} `), what);
      assert.match(`${because}; ${remedy}`, accepted);
      if (bad.shown !== undefined) assert.ok(what.includes(judge.filled(bad.shown).slice(0, 100)) || because.includes(bad.shown), `${what}: ${because}`);
      for (const line of [...problemText(parts), problemLine(parts)]) {
        assert.doesNotMatch(line, /(?! )[\p{Cc}\p{Cf}\p{Z}]/u, 'a log line has to show every character');
        assert.doesNotMatch(line, /canary/, 'values are never repeated');
        assert.ok(line.length < 700, line);
      }
    });
  }

  it('are at least 110 different ones', () => {
    const lines = new Set(badInputs.map(({ input, given, code, connection, endpoints, variables, secretVariables }) => JSON.stringify([input, given, code, connection, endpoints, variables, secretVariables])));
    assert.ok(lines.size >= 110, String(lines.size));
  });
});

/** Mistakes of one run, in the order in which the task reads its inputs: what all tasks have comes first. */
const together: Readonly<Record<string, { readonly inputs: Readonly<Record<string, string>>; readonly errors: readonly string[] }>> = {
  SelectClusters: {
    inputs: { variableName: '$(name)', variableGroup: '$(group)', azureSubscription: 'nobody' },
    errors: ['WI1005 Input variableName contains $(name)', 'WI1005 Input variableGroup contains $(group)', 'WI1010 The service connection nobody is not available to this job'],
  },
  AuditWorkloadIdentity: {
    inputs: { clusters: 'one', namespaces: 'A,b,b', subscriptions: 'x', identities: 'id', profile: 'nowhere', failOn: 'low', wafClasses: 'A', clusterOnlyServices: 'x', boundaryPolicy: 'none.yml', unusedAfterDays: '-1' },
    errors: [
      'WI1004 Input clusters has "one"',
      'WI1007 Input namespaces is "A"',
      'WI1061 Input namespaces has "b"',
      'WI1007 Input subscriptions is "x"',
      'WI1062 Input profile names "nowhere"',
      'WI1007 Input identities is "id"',
      'WI1003 Input failOn is "low"',
      'WI1007 Input wafClasses is "A"',
      'WI1007 Input clusterOnlyServices is "x"',
      'WI1062 Input boundaryPolicy names "none.yml"',
      'WI1002 Input unusedAfterDays is "-1"',
    ],
  },
  EnableWorkloadIdentity: {
    inputs: { azureSubscription: '', clusters: 'one,rg/two,rg/two', dryRun: 'yes', concurrency: '0', failFast: 'no', minimumKubernetesVersion: 'v1', timeoutInMinutes: '-1' },
    errors: [
      'WI1001 Input azureSubscription is empty',
      'WI1004 Input clusters has "one"',
      'WI1004 Input clusters has "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/two"',
      'WI1002 Input concurrency is "0"',
      'WI1003 Input dryRun is "yes"',
      'WI1003 Input failFast is "no"',
      'WI1007 Input minimumKubernetesVersion is "v1"',
      'WI1002 Input timeoutInMinutes is "-1"',
    ],
  },
  FederateServiceAccount: {
    inputs: { clusters: '', namespace: 'Orders', serviceAccount: '', identity: '{x}', workload: 'a b', identityResourceGroup: 'a/b', createServiceAccount: '1', boundaryPolicy: '', keyVault: '', secrets: 'a,A,b_c', propagationTimeoutInMinutes: 'x' },
    errors: [
      'WI1001 Input clusters is empty',
      'WI1007 Input workload is "a b"',
      'WI1007 Input namespace is "Orders"',
      'WI1001 Input serviceAccount is empty',
      'WI1007 Input identity is "{x}"',
      'WI1007 Input identityResourceGroup is "a/b"',
      'WI1003 Input createServiceAccount is "1"',
      'WI1001 Input boundaryPolicy is empty',
      'WI1061 Input secrets has "A"',
      'WI1007 Input secrets is "b_c"',
      'WI1060 Input keyVault is empty',
      'WI1002 Input propagationTimeoutInMinutes is "x"',
    ],
  },
  GrantRegistryRole: {
    inputs: { clusters: '@gone', registry: 'cr', role: 'Reader', principal: 'pod', repositories: 'A', namespace: '$(ns)', serviceAccount: 'a_b', identity: '', propagationTimeoutInMinutes: '0' },
    errors: [
      'WI1006 Input clusters is "@gone"',
      'WI1007 Input registry is "cr"',
      'WI1003 Input role is "Reader"',
      'WI1003 Input principal is "pod"',
      'WI1007 Input repositories is "A"',
      'WI1005 Input namespace contains $(ns)',
      'WI1007 Input serviceAccount is "a_b"',
      'WI1001 Input identity is empty',
      'WI1002 Input propagationTimeoutInMinutes is "0"',
    ],
  },
  DeployWithIdentity: {
    inputs: { namespace: '', chart: 'nowhere', releaseName: 'A', boundaryPolicy: '{files}/policy.yml', valuesFiles: 'one.yaml,{files}/list.yaml', values: 'canary', timeoutInMinutes: '241', helmPath: './none' },
    errors: [
      'WI1001 Input namespace is empty',
      'WI1070 Input boundaryPolicy names a policy with a mistake at line 5, column 34',
      'WI1070 Input boundaryPolicy names a policy with a mistake at line 5, column 47',
      'WI1062 Input chart names "nowhere"',
      'WI1062 Input valuesFiles names "one.yaml"',
      'WI1062 Input valuesFiles names "{files}/list.yaml"',
      'WI1007 Input values has 6 characters',
      'WI1062 Input helmPath names "./none"',
      'WI1007 Input releaseName is "A"',
      'WI1002 Input timeoutInMinutes is "241"',
    ],
  },
};

describe('bad inputs of one run', () => {
  let judge: Judge;

  beforeEach(async () => {
    judge = await Judge.start();
  });

  afterEach(() => judge.dispose());

  for (const [task, { inputs, errors }] of Object.entries(together)) {
    it(`of ${task} are reported together, each once, and nothing is sent`, async () => {
      const found = await judge.errors(task, inputs);
      assert.deepEqual(found.map(({ code, parts }) => `${code} ${parts.what}`), errors.map((error) => judge.filled(error)));
      assert.deepEqual(judge.sent(), []);
    });
  }

  it('are one each where a fleet of a thousand repeats them', async () => {
    const clusters = Array.from({ length: 1000 }, (_, index) => `rg-${index}/aks`).join();
    const codes = async (inputs: Readonly<Record<string, string>>): Promise<string[]> => (await judge.errors('FederateServiceAccount', { clusters, ...inputs })).map(({ code }) => code);
    assert.deepEqual(await codes({ keyVault: '' }), ['WI1060']);
    assert.deepEqual(await codes({ identityResourceGroup: 'rg-ids' }), ['WI1007']);
    assert.deepEqual(await codes({ namespace: 'Orders', identity: '{namespace}' }), ['WI1007']);
  });

  it('of hidden inputs are none: what the form does not show is not read', async () => {
    const errors = await judge.errors('GrantRegistryRole', { principal: 'kubelet', namespace: '$(x)', identity: '', principalId: '$(y)' });
    assert.deepEqual(errors, []);
  });

  it('are none where an editor or an agent left its marks around good ones', async () => {
    const marked = { clusters: '@clusters.windows.txt', namespace: ' orders\r\n', concurrency: '\t5 ', dryRun: 'True', failFast: 'FALSE', secrets: ' orders-db ,\r\n\torders-api,\r\n' };
    assert.deepEqual(await judge.errors('FederateServiceAccount', marked), []);
  });

  it('would show what is sent: good inputs reach the services, and a started helm leaves its mark', async () => {
    for (const task of planned) {
      judge.dispose();
      judge = await Judge.start();
      await judge.run(task, {});
      assert.ok(judge.sent().length > 0, task);
    }
    await judge.run('SelectClusters', { variableGroup: 'contoso' }).catch(() => undefined);
    assert.ok(judge.sent().includes('devops GET variablegroups'));
    execFileSync(judge.filled('{files}/helm'));
    assert.ok(judge.sent().includes('helm'));
    assert.ok(forWorkload.every((task) => planned.includes(task)));
  });
});
