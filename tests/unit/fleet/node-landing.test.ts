import assert from 'node:assert/strict';
import { agentPools } from '../../../tasks/_shared/azure/agent-pools.js';
import { canLand, type LandingPlace } from '../../../tasks/_shared/fleet/node-landing.js';
import type { Json } from '../../../tasks/_shared/fleet/json.js';

const node: LandingPlace = { name: 'n1', labels: { 'kubernetes.io/os': 'linux', zone: '1', cores: '8' }, taints: [] };
const affinity = (...terms: readonly object[]): Json => ({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } } });
const expression = (key: string, operator: string, ...values: readonly string[]): object => ({ matchExpressions: [{ key, operator, values }] });
const tainted = (effect: string, key = 'sku', value = 'gpu'): LandingPlace => ({ ...node, taints: [{ key, value, effect }] });
const tolerating = (toleration: object): Json => ({ tolerations: [toleration] });

describe('where pods can land', () => {
  const cases: readonly (readonly [title: string, lands: boolean, spec: Json, place?: LandingPlace])[] = [
    ['on any node without a wish', true, {}],
    ['by a selector', true, { nodeSelector: { zone: '1' } }],
    ['not by another selector', false, { nodeSelector: { zone: '2' } }],
    ['not by a selector for a label that the node lacks', false, { nodeSelector: { disk: 'ssd' } }],
    ['by name', true, { nodeName: 'n1' }],
    ['not by another name', false, { nodeName: 'n2' }],
    ['not on another operating system', false, { os: { name: 'windows' } }],
    ['by In', true, affinity(expression('zone', 'In', '1', '2'))],
    ['not by In', false, affinity(expression('zone', 'In', '2'))],
    ['by NotIn, also where there is no such label', true, affinity(expression('disk', 'NotIn', 'ssd'))],
    ['not by NotIn', false, affinity(expression('zone', 'NotIn', '1'))],
    ['by Exists', true, affinity(expression('zone', 'Exists'))],
    ['not by Exists', false, affinity(expression('disk', 'Exists'))],
    ['by DoesNotExist', true, affinity(expression('disk', 'DoesNotExist'))],
    ['not by DoesNotExist', false, affinity(expression('zone', 'DoesNotExist'))],
    ['by Gt', true, affinity(expression('cores', 'Gt', '4'))],
    ['not by Gt', false, affinity(expression('cores', 'Gt', '8'))],
    ['by Lt', true, affinity(expression('cores', 'Lt', '9'))],
    ['not by Lt', false, affinity(expression('cores', 'Lt', '8'))],
    ['by one of several terms', true, affinity(expression('zone', 'In', '2'), expression('zone', 'In', '1'))],
    ['not by a term that holds in part', false, affinity({ matchExpressions: [{ key: 'zone', operator: 'Exists' }, { key: 'disk', operator: 'Exists' }] })],
    ['not by a term without anything', false, affinity({})],
    ['by the name as a field', true, affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] })],
    ['not by another name as a field', false, affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] })],
    ['not against NoSchedule', false, {}, tainted('NoSchedule')],
    ['not against NoExecute', false, {}, tainted('NoExecute')],
    ['against PreferNoSchedule', true, {}, tainted('PreferNoSchedule')],
    ['against what passes', true, {}, tainted('NoSchedule', 'node.kubernetes.io/unschedulable', '')],
    ['with a toleration', true, tolerating({ key: 'sku', value: 'gpu', effect: 'NoSchedule' }), tainted('NoSchedule')],
    ['not with a toleration of another value', false, tolerating({ key: 'sku', value: 'fast' }), tainted('NoSchedule')],
    ['not with a toleration of another effect', false, tolerating({ key: 'sku', operator: 'Exists', effect: 'NoExecute' }), tainted('NoSchedule')],
    ['with a toleration of every taint', true, tolerating({ operator: 'Exists' }), tainted('NoSchedule')],
    ['by a label that nodes to come may have', true, { nodeSelector: { disk: 'ssd' } }, { ...node, open: true }],
    ['not by a label that they have otherwise', false, { nodeSelector: { zone: '2' } }, { ...node, open: true }],
  ];
  for (const [title, lands, spec, place = node] of cases) it(title, () => assert.equal(canLand(spec, place), lands));

  it('knows the pools that Azure tells of', () => {
    const pools = [
      { name: 'np1', mode: 'System', nodeLabels: { team: 'a' }, nodeTaints: ['CriticalAddonsOnly=true:NoSchedule', 'own:NoExecute'] },
      { name: 'spot', osType: 'Windows', scaleSetPriority: 'Spot' },
    ];
    assert.deepEqual(agentPools({ raw: { properties: { agentPoolProfiles: pools } } }), [
      {
        pool: 'np1',
        labels: { team: 'a', 'kubernetes.azure.com/agentpool': 'np1', agentpool: 'np1', 'kubernetes.io/os': 'linux', 'kubernetes.azure.com/mode': 'system' },
        taints: [{ key: 'CriticalAddonsOnly', value: 'true', effect: 'NoSchedule' }, { key: 'own', value: '', effect: 'NoExecute' }],
        open: true,
      },
      { pool: 'spot', labels: { 'kubernetes.azure.com/agentpool': 'spot', agentpool: 'spot', 'kubernetes.io/os': 'windows' }, taints: [{ key: 'kubernetes.azure.com/scalesetpriority', value: 'spot', effect: 'NoSchedule' }], open: true },
    ]);
  });
});
