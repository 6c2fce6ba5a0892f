import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { kubeTools } from '../tools/kube-tools.js';
import type { ContosoStage } from './contoso-run.js';

const aksServerApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';

/** Prints how to use kubectl and helm against the running simulators: a kubeconfig with one context per cluster. */
export async function explainAccess(stage: ContosoStage, print: (line: string) => void): Promise<void> {
  const { world, folder, certificateAuthority } = stage;
  const operator = world.directory.add({ displayName: 'operator', kind: 'managedIdentity' });
  const clusters = [...world.clusters.keys()].map((name) => world.arm.clusters.find(name));
  for (const { id } of clusters) world.assign(operator.objectId, 'Azure Kubernetes Service RBAC Cluster Admin', id);
  const token = world.entra.issue(operator, aksServerApplication);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': clusters[0]?.name,
    clusters: clusters.map(({ name, endpoint }) => ({
      name,
      cluster: { server: endpoint().server, 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') },
    })),
    contexts: clusters.map(({ name }) => ({ name, context: { cluster: name, user: 'operator' } })),
    users: [{ name: 'operator', user: { token } }],
  };
  const path = join(folder, 'kubeconfig');
  await writeFile(path, stringify(config), { mode: 0o600 });
  const { helm4, kubectl } = await kubeTools();
  print('');
  print('The simulators stay up until Ctrl+C. In another terminal:');
  print(`  export KUBECONFIG=${path} PATH=${dirname(kubectl)}:${dirname(helm4)}:$PATH`);
  print(`  kubectl config get-contexts`);
  print(`  kubectl get pods --namespace orders`);
  print(`  kubectl create token api --namespace orders --audience api://AzureADTokenExchange`);
  print(`  helm list --all-namespaces`);
  print('');
}
