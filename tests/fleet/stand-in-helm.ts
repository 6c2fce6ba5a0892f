import { parseManifests } from '../../tasks/_shared/kubernetes/chart.js';
import type { ClusterConnection, HelmArgument, HelmInjection } from '../../tasks/_shared/kubernetes/connection.js';
import { injectIdentity } from '../../tasks/_shared/kubernetes/identity-injection.js';
import type { Clock } from '../../tasks/_shared/reconcile/clock.js';
import type { KubernetesApi, KubernetesObject } from '../simulators/kubernetes/kubernetes-api.js';
import { isObject } from '../simulators/kubernetes/objects/values.js';

/**
 * A connection whose helm is no child process: it renders one deployment that runs as service account api, and installs it as
 * helm would, straight into the simulated cluster. For worlds on a virtual clock, which no child process can share.
 */
export function withStandInHelm(connection: ClusterConnection, api: KubernetesApi, clock: Clock): ClusterConnection {
  return {
    ...connection,
    helm: (line, { inject }) => {
      const [command = '', release = ''] = line.filter((argument) => typeof argument === 'string');
      const namespace = optionOf(line, '--namespace');
      switch (command) {
        case 'version':
          return Promise.resolve('v3.17.2');
        case 'template':
          return Promise.resolve(JSON.stringify(deployment(release, namespace)));
        case 'upgrade':
          install(api, clock, { release, namespace, line, inject });
          return Promise.resolve('');
        default:
          return Promise.reject(new Error(`the stand-in for helm does not know "${command}"`));
      }
    },
  };
}

function install(api: KubernetesApi, clock: Clock, { release, namespace, line, inject }: { release: string; namespace: string; line: readonly HelmArgument[]; inject: HelmInjection | undefined }): void {
  const given = Object.fromEntries(optionOf(line, '--labels').split(',').map((label): [string, string] => [label.split('=')[0] ?? '', label.split('=')[1] ?? '']));
  const version = String(api.list('Secret', namespace).filter(({ metadata }) => metadata.labels?.owner === 'helm').length + 1);
  const createdAt = String(Math.floor(clock.now().getTime() / 1000));
  const labels = { owner: 'helm', name: release, status: 'deployed', version, createdAt, ...given };
  const rendered = JSON.stringify(deployment(release, namespace));
  const [wanted] = parseManifests(inject === undefined ? rendered : injectIdentity(rendered, inject.identity)).filter(isObject);
  if (wanted === undefined) throw new Error('the chart of the stand-in renders no object');
  if (api.find('Deployment', namespace, release) === undefined) api.put(wanted, 'helm');
  else api.edit('Deployment', namespace, release, (live) => void (live.spec = wanted.spec));
  api.put({ apiVersion: 'v1', kind: 'Secret', type: 'helm.sh/release.v1', metadata: { name: `sh.helm.release.v1.${release}.v${version}`, namespace, labels } }, 'helm');
}

/** The chart of every fleet: one deployment that runs as the service account of their tests. */
function deployment(release: string, namespace: string): KubernetesObject {
  const annotations = { 'meta.helm.sh/release-name': release, 'meta.helm.sh/release-namespace': namespace };
  const metadata = { name: release, namespace, labels: { 'app.kubernetes.io/managed-by': 'Helm' }, annotations };
  const template = { metadata: { labels: { app: release } }, spec: { serviceAccountName: 'api', containers: [{ name: 'api', image: 'contoso/api:1' }] } };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 1, selector: { matchLabels: { app: release } }, template } };
}

function optionOf(line: readonly HelmArgument[], name: string): string {
  const next = line[line.indexOf(name) + 1];
  return typeof next === 'string' ? next : '';
}
