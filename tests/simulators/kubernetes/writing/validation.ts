import type { Kind } from '../objects/kinds.js';
import { selects } from '../objects/selectors.js';
import { forbiddenValue, invalid, invalidValue, required, type Cause } from '../objects/status.js';
import { at, copy, fieldsAt, itemsAt, mapAt, same, textAt, textsAt, type Fields, type KubernetesObject } from '../objects/values.js';

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const labelValue =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** @throws ApiError 422 with every cause, when an object cannot be stored as it is. `before` is the object that it replaces. */
export function validate(kind: Kind, object: KubernetesObject, before: KubernetesObject | undefined): void {
  const causes = [...metadataCauses(kind, object), ...(content[kind.kind]?.(object) ?? []), ...(before === undefined ? [] : (immutable[kind.kind]?.(object, before) ?? []))];
  if (causes.length > 0) throw invalid(kind, object.metadata.name, causes);
}

function metadataCauses(kind: Kind, object: KubernetesObject): Cause[] {
  const { name } = object.metadata;
  if (name === '') return [required('metadata.name', 'name or generateName is required')];
  const causes: Cause[] = [];
  const free = kind.group === 'rbac.authorization.k8s.io';
  if (!free && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)) causes.push(invalidValue('metadata.name', name, subdomain));
  else if (kind.kind === 'Namespace' && (name.includes('.') || name.length > 63)) causes.push(invalidValue('metadata.name', name, label));
  for (const value of Object.values(object.metadata.labels ?? {})) {
    if (value.length > 63 || !/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/.test(value)) causes.push(invalidValue('metadata.labels', value, labelValue));
  }
  return causes;
}

/** @param claims names of the claim templates of a stateful set: its controller makes volumes of them. */
function podCauses(spec: Fields, path: string, claims: readonly string[] = []): Cause[] {
  const volumes = [...itemsAt(spec, 'volumes').map((volume) => textAt(volume, 'name')), ...claims];
  const main = itemsAt(spec, 'containers');
  const causes = main.length === 0 ? [required(`${path}.containers`)] : [];
  for (const field of ['containers', 'initContainers']) {
    itemsAt(spec, field).forEach((container, index) => {
      const here = `${path}.${field}[${index}]`;
      if (textAt(container, 'name') === '') causes.push(required(`${here}.name`));
      if (textAt(container, 'image') === '') causes.push(required(`${here}.image`));
      itemsAt(container, 'volumeMounts').forEach((mount, place) => {
        const name = textAt(mount, 'name');
        if (!volumes.includes(name)) causes.push({ reason: 'FieldValueNotFound', message: `Not found: ${JSON.stringify(name)}`, field: `${here}.volumeMounts[${place}].name` });
      });
    });
  }
  return causes;
}

function workloadCauses(object: KubernetesObject): Cause[] {
  const selector = at(object, 'spec', 'selector');
  const labels = mapAt(object, 'spec', 'template', 'metadata', 'labels');
  const causes: Cause[] = [];
  if (selector === undefined) causes.push(required('spec.selector'));
  if (Object.keys(labels).length === 0 || !selects(selector, labels)) {
    causes.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  }
  const policy = textAt(object, 'spec', 'template', 'spec', 'restartPolicy');
  if (policy !== '' && policy !== 'Always') causes.push({ reason: 'FieldValueNotSupported', message: `Unsupported value: "${policy}": supported values: "Always"`, field: 'spec.template.spec.restartPolicy' });
  const claims = itemsAt(object, 'spec', 'volumeClaimTemplates').map((claim) => textAt(claim, 'metadata', 'name'));
  return [...causes, ...podCauses(fieldsAt(object, 'spec', 'template', 'spec'), 'spec.template.spec', claims)];
}

function jobCauses(object: KubernetesObject): Cause[] {
  const spec = fieldsAt(object, 'spec', 'template', 'spec');
  const policy = textAt(spec, 'restartPolicy');
  const causes = policy === 'Never' || policy === 'OnFailure' ? [] : [required('spec.template.spec.restartPolicy', 'valid values: "OnFailure", "Never"')];
  return [...causes, ...podCauses(spec, 'spec.template.spec')];
}

