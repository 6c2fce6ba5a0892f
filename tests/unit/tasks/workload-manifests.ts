/**
 * Service account `api`, and a deployment of one pod that runs as it.
 * @param spec lines of the pod's spec, indented by six
 * @param account more lines of the service account
 */
export function workloadManifests(spec: string, account = ''): string {
  return `apiVersion: v1
kind: ServiceAccount
metadata: {name: api}
${account}---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 1
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      serviceAccountName: api
${spec}`;
}
