import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../../tasks/_shared/reconcile/clock.js';
import type { ClusterAccess } from './access.js';

/** The workload-identity webhook of a cluster, as it is set up now. */
export interface WebhookSetting {
  readonly enabled: boolean;
  /** Decides volume name and mount path of the injected token. */
  readonly version: '1.6.0' | '1.5.1';
  readonly tenantId: string;
  /** The login endpoint's base address with its trailing slash, e.g. `https://login.microsoftonline.com/`. */
  readonly authorityHost: string;
  /** False: the API server cannot reach the webhook, and labelled pods are refused (failurePolicy Fail). Default true. */
  readonly reachable?: boolean;
}

/** What an API server is made of. */
export interface KubernetesApiOptions {
  /** Service name in the request log, e.g. `kubernetes/aks-dev-weu-1`. */
  readonly name: string;
  readonly clock: Clock;
  /** `gitVersion`, e.g. `v1.33.2`. */
  readonly version: string;
  readonly access: ClusterAccess;
  /** The issuer of service-account tokens, asked each time one is signed. */
  readonly serviceAccountIssuer: () => string;
  readonly webhook: () => WebhookSetting;
  /** Milliseconds from a pod's creation until it is ready, and of each later step of its life. Default 2000. */
  readonly rolloutMs?: number;
  /** Makes uids and generated names repeatable. */
  readonly seed: string | number;
  /** Install the SecretProviderClass definition of the secrets-store CSI driver. Default true. */
  readonly secretsStore?: boolean;
  /** Names of the cluster's nodes. Default: two. */
  readonly nodes?: readonly string[];
  /** The private RSA key that signs service-account tokens. Default: one of its own, made on first use, which takes a while. */
  readonly signingKey?: () => KeyObject;
}