function serviceCauses(object: KubernetesObject): Cause[] {
  const ports = itemsAt(object, 'spec', 'ports');
  const headless = textAt(object, 'spec', 'clusterIP') === 'None' || textAt(object, 'spec', 'type') === 'ExternalName';
  if (ports.length === 0) return headless ? [] : [required('spec.ports')];
  return ports.flatMap((port, index) => {
    const number = port.port;
    const here = `spec.ports[${index}]`;
    const valid = typeof number === 'number' && number >= 1 && number <= 65535;
    const causes = valid ? [] : [invalidValue(`${here}.port`, number, 'must be between 1 and 65535, inclusive')];
    return ports.length > 1 && textAt(port, 'name') === '' ? [...causes, required(`${here}.name`)] : causes;
  });
}

function definitionCauses(object: KubernetesObject): Cause[] {
  const expected = `${textAt(object, 'spec', 'names', 'plural')}.${textAt(object, 'spec', 'group')}`;
  const name = object.metadata.name;
  return name === expected ? [] : [invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group')];
}

function bindingCauses(object: KubernetesObject): Cause[] {
  return textAt(object, 'roleRef', 'name') === '' ? [required('roleRef.name')] : [];
}

const content: Readonly<Record<string, (object: KubernetesObject) => Cause[]>> = {
  Deployment: workloadCauses,
  ReplicaSet: workloadCauses,
  StatefulSet: workloadCauses,
  DaemonSet: workloadCauses,
  Job: jobCauses,
  Pod: (object) => podCauses(fieldsAt(object, 'spec'), 'spec'),
  Service: serviceCauses,
  CustomResourceDefinition: definitionCauses,
  RoleBinding: bindingCauses,
  ClusterRoleBinding: bindingCauses,
};

type Frozen = (object: KubernetesObject, before: KubernetesObject) => Cause[];

function frozen(...path: string[]): Frozen {
  return (object, before) => (same(at(object, ...path), at(before, ...path)) ? [] : [invalidValue(path.join('.'), at(object, ...path), 'field is immutable')]);
}

const data: Frozen = (object, before) => {
  if (before.immutable !== true) return [];
  const changed = ['data', 'binaryData', 'immutable'].filter((field) => !same(object[field], before[field]));
  return changed.map((field) => forbiddenValue(field, 'field is immutable when `immutable` is set'));
};

const secret: Frozen = (object, before) => [...frozen('type')(object, before), ...data(object, before)];

const service: Frozen = (object, before) => {
  const old = textsAt(before, 'spec', 'clusterIPs');
  const now = textsAt(object, 'spec', 'clusterIPs');
  if (old.length === 0 || textAt(object, 'spec', 'type') === 'ExternalName' || same(old, now)) return [];
  if (now.length === 0) return [{ reason: 'FieldValueInvalid', message: 'Invalid value: []string(nil): primary clusterIP can not be unset', field: 'spec.clusterIPs[0]' }];
  return [invalidValue('spec.clusterIPs[0]', now, 'may not change once set')];
};

const pod: Frozen = (object, before) => {
  const fixed = (spec: Fields): Fields => {
    const rest = copy(spec);
    for (const container of [...itemsAt(rest, 'containers'), ...itemsAt(rest, 'initContainers')]) delete container.image;
    for (const field of ['activeDeadlineSeconds', 'tolerations', 'terminationGracePeriodSeconds', 'nodeName']) Reflect.deleteProperty(rest, field);
    return rest;
  };
  if (same(fixed(fieldsAt(object, 'spec')), fixed(fieldsAt(before, 'spec')))) return [];
  const allowed = '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
  return [forbiddenValue('spec', `pod updates may not change fields other than ${allowed}`)];
};

const statefulSet: Frozen = (object, before) => {
  const fixed = (value: KubernetesObject): unknown[] => ['selector', 'serviceName', 'volumeClaimTemplates', 'podManagementPolicy'].map((field) => at(value, 'spec', field));
  if (same(fixed(object), fixed(before))) return [];
  return [forbiddenValue('spec', "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")];
};

const roleRef: Frozen = (object, before) => (same(object.roleRef, before.roleRef) ? [] : [invalidValue('roleRef', object.roleRef, 'cannot change roleRef')]);

const immutable: Readonly<Record<string, Frozen>> = {
  Deployment: frozen('spec', 'selector'),
  ReplicaSet: frozen('spec', 'selector'),
  DaemonSet: frozen('spec', 'selector'),
  StatefulSet: statefulSet,
  Job: (object, before) => [...frozen('spec', 'selector')(object, before), ...frozen('spec', 'template')(object, before), ...frozen('spec', 'completions')(object, before)],
  Secret: secret,
  ConfigMap: data,
  Service: service,
  Pod: pod,
  RoleBinding: roleRef,
  ClusterRoleBinding: roleRef,
};
