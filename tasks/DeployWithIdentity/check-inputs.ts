import type { InputReader } from '../_shared/agent/inputs.js';
import { defaultSeverity, secretPolicies, severities, type SourceKind, type SendPolicy, type Severity } from '../_shared/kubernetes/send-checks.js';

/** Source: Kubernetes docs, object names; keys of secrets and config maps, and names of variables, have no slash. */
const allowed = /^[A-Za-z]+\/[A-Za-z0-9.*_-]+(?:\/[\w.*-]+)?$/;
const allowedForm = 'Kind/name, or Kind/name/key for one key or variable, as in Secret/orders-tls/tls.key; an asterisk stands for any text';
const namespace = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The inputs that say what may be sent to a cluster. */
export interface CheckInputs {
  readonly policy: SendPolicy;
}

/**
 * Reads what may be sent to a cluster.
 * @param origin where the chart comes from: it decides what `auto` does
 */
export function readChecks(inputs: InputReader, origin: SourceKind): CheckInputs {
  const chosen = <T>(choice: T | 'auto'): T | Severity => (choice === 'auto' ? defaultSeverity(origin) : choice);
  const plainSecrets = chosen(inputs.choice('plainSecrets', ['auto', ...secretPolicies], 'auto'));
  const allowedSecrets = inputs.namesIn('allowedSecrets', allowed, allowedForm);
  const latestImages = chosen(inputs.choice('latestImages', ['auto', ...severities], 'auto'));
  const otherNamespaces = inputs.namesIn('otherNamespaces', namespace, 'names of namespaces: lower-case letters, digits and hyphens');
  if (inputs.sound('plainSecrets', 'allowedSecrets')) {
    if (plainSecrets === 'allow-list' && allowedSecrets.length === 0) inputs.contradiction('allowedSecrets', 'is empty', 'input plainSecrets is allow-list', 'list what may pass, or set plainSecrets to error');
    if (plainSecrets !== 'allow-list' && allowedSecrets.length > 0) inputs.contradiction('allowedSecrets', 'is given', `input plainSecrets is ${plainSecrets}`, 'set plainSecrets to allow-list, or leave allowedSecrets empty');
  }
  if (inputs.optionalText('namespace') === 'kube-system') {
    inputs.contradiction('namespace', 'is "kube-system"', 'it belongs to the cluster itself, and the identity’s webhook looks at no pod in it', 'deploy into a namespace of the workload');
  }
  return { policy: { plainSecrets, allowedSecrets, latestImages, otherNamespaces } };
}
