import { fileURLToPath } from 'node:url';
import type { Ended } from '../tools/run-process.js';

/** One command that somebody types, and what it has to do. */
export interface Try {
  readonly command: string;
  /** On standard input. */
  readonly input?: string;
  /** Default 0. */
  readonly code?: number;
  /** What its output, errors included, has to show. */
  readonly shows?: RegExp;
  /** True when the command must not change anything in any cluster. */
  readonly readOnly?: true;
}

/** What is wrong with how a command ended; undefined when it did what it has to. */
export function complaint({ command, code = 0, shows }: Try, ended: Ended): string | undefined {
  const output = `${ended.stdout}${ended.stderr}`;
  if (ended.code !== code) return `${command}\nended with ${ended.code} in the place of ${code}:\n${output}`;
  if (shows !== undefined && !shows.test(output)) return `${command}\ndoes not show ${String(shows)}:\n${output}`;
  return undefined;
}

const chart = fileURLToPath(new URL('../fixtures/every-kind', import.meta.url));

const looks = (command: string, shows: RegExp, code = 0): Try => ({ command, shows, code, readOnly: true });
const does = (command: string, shows?: RegExp, input?: string): Try => ({ command, ...(shows === undefined ? {} : { shows }), ...(input === undefined ? {} : { input }) });
const refused = (command: string, shows: RegExp): Try => ({ command, shows, code: 1, readOnly: true });

