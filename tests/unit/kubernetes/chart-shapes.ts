/** A chart as a map of its files, and what injecting the identity changes in what it renders. */
export interface ChartShape {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  readonly values?: string;
  /** True where FederateServiceAccount has made the service account before. */
  readonly federated?: boolean;
  /** `Kind name: path = value`, in the order of the rendering. */
  readonly difference: readonly string[];
  /** Workloads that roll out. */
  readonly rolls: number;
  /** True where Helm before 3.21 cannot do it. */
  readonly hooks?: boolean;
}

const use = 'azure.workload.identity/use';
const stamp = 'aks-workload-identity/client-id';
const account = 'ServiceAccount api';

/** The annotations that a service account of a chart gets. */
function annotated(name = account): string[] {
  return [`${name}: metadata.annotations.azure.workload.identity/client-id = <client>`, `${name}: metadata.annotations.azure.workload.identity/tenant-id = <tenant>`];
}

/** The label and the stamp that a pod template gets. */
function labelled(object: string, template = 'spec.template'): string[] {
  return [`${object}: ${template}.metadata.labels.${use} = true`, `${object}: ${template}.metadata.annotations.${stamp} = <client>`];
}

const pod = (name: string, serviceAccount: string): string => `
      serviceAccountName: ${serviceAccount}
      containers:
        - name: ${name}
          image: contoso/${name}:1 # pinned below`;

const rolling = (kind: string, name: string, serviceAccount = 'api', more = ''): string => `apiVersion: apps/v1
kind: ${kind}
metadata:
  name: ${name}
spec:${more}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata:
      labels:
        app: ${name}
    spec:${pod(name, serviceAccount)}
`;

const plainAccount = 'apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: api\n';
const chart = (name: string, more = ''): string => `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n${more}`;
const job = (name: string, annotations: string): string => `apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}
  annotations: {${annotations}}
spec:
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      restartPolicy: Never${pod(name, 'api')}
`;

