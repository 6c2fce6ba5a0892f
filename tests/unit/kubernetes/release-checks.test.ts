import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SendPolicy } from '../../../tasks/_shared/kubernetes/send-checks.js';
import { kubeTools } from '../../tools/kube-tools.js';
import { writeFiles } from '../../tools/write-files.js';
import { loopbackCluster, plantNamespace, verdictOf, writesOf, type ClusterWorld } from './cluster-world.js';
import { deployRelease, told, type ReleaseRun } from './release-world.js';
import { strictPolicy } from './send-policies.js';

const definition = 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: queues.contoso.example\nspec:\n  group: contoso.example\n  scope: Namespaced\n  names: {plural: queues, singular: queue, kind: Queue, listKind: QueueList}\n  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]\n';
const all = `apiVersion: v1
kind: ServiceAccount
metadata: {name: api}
---
apiVersion: v1
kind: Secret
metadata: {name: made}
data: {password: {{ randAlphaNum 16 | b64enc }}}
---
apiVersion: v1
kind: Secret
metadata: {name: kept}
stringData: {password: {{ .Values.password | quote }}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: orders-reader}
rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec: {serviceAccountName: api, containers: [{name: app, image: "contoso/app:{{ .Values.tag }}"}]}
`;
const files = { 'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n', 'values.yaml': 'tag: latest\n', 'crds/queue.yaml': definition, 'templates/all.yaml': all };

describe('a release, looked at before it is sent', () => {
  let world: ClusterWorld;
  let folder: string;
  beforeEach(async () => {
    world = await loopbackCluster();
    plantNamespace(world.api);
    folder = await mkdtemp(join(tmpdir(), 'aks-wi-checks-'));
    await writeFiles(folder, files);
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
    await world.close();
  });

  const deploy = async (values: string, policy: Partial<SendPolicy> = {}): Promise<ReleaseRun> =>
    deployRelease(world, { helmPath: (await kubeTools()).helm3, release: 'shop', chart: { folder, valuesFiles: [], values }, policy: { ...strictPolicy, ...policy } });

  it('is refused with everything that is wrong, without a value and without a write', async () => {
    const { result, release } = await deploy('password: canary');
    const { action, problem } = verdictOf(result, release.key);
    assert.equal(action, 'blocked');
    assert.deepEqual([problem?.code, problem?.what, ...(problem?.details ?? []).map(({ code }) => code)], ['WI4220', 'The chart would send secret orders/kept with data', 'WI4222']);
    assert.doesNotMatch(JSON.stringify(result.plan.map(({ change, notices }) => [change, notices])), /canary/);
    assert.deepEqual(writesOf(world), []);
  });

  it('is deployed where its secrets are listed, with what it widens in the plan, and once', async () => {
    const policy = { plainSecrets: 'allow-list', allowedSecrets: ['Secret/kept'] } as const;
    const first = await deploy('password: canary\ntag: "1"', policy);
    assert.equal(first.result.result, 'succeeded', told(first.result));
    const planned = first.result.plan.find(({ resource }) => resource.key === first.release.key);
    assert.ok(planned?.change.action === 'create' && planned.change.widens);
    const fields = planned.change.fields.map(({ field, after }) => `${field}: ${after}`).filter((field) => /role|definition/.test(field));
    assert.deepEqual(fields, ['custom resource definition queues.contoso.example: defines a kind for all of the cluster', 'cluster role orders-reader: get nodes']);
    assert.deepEqual(planned.notices?.map(({ code, what }) => `${code} ${what}`), ['WI4220 The chart makes up data of secret orders/made']);
    assert.equal(world.journal.find(({ object }) => object.startsWith('helm release'))?.widens, true);
    world.network.log.clear();
    const again = await deploy('password: canary\ntag: "1"', policy);
    assert.deepEqual([again.result.result, writesOf(world)], ['succeeded', []]);
    const changed = await deploy('password: canary\ntag: "2"', policy);
    const update = changed.result.plan.find(({ resource }) => resource.key === changed.release.key)?.change;
    assert.ok(update?.action === 'update' && !update.widens, 'what is in the cluster already widens nothing');
  });
});