/** A config map and a deployment, as a file of somebody's. */
export function manifest(greeting: string): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: {name: greeting}
data: {text: ${greeting}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "nginx:1", ports: [{containerPort: 80}]}]}
`;
}

/** kubectl in a namespace of its own, from the first object to the last. */
export const kubectlTries: readonly Try[] = [
  does('kubectl create namespace k', /namespace\/k created/),
  does('kubectl -n k apply -f -', /configmap\/greeting created\ndeployment.apps\/web created/, manifest('hello')),
  { ...does('kubectl -n k apply -f -', /configmap\/greeting unchanged\ndeployment.apps\/web unchanged/, manifest('hello')), readOnly: true },
  { ...looks('kubectl -n k diff -f -', /^$/), input: manifest('hello') },
  { ...looks('kubectl -n k diff -f -', /-\s+text: hello\n\+\s+text: ahoy/, 1), input: manifest('ahoy') },
  does('kubectl -n k apply --server-side --field-manager other --force-conflicts -f -', /configmap\/greeting serverside-applied/, manifest('ahoy')),
  does('kubectl -n k rollout status deployment/web --timeout 30s', /successfully rolled out/),
  looks('kubectl -n k get all -o wide', /deployment\.apps\/web\s+2\/2\s+2\s+2\s+\S+\s+app\s+nginx:1\s+app=web/),
  looks('kubectl -n k get deployment web -o jsonpath={.status.readyReplicas}', /^2$/),
  looks('kubectl -n k get configmap greeting -o yaml', /text: ahoy/),
  looks('kubectl -n k describe deployment web', /Replicas:\s+2 desired \| 2 updated \| 2 total \| 2 available/),
  looks('kubectl -n k describe pods', /Controlled By:\s+ReplicaSet\/web-/),
  looks('kubectl -n k wait deployment/web --for=condition=Available --timeout 30s', /condition met/),
  does('kubectl -n k label deployment web tier=front', /labeled/),
  does('kubectl -n k annotate deployment web note=mine', /annotated/),
  does('kubectl -n k scale deployment web --replicas 3', /scaled/),
  does('kubectl -n k set image deployment/web app=nginx:2', /image updated/),
  does('kubectl -n k rollout restart deployment/web', /restarted/),
  does('kubectl -n k rollout undo deployment/web', /rolled back/),
  does('kubectl -n k rollout status deployment/web --timeout 30s', /successfully rolled out/),
  looks('kubectl -n k rollout history deployment/web', /REVISION\s+CHANGE-CAUSE\n1\s/),
  does('kubectl -n k patch deployment web -p \'{"spec":{"replicas":1}}\'', /patched/),
  does('kubectl -n k create deployment other --image nginx:1 --port 80', /deployment\.apps\/other created/),
  does('kubectl -n k create job once --image busybox:1 -- true', /job\.batch\/once created/),
  does('kubectl -n k create cronjob often --image busybox:1 --schedule "* * * * *" -- true', /cronjob\.batch\/often created/),
  does('kubectl -n k create service clusterip other --tcp 80:8080', /service\/other created/),
  does('kubectl -n k create ingress other --rule "host.test/path*=other:80"', /ingress\.networking\.k8s\.io\/other created/),
  does('kubectl -n k create poddisruptionbudget other --selector app=other --min-available 50%', /poddisruptionbudget\.policy\/other created/),
  does('kubectl -n k create quota other --hard pods=20', /resourcequota\/other created/),
  does('kubectl -n k autoscale deployment other --max 5 --cpu 80%', /autoscaled/),
  does('kubectl -n k create role reader --verb get,list --resource pods', /role\.rbac\.authorization\.k8s\.io\/reader created/),
  does('kubectl -n k create rolebinding reader --role reader --serviceaccount k:default', /rolebinding\.rbac\.authorization\.k8s\.io\/reader created/),
  does('kubectl -n k run one --image nginx:1', /pod\/one created/),
  looks('kubectl -n k get job,cronjob,service,ingress,pdb,hpa,quota', /ingress\.networking\.k8s\.io\/other\s+<none>\s+host\.test/),
  looks('kubectl -n k wait job/once --for=condition=Complete --timeout 30s', /condition met/),

  looks('kubectl -n k create token default --audience api://AzureADTokenExchange', /^ey[\w-]+\.[\w-]+\.[\w-]+\s*$/),
  looks('kubectl -n k auth can-i create deployments', /^yes/),
  looks('kubectl -n k auth can-i list pods --as system:serviceaccount:k:default', /^yes/),
  looks('kubectl -n k auth can-i delete pods --as system:serviceaccount:k:default', /^no/, 1),
  looks('kubectl -n k auth can-i --list --as system:serviceaccount:k:default', /pods\s+\[\]\s+\[\]\s+\[get list\]/),
  looks('kubectl auth whoami', /Username/),
  looks('kubectl -n k get pods --token "$(kubectl -n k create token default)"', /web-/),
  refused('kubectl -n k get secrets --token "$(kubectl -n k create token default)"', /User "system:serviceaccount:k:default" cannot list resource "secrets"/),
  refused('kubectl get pods --token nonsense', /Unauthorized|must be logged in/),
  looks('kubectl api-resources', /deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/),
  looks('kubectl api-versions', /^networking\.k8s\.io\/v1$/m),
  looks('kubectl get nodes', /Ready/),
  looks('kubectl describe nodes', /Kubelet Version:\s+v1\./),
  looks('kubectl version', /Server Version: v1\./),
  looks('kubectl cluster-info', /control plane.* is running at/),
  looks('kubectl get --raw /readyz', /^ok/),

  refused('kubectl -n k logs one', /\(NotImplemented\): pods\/log of k\/one is not simulated: this cluster runs no containers/),
  refused('kubectl -n k exec one -- true', /\(NotImplemented\): pods\/exec of k\/one is not simulated/),
  refused('kubectl -n k attach one', /\(NotImplemented\): pods\/attach of k\/one is not simulated/),
  refused('kubectl -n k cp one:/etc/hosts "$WORK/hosts"', /\(NotImplemented\): pods\/exec of k\/one is not simulated/),
  refused('kubectl -n k port-forward one 8080:80', /pods\/portforward of k\/one is not simulated/),
  refused('kubectl -n k debug one --image busybox:1', /\(NotImplemented\): pods\/ephemeralcontainers of k\/one is not simulated/),
  refused('kubectl -n k top pods', /Metrics API not available/),
  refused('kubectl explain pods', /not found in OpenAPI schema/),

  does('kubectl -n k delete deployment web', /deployment\.apps "web" deleted/),
  does('kubectl delete namespace k --timeout 30s', /namespace "k" deleted/),
  refused('kubectl get namespace k', /namespaces "k" not found/),
];

/** A release of a chart with every kind, hook and function that public charts use, from install to uninstall. */
export function helmTries(helm: 'helm3' | 'helm4'): readonly Try[] {
  const at = `-n ${helm}`;
  return [
    looks(`${helm} version --short`, helm === 'helm3' ? /^v3\./ : /^v4\./),
    looks(`${helm} template app ${chart} ${at}`, /kind: StatefulSet/),
    does(`${helm} install app ${chart} ${at} --create-namespace --wait --timeout 60s`, /STATUS: deployed\nREVISION: 1[^]*app says hello\./),
    looks(`${helm} list ${at}`, new RegExp(`app\\s+${helm}\\s+1\\s.*deployed\\s+every-kind-1\\.2\\.3\\s+4\\.5`)),
    does(`${helm} test app ${at}`, /Phase:\s+Succeeded/),
    does(`${helm} upgrade app ${chart} ${at} --set greeting=ahoy,replicas=3 --wait --timeout 60s`, /REVISION: 2/),
    looks(`${helm} status app ${at}`, /STATUS: deployed\nREVISION: 2/),
    looks(`${helm} get values app ${at}`, /greeting: ahoy/),
    looks(`${helm} get manifest app ${at}`, /greeting: "ahoy"/),
    looks(`kubectl ${at} get sts,ds,cj,ing,netpol,pdb,hpa,pvc,role,rolebinding,quota,limits,widget`, /statefulset\.apps\/app\s+2\/2/),
    looks(`kubectl ${at} describe all`, /Claims|Volume Claims/),
    { command: `${helm} upgrade app ${chart} ${at} --no-hooks --set image=`, code: 1, shows: /image: Required value/ },
    does(`${helm} rollback app 1 ${at} --wait --timeout 60s`, /Rollback was a success/),
    looks(`${helm} history app ${at}`, /1\s.*superseded[^]*2\s.*superseded[^]*3\s.*failed[^]*4\s.*deployed\s.*Rollback to 1/),
    does(`${helm} uninstall app ${at} --wait`, /release "app" uninstalled/),
    looks(`${helm} list ${at}`, /^NAME\s[^\n]*\n$/),
  ];
}