/** Twelve and one shapes of charts, none of which follows any convention of values. */
export const chartShapes: readonly ChartShape[] = [
  {
    title: 'a service account without annotations',
    files: { 'Chart.yaml': chart('plain'), 'templates/account.yaml': plainAccount, 'templates/app.yaml': rolling('Deployment', 'app') },
    difference: [...annotated(), ...labelled('Deployment app')],
    rolls: 1,
  },
  {
    title: 'no service account of its own',
    files: { 'Chart.yaml': chart('foreign'), 'templates/app.yaml': rolling('Deployment', 'app') },
    federated: true,
    difference: labelled('Deployment app'),
    rolls: 1,
  },
  {
    title: 'a service account that a helper names',
    files: {
      'Chart.yaml': chart('helper'),
      'templates/_names.tpl': '{{- define "account" -}}{{ printf "%s" (trunc 3 "api-of-the-release") }}{{- end -}}\n',
      'templates/account.yaml': plainAccount.replace('name: api', 'name: {{ include "account" . }}'),
      'templates/app.yaml': rolling('Deployment', 'app', '{{ include "account" . }}'),
    },
    difference: [...annotated(), ...labelled('Deployment app')],
    rolls: 1,
  },
  {
    title: 'a service account that a value names, and an empty mapping of annotations',
    files: {
      'Chart.yaml': chart('value'),
      'values.yaml': 'account: default-name\nannotations: {}\n',
      'templates/account.yaml': 'apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {{ .Values.account }}\n  annotations: {{- toYaml .Values.annotations | nindent 4 }}\n',
      'templates/app.yaml': rolling('Deployment', 'app', '{{ .Values.account }}'),
    },
    values: 'account: api',
    difference: [...annotated(), ...labelled('Deployment app')],
    rolls: 1,
  },
  {
    title: 'pod templates in braces, with a label that only looks right',
    files: {
      'Chart.yaml': chart('braces'),
      'templates/all.yaml': `${plainAccount}---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec: {selector: {matchLabels: {app: app}}, template: {metadata: {labels: {app: app, ${use}: true}}, spec: {serviceAccountName: api, containers: [{name: app, image: "contoso/app:1"}]}}}\n`,
    },
    difference: [...annotated(), ...labelled('Deployment app')],
    rolls: 1,
  },
  {
    title: 'several workloads, one of which runs as another account',
    files: {
      'Chart.yaml': chart('several'),
      'templates/all.yaml': [plainAccount, plainAccount.replace('name: api', 'name: cache'), rolling('Deployment', 'app'), rolling('Deployment', 'cache', 'cache'), rolling('Deployment', 'worker')].join('---\n'),
    },
    difference: [...annotated(), ...labelled('Deployment app'), ...labelled('Deployment worker')],
    rolls: 3,
  },
  {
    title: 'a cron job beside a deployment',
    files: {
      'Chart.yaml': chart('cron'),
      'templates/all.yaml': [plainAccount, rolling('Deployment', 'app'), `apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: nightly\nspec:\n  schedule: "0 3 * * *"\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never${pod('nightly', 'api').replaceAll('\n', '\n    ')}\n`].join('---\n'),
    },
    difference: [...annotated(), ...labelled('Deployment app'), ...labelled('CronJob nightly', 'spec.jobTemplate.spec.template')],
    rolls: 1,
  },
  {
    title: 'a stateful set',
    files: { 'Chart.yaml': chart('stateful'), 'templates/account.yaml': plainAccount, 'templates/db.yaml': rolling('StatefulSet', 'db', 'api', '\n  serviceName: db') },
    difference: [...annotated(), ...labelled('StatefulSet db')],
    rolls: 1,
  },
  {
    title: 'a daemon set',
    files: { 'Chart.yaml': chart('daemon'), 'templates/account.yaml': plainAccount, 'templates/agent.yaml': rolling('DaemonSet', 'agent') },
    difference: [...annotated(), ...labelled('DaemonSet agent')],
    rolls: 1,
  },
  {
    title: 'a hook that runs as the account',
    files: { 'Chart.yaml': chart('hooks'), 'templates/app.yaml': rolling('Deployment', 'app'), 'templates/migrate.yaml': job('migrate', '"helm.sh/hook": pre-install') },
    federated: true,
    difference: [...labelled('Deployment app'), ...labelled('Job migrate')],
    rolls: 1,
    hooks: true,
  },
  {
    title: 'a definition of its own, and an object of it',
    files: {
      'Chart.yaml': chart('custom'),
      'crds/queue.yaml': 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: queues.contoso.example}\nspec:\n  group: contoso.example\n  scope: Namespaced\n  names: {plural: queues, singular: queue, kind: Queue, listKind: QueueList}\n  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]\n',
      'templates/all.yaml': [plainAccount, 'apiVersion: contoso.example/v1\nkind: Queue\nmetadata: {name: orders}\nspec: {serviceAccountName: api, template: {metadata: {labels: {}}}}\n', rolling('Deployment', 'app')].join('---\n'),
    },
    difference: [...annotated(), ...labelled('Deployment app')],
    rolls: 1,
  },
  {
    title: 'a subchart that runs as the account of its parent',
    files: {
      'Chart.yaml': chart('parent', 'dependencies: [{name: child, version: 1.0.0}]\n'),
      'values.yaml': 'global: {account: api}\n',
      'templates/account.yaml': plainAccount,
      'charts/child/Chart.yaml': chart('child'),
      'charts/child/templates/app.yaml': rolling('Deployment', 'child', '{{ .Values.global.account }}'),
    },
    difference: [...annotated(), ...labelled('Deployment child')],
    rolls: 1,
  },
  {
    title: 'a library chart that renders everything',
    files: {
      'Chart.yaml': chart('user', 'dependencies: [{name: common, version: 1.0.0}]\n'),
      'charts/common/Chart.yaml': chart('common', 'type: library\n'),
      'charts/common/templates/_all.tpl': `{{- define "common.all" -}}\n${plainAccount}---\n${rolling('Deployment', '{{ .Chart.Name }}')}{{- end -}}\n`,
      'templates/all.yaml': '{{- include "common.all" . }}\n',
    },
    difference: [...annotated(), ...labelled('Deployment user')],
    rolls: 1,
  },
];
