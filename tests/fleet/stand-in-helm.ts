import { parse } from 'yaml';
import type { ClusterConnection, HelmArgument } from '../../tasks/_shared/kubernetes/connection.js';
import type { Clock } from '../../tasks/_shared/reconcile/clock.js';
import { isRecord } from '../simulators/kernel/service.js';
import type { KubernetesApi, KubernetesObject } from '../simulators/kubernetes/kubernetes-api.js';

/**
 * A connection whose helm is no child process: it renders one deployment that runs as the service account of the values, and installs it as
 * helm would, straight into the simulated cluster. For worlds on a virtual clock, which no child process can share.
 */
export function withStandInHelm(connection: ClusterConnection, api: KubernetesApi, clock: Clock): ClusterConnection {
  return {
    ...connection,
    helm: (line) => {
      const [command = '', release = ''] = line.filter((argument) => typeof argument === 'string');
      const namespace = optionOf(line, '--namespace');
      switch (command) {
        case 'version':
          return Promise.resolve('v3.17.2');
        case 'template':
          return Promise.resolve(JSON.stringify(deployment(release, namespace, valuesIn(line))));
        case 'upgrade':
          install(api, clock, { release, namespace, line });
          return Promise.resolve('');
        default:
          return Promise.reject(new Error(`the stand-in for helm does not know "${command}"`));
      }
    },
  };
}

function install(api: KubernetesApi, clock: Clock, { release, namespace, line }: { release: string; namespace: string; line: readonly HelmArgument[] }): void {
  const given = Object.fromEntries(optionOf(line, '--labels').split(',').map((label): [string, string] => [label.split('=')[0] ?? '', label.split('=')[1] ?? '']));
  const version = String(api.list('Secret', namespace).filter(({ metadata }) => metadata.labels?.owner === 'helm').length + 1);
  const createdAt = String(Math.floor(clock.now().getTime() / 1000));
  const labels = { owner: 'helm', name: release, status: 'deployed', version, createdAt, ...given };
  const wanted = deployment(release, namespace, valuesIn(line));
  if (api.find('Deployment', namespace, release) === undefined) api.put(wanted, 'helm');
  api.put({ apiVersion: 'v1', kind: 'Secret', type: 'helm.sh/release.v1', metadata: { name: `sh.helm.release.v1.${release}.v${version}`, namespace, labels } }, 'helm');
}

function deployment(release: string, namespace: string, values: Values): KubernetesObject {
  const annotations = { 'meta.helm.sh/release-name': release, 'meta.helm.sh/release-namespace': namespace };
  const metadata = { name: release, namespace, labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations };
  const labels = { app: release, ...values.podLabels };
  const template = { metadata: { labels, annotations: values.podAnnotations }, spec: { serviceAccountName: values.serviceAccount, containers: [{ name: 'api', image: 'contoso/api:1' }] } };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 1, selector: { matchLabels: { app: release } }, template } };
}

interface Values {
  readonly serviceAccount: string;
  readonly podLabels: Record<string, string>;
  readonly podAnnotations: Record<string, string>;
}

/** What the last values file says: those of the identity. */
function valuesIn(line: readonly HelmArgument[]): Values {
  const last = line.findLast((argument) => typeof argument === 'object' && 'content' in argument);
  const values: unknown = typeof last === 'object' && 'content' in last ? parse(last.content) : undefined;
  const account = isRecord(values) && isRecord(values.serviceAccount) ? String(values.serviceAccount.name) : '';
  return { serviceAccount: account, podLabels: texts(values, 'podLabels'), podAnnotations: texts(values, 'podAnnotations') };
}

function texts(values: unknown, key: string): Record<string, string> {
  const found = isRecord(values) ? values[key] : undefined;
  return isRecord(found) ? Object.fromEntries(Object.entries(found).map(([name, value]) => [name, String(value)])) : {};
}

function optionOf(line: readonly HelmArgument[], name: string): string {
  const next = line[line.indexOf(name) + 1];
  return typeof next === 'string' ? next : '';
}
