import assert from 'node:assert/strict';
import type { IdentityMode } from '../../../tasks/_shared/kubernetes/chart.js';
import { inspectRendering, type RenderedChart } from '../../../tasks/_shared/kubernetes/rendered-chart.js';
import { clientId, otherClientId, tenantId } from './cluster-world.js';
import { strictPolicy } from './send-policies.js';

const inspect = (manifests: string, mode: IdentityMode = 'verify', hooks = true): RenderedChart => inspectRendering(manifests, { identity: { mode, serviceAccount: 'api', clientId, tenantId }, namespace: 'orders', hooks, policy: strictPolicy });
const faultsOf = (manifests: string): string[] => inspect(manifests).faults.map(({ parts }) => `${parts.code} ${parts.what}: ${parts.because}`);

const pod = (label: string): string => `metadata: {labels: {app: api${label}}}, spec: {serviceAccountName: api, containers: [{name: a, image: 'a:1'}]}`;
const labelled = pod(', azure.workload.identity/use: "true"');
const deployment = (template: string, metadata = 'name: api'): string => `---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {${metadata}}\nspec: {template: {${template}}}\n`;
const account = (annotations: string): string => `---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: api, annotations: {${annotations}}}\n`;

describe('rendered chart', () => {
  it('accepts a labelled template, and says what the chart makes', () => {
    const found = inspect(deployment(labelled) + account(`azure.workload.identity/client-id: ${clientId}`));
    assert.deepEqual(found.faults, []);
    assert.equal(found.makesServiceAccount, true);
    assert.deepEqual(found.workloads.map(({ kind, name }) => `${kind} ${name}`), ['Deployment api']);
    assert.deepEqual(found.kinds.map(({ kind }) => kind), ['Deployment', 'ServiceAccount']);
  });

  it('looks into every kind that makes pods, and into lists', () => {
    const template = pod('');
    const manifests = ['StatefulSet', 'DaemonSet', 'Job'].map((kind) => `---\napiVersion: x/v1\nkind: ${kind}\nmetadata: {name: a}\nspec: {template: {${template}}}\n`).join('');
    const cron = `---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: {${template}}}}}\n`;
    const list = `---\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, ${template.replace('metadata: {', 'metadata: {name: p, ')}}]\n`;
    const faults = faultsOf(manifests + cron + list);
    assert.equal(faults.length, 5);
    assert.match(faults[3] ?? '', /^WI4205 Pods of cron job orders\/c would start without identity: its pod template has no label/);
    assert.match(faults[4] ?? '', /pod orders\/p/);
  });

  it('finds the label where the webhook does not look', () => {
    const [fault] = faultsOf(deployment(pod(''), 'name: api, labels: {azure.workload.identity/use: "true"}'));
    assert.match(fault ?? '', /^WI4205 .*the label is on the Deployment itself/);
  });

  it('tells a boolean and another text from the text true', () => {
    assert.match(faultsOf(deployment(pod(', azure.workload.identity/use: true')))[0] ?? '', /value true, a boolean: quote it/);
    assert.match(faultsOf(deployment(pod(', azure.workload.identity/use: "yes"')))[0] ?? '', /value "yes"; only the text "true" counts/);
  });

  it('finds a service account without this identity', () => {
    assert.match(faultsOf(deployment(labelled) + account(''))[0] ?? '', /^WI4206 .*client-id is missing instead of 1111/);
    const other = account(`azure.workload.identity/client-id: ${otherClientId}, azure.workload.identity/tenant-id: elsewhere`);
    assert.match(faultsOf(deployment(labelled) + other)[0] ?? '', /client-id is 2222.* and .*tenant-id is elsewhere instead of/);
  });

  it('finds that no pod runs as the service account', () => {
    const [fault] = faultsOf(deployment('spec: {containers: []}'));
    assert.match(fault ?? '', /^WI4204 No pod of the chart runs as service account api: deployment orders\/api runs as default/);
    assert.match(faultsOf('')[0] ?? '', /no pods at all/);
  });

  it('tells workloads that use the service account from others, and from what runs now and then', () => {
    const cron = `---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {jobTemplate: {spec: {template: {${labelled}}}}}\n`;
    const other = deployment('spec: {serviceAccountName: cache, containers: []}', 'name: cache');
    const found = inspect(deployment(labelled) + other + cron);
    assert.deepEqual(found.faults, []);
    assert.deepEqual(found.workloads.map(({ name }) => name), ['api', 'cache']);
    assert.deepEqual(found.users.map(({ name }) => name), ['api']);
    assert.deepEqual(inspect(other + cron).users, []);
  });

  it('does not mix up namespaces', () => {
    const [fault] = faultsOf(deployment(labelled, 'name: api, namespace: elsewhere'));
    assert.match(fault ?? '', /^WI4204/);
  });
});
