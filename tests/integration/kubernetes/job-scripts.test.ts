import assert from 'node:assert/strict';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { itemsAt, textAt, type KubernetesObject } from '../../simulators/kubernetes/objects/values.js';
import { clientId } from '../../unit/kubernetes/cluster-world.js';
import { eachWithCluster, real, type Cluster } from './backend.js';

// The simulator runs no scripts; its jobs succeed after a while.
if (real && process.platform !== 'win32') {
  describe('a job on kube-apiserver, whose script the loop in place of the kubelet runs', () => {
    let cluster: Cluster;
    eachWithCluster(async (given) => {
      cluster = given;
      const { namespace } = cluster;
      await cluster.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      await cluster.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'api', namespace, annotations: { 'azure.workload.identity/client-id': clientId } } });
    });

    /** Runs a script as the service account; the pod when it has ended. */
    async function ran(script: string): Promise<KubernetesObject> {
      const container = { name: 'proof', image: 'contoso/proof:1', command: ['/bin/sh', '-c', script] };
      const template = { metadata: { labels: { 'azure.workload.identity/use': 'true' } }, spec: { serviceAccountName: 'api', restartPolicy: 'Never', containers: [container] } };
      await cluster.put({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'proof', namespace: cluster.namespace }, spec: { backoffLimit: 0, template } });
      for (;;) {
        const ended = (await cluster.list('Pod')).find(({ status }) => ['Succeeded', 'Failed'].includes(textAt(status, 'phase')));
        if (ended !== undefined) return ended;
        await systemClock().sleep(100);
      }
    }
    const ending = (pod: KubernetesObject): { exitCode?: number; message?: string } => itemsAt(pod, 'status', 'containerStatuses').map((status) => (status.state as { terminated: object }).terminated)[0] ?? assert.fail();

    it('reads the token that the webhook mounted, and leaves its verdict as the termination message', async () => {
      const pod = await ran('test "$AZURE_CLIENT_ID" && cut -d. -f2 "$AZURE_FEDERATED_TOKEN_FILE" > /dev/termination-log');
      const { exitCode, message = '' } = ending(pod);
      assert.equal(exitCode, 0);
      const claims = JSON.parse(Buffer.from(message.trim(), 'base64url').toString('utf8')) as Record<string, unknown>;
      assert.equal(claims.sub, `system:serviceaccount:${cluster.namespace}:api`);
      assert.deepEqual(claims.aud, ['api://AzureADTokenExchange']);
      assert.equal(textAt(claims, 'kubernetes.io', 'pod', 'name'), pod.metadata.name);
    });

    it('fails with its exit code', async () => {
      const { exitCode, message } = ending(await ran('echo refused > /dev/termination-log; exit 3'));
      assert.deepEqual([exitCode, message], [3, 'refused\n']);
    });
  });
}
