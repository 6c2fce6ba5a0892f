/** Which namespaces an audit looks at: names, or beginnings that end in an asterisk; `*` alone is every namespace but those of Kubernetes and AKS themselves. */
export interface NamespaceScope {
  readonly patterns: readonly string[];
}

/**
 * Namespaces of Kubernetes, of AKS and of what AKS installs as an add-on or an extension: their owner is not who answers for the workloads.
 * `default` is none of them, because workloads run there.
 */
const systemNamespaces: ReadonlySet<string> = new Set([
  // Source: Kubernetes docs, initial namespaces.
  ...['kube-system', 'kube-public', 'kube-node-lease'],
  // Source: Azure Monitor docs, container insights log schema, which counts these with the above as system namespaces.
  ...['gatekeeper-system', 'calico-system', 'azure-arc'],
  // Source: Calico docs, installation by the operator, which AKS uses.
  'tigera-operator',
  // Source: AKS docs, application routing add-on.
  'app-routing-system',
  // Source: Azure/azure-powershell#26077, where az aks command makes it.
  'aks-command',
  // Source: azure-workload-identity docs, installation of the webhook without the add-on.
  'azure-workload-identity-system',
  // Source: Azure/AKS#5645, where AKS itself guards it.
  'flux-system',
  // Source: Dapr docs, the Dapr extension for AKS.
  'dapr-system',
]);

/** What comes after this belongs to AKS: `aks-istio-system`, `aks-istio-ingress`, `aks-istio-egress`. Source: AKS docs, Istio add-on. */
const meshNamespaces = 'aks-istio-';

/** Names of namespaces. Source: Kubernetes docs, object names (RFC 1123 labels). */
const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** True for a name that a namespace can have. */
export function canBeNamespace(name: string): boolean {
  return label.test(name);
}

/** True for a namespace of Kubernetes or of AKS itself. */
export function isSystemNamespace(name: string): boolean {
  return systemNamespaces.has(name) || name.startsWith(meshNamespaces);
}

const isBeginning = (pattern: string): boolean => pattern.endsWith('*');

/** The namespaces that a scope names in full, in order, each once. */
export function namesIn({ patterns }: NamespaceScope): readonly string[] {
  return [...new Set(patterns.filter((pattern) => !isBeginning(pattern)))].sort();
}

/** The patterns of a scope that only a list of all namespaces answers, in order, each once. */
export function beginningsIn({ patterns }: NamespaceScope): readonly string[] {
  return [...new Set(patterns.filter(isBeginning))].sort();
}

/** Whether a scope takes a namespace in. No asterisk takes in one of Kubernetes or AKS; a name in full does. Names are told apart by case, as Kubernetes does. */
export function isInScope(scope: NamespaceScope, name: string): boolean {
  if (scope.patterns.includes(name)) return true;
  return !isSystemNamespace(name) && beginningsIn(scope).some((pattern) => name.startsWith(pattern.slice(0, -1)));
}
