import { copyFile, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { clusters as contosoClusters } from '../simulators/world/contoso.js';
import { kubeTools } from '../tools/kube-tools.js';
import type { ContosoStage } from './contoso-run.js';

const aksServerApplication = '6dae42f8-4368-4678-94ff-3960e28e3630';

/** How often the operator's token is made anew. It lives for a day on the stage's clock, which is 72 minutes. Milliseconds. */
const renewalMs = 20 * 60_000;

/**
 * Prints how to use kubectl and helm against the running simulators: a kubeconfig with one context per cluster, and a folder
 * with the programs. The files go with the stage's folder.
 * @returns what ends the renewal of the token.
 */
export async function explainAccess(stage: ContosoStage, print: (line: string) => void): Promise<() => void> {
  const { world, folder, certificateAuthority, real } = stage;
  const operator = world.directory.add({ displayName: 'operator', kind: 'managedIdentity' });
  const clusters = Object.values(contosoClusters).map(({ name }) => world.arm.clusters.find(name));
  for (const { id } of clusters) world.assign(operator.objectId, 'Azure Kubernetes Service RBAC Cluster Admin', id);
  const tokenFile = join(folder, 'operator-token');
  const path = join(folder, 'kubeconfig');
  const config = (token: string): object => ({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': clusters[0]?.name,
    clusters: clusters.map(({ name, endpoint }) => ({
      name,
      cluster: { server: endpoint().server, 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') },
    })),
    contexts: clusters.map(({ name }) => ({ name, context: { cluster: name, user: 'operator' } })),
    users: [{ name: 'operator', user: { token } }],
  });
  // The token itself is in the kubeconfig, and not the name of its file: clients would prefer the file to a token that is given by hand.
  const renew = async (): Promise<void> => {
    const token = world.entra.issue(operator, aksServerApplication);
    await replaceFile(tokenFile, token);
    await replaceFile(path, stringify(config(token)));
  };
  await renew();
  const programs = await linkPrograms(join(folder, 'bin'));
  const [first, second] = clusters;
  const server = first?.endpoint().server ?? '';
  const lines = [
    '',
    'The simulators stay up until Ctrl+C in this terminal, which stops them and removes their files. In another terminal:',
    ...(process.platform === 'win32'
      ? [`  $env:KUBECONFIG = '${path}'`, `  $env:PATH = '${programs};' + $env:PATH`]
      : [`  export KUBECONFIG=${path}`, `  export PATH=${programs}:$PATH`]),
    `Then kubectl, helm3, helm4 and helm (which is helm 4) talk to the clusters; az and kubelogin are not needed. For example:`,
    `  kubectl config get-contexts`,
    `  kubectl --context ${second?.name ?? ''} get namespaces`,
    `  kubectl get pods --namespace orders`,
    `  kubectl auth can-i --list`,
    `  kubectl create namespace mine`,
    `  kubectl create token default --namespace mine --audience api://AzureADTokenExchange`,
    `  helm3 list --all-namespaces`,
    `  helm4 list --all-namespaces`,
    'Without the kubeconfig:',
    `  kubectl --server ${server} --certificate-authority ${join(folder, 'ca.pem')} --token "$(cat ${tokenFile})" version`,
    ...(real
      ? ['The API servers are real, and the nodes are not: pods run nothing, so that logs, exec, attach, cp and port-forward find no kubelet.']
      : [
          'Pods run nothing: logs, exec, attach, cp and port-forward are answered 501, and top and explain find nothing.',
          'What the clusters do and do not do is in tests/simulators/kubernetes/BEHAVIOUR.md.',
        ]),
    '',
  ];
  for (const line of lines) print(line);
  const timer = setInterval(() => void renew().catch(() => undefined), renewalMs).unref();
  return () => clearInterval(timer);
}

/** Writes a file that only its owner reads, so that readers see the old one or the new one whole. */
async function replaceFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Puts the programs into one folder, under names that tell the majors of helm apart. Returns the folder. */
async function linkPrograms(folder: string): Promise<string> {
  const { helm3, helm4, kubectl } = await kubeTools();
  await mkdir(folder);
  for (const [name, program] of Object.entries({ helm3, helm4, helm: helm4, kubectl })) {
    if (process.platform === 'win32') await copyFile(program, join(folder, `${name}.exe`));
    else await symlink(program, join(folder, name));
  }
  return folder;
}
