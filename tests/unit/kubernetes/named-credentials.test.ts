import assert from 'node:assert/strict';
import { withoutLabel, type NamedCredential } from '../../../tasks/_shared/kubernetes/named-credentials.js';
import { inspectRendering, type RenderedChart } from '../../../tasks/_shared/kubernetes/rendered-chart.js';
import { clientId, tenantId } from './cluster-world.js';
import { strictPolicy } from './send-policies.js';

const named: readonly NamedCredential[] = [{ kind: 'env', name: 'PASSWORD' }, { kind: 'imagePullSecret', name: 'acr' }];
const look = (manifests: string, { hooks = true, without = named } = {}): RenderedChart =>
  inspectRendering(manifests, { identity: { mode: 'inject', serviceAccount: 'api', clientId, tenantId, without }, namespace: 'orders', hooks, policy: strictPolicy });
const faultsOf = (found: RenderedChart): string[] => found.faults.map(({ parts }) => `${parts.code} ${parts.what}: ${parts.because}`);
const pod = (name: string, rest: string, metadata = ''): string => `---\napiVersion: v1\nkind: Pod\nmetadata: {name: ${name}${metadata}}\nspec:\n  serviceAccountName: api\n${rest}`;
const container = (name: string, env: string): string => `  - {name: ${name}, image: 'a:1', env: [${env}]}\n`;
const password = '{name: PASSWORD, valueFrom: {secretKeyRef: {name: acr, key: p}}}';
const secret = '  imagePullSecrets: [{name: acr}]\n';
const whole = pod('one', `${secret}  initContainers:\n${container('first', password)}  containers:\n${container('api', password)}`) + pod('two', `  containers:\n${container('web', '')}`);

describe('credentials that are named', () => {
  it('are told with where they are, and are gone from what will be sent', () => {
    const found = look(`${whole}---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: api}\nimagePullSecrets: [{name: acr}]\n`);
    assert.deepEqual(faultsOf(found), []);
    assert.deepEqual(found.removed.map(({ kind, name, at }) => `${kind} ${name}: ${at}`), ['env PASSWORD: pod orders/one, container api; pod orders/one, container first', 'imagePullSecret acr: pod orders/one; service account orders/api']);
    assert.deepEqual([found.templates.length, JSON.stringify(found.templates).includes('acr'), found.accountLoses], [2, false, true]);
    assert.equal(look(whole).accountLoses, false);
  });

  it('have to be in at least one template, and all that are in none are told with what there is', () => {
    const without: NamedCredential[] = [...named, { kind: 'mount', name: 'docker' }, { kind: 'env', name: 'USER' }];
    const [fault, ...others] = faultsOf(look(whole, { without }));
    assert.equal(others.length, 0);
    assert.match(fault ?? '', /^WI4801 No pod of the chart that runs as the service account has mount:docker, env:USER: these pods have env:PASSWORD, imagePullSecret:acr$/);
    assert.match(faultsOf(look(pod('one', `  containers:\n${container('api', '')}`)))[0] ?? '', /these pods have no variables, volumes or image pull secrets at all/);
    assert.deepEqual(faultsOf(look(whole.replaceAll('serviceAccountName: api', 'serviceAccountName: x'))).map((one) => one.slice(0, 6)), ['WI4204']);
  });

  it('cannot be taken out of a hook that helm keeps to itself', () => {
    const hook = pod('hook', `  containers:\n${container('api', password)}`, ', annotations: {helm.sh/hook: pre-upgrade}, labels: {azure.workload.identity/use: "true"}');
    assert.deepEqual(faultsOf(look(whole + hook)), []);
    const [fault, ...others] = faultsOf(look(whole + hook, { hooks: false }));
    assert.match(fault ?? '', /^WI4802 The hook pod orders\/hook would keep env:PASSWORD: /);
    assert.equal(others.length, 0);
  });

  it('cannot be taken out of what is shared by an anchor', () => {
    const shared = pod('one', `  imagePullSecrets: &s [{name: acr}]\n  containers:\n${container('api', password)}x: *s\n`);
    assert.match(faultsOf(look(shared)).join(), /^WI4211 .*spec\.imagePullSecrets\.0 cannot be taken out without changing something else/);
  });

  it('make a label that is theirs and that of the identity, whatever their order', () => {
    const identity = { clientId, tenantId };
    const label = withoutLabel(identity, named);
    assert.equal(withoutLabel(identity, [...named].reverse()), label);
    assert.notEqual(withoutLabel({ ...identity, clientId: tenantId }, named), label);
    assert.notEqual(withoutLabel(identity, named.slice(1)), label);
  });
});
