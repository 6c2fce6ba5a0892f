import { defaultTo, ensure, itemsAt, textAt, type Fields } from '../objects/values.js';
import { isRecord } from '../../kernel/service.js';

/** Fills in what the server sets in a pod spec that leaves it out. Source: k8s.io/kubernetes defaults for core/v1. */
export function defaultPodSpec(spec: Fields): void {
  defaultTo(spec, 'restartPolicy', 'Always');
  defaultTo(spec, 'terminationGracePeriodSeconds', 30);
  defaultTo(spec, 'dnsPolicy', 'ClusterFirst');
  defaultTo(spec, 'securityContext', {});
  defaultTo(spec, 'schedulerName', 'default-scheduler');
  const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount');
  if (account !== '') Object.assign(spec, { serviceAccountName: account, serviceAccount: account });
  for (const field of ['containers', 'initContainers']) itemsAt(spec, field).forEach(defaultContainer);
  itemsAt(spec, 'volumes').forEach(defaultVolume);
}

/** `Always` for images without a tag or with `latest`, as the server defaults it. */
function pullPolicy(image: string): string {
  const tag = /:([^:/@]+)$/.exec(image)?.[1];
  return !image.includes('@') && (tag === undefined || tag === 'latest') ? 'Always' : 'IfNotPresent';
}

function defaultContainer(container: Fields): void {
  defaultTo(container, 'resources', {});
  defaultTo(container, 'terminationMessagePath', '/dev/termination-log');
  defaultTo(container, 'terminationMessagePolicy', 'File');
  defaultTo(container, 'imagePullPolicy', pullPolicy(textAt(container, 'image')));
  for (const port of itemsAt(container, 'ports')) defaultTo(port, 'protocol', 'TCP');
  for (const variable of itemsAt(container, 'env')) {
    const source = variable.valueFrom;
    if (isRecord(source) && isRecord(source.fieldRef)) defaultTo(source.fieldRef, 'apiVersion', 'v1');
    if (variable.value === '') Reflect.deleteProperty(variable, 'value');
  }
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[field];
    if (isRecord(probe)) defaultProbe(probe);
  }
}

function defaultProbe(probe: Fields): void {
  const numbers = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
  for (const [field, value] of Object.entries(numbers)) defaultTo(probe, field, value);
  const http = probe.httpGet;
  if (isRecord(http)) {
    defaultTo(http, 'path', '/');
    defaultTo(http, 'scheme', 'HTTP');
  }
}

function defaultVolume(volume: Fields): void {
  if (!Object.keys(volume).some((field) => field !== 'name')) volume.emptyDir = {};
  for (const field of ['secret', 'configMap', 'projected', 'downwardAPI']) {
    const source = volume[field];
    if (isRecord(source)) defaultTo(source, 'defaultMode', 420);
  }
  for (const source of itemsAt(volume, 'projected', 'sources')) {
    if (isRecord(source.serviceAccountToken)) defaultTo(ensure(source, 'serviceAccountToken'), 'expirationSeconds', 3600);
  }
}
