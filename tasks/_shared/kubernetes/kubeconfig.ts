import { chmod, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientCertificate } from '../network/route.js';
import type { Clock } from '../reconcile/clock.js';

/** What a kubeconfig says. */
export interface KubeconfigSource {
  readonly label: string;
  readonly server: string;
  /** Base64 of the PEM text. */
  readonly certificateAuthority: string;
  /** Absent where a client certificate signs in. */
  readonly token?: () => Promise<string>;
  readonly clientCertificate?: ClientCertificate;
  /** With credentials; the file is private. */
  readonly proxy?: URL;
}

/** Go clients read a token file again after a minute at most. Source: client-go transport/token_source.go. */
const renewalMs = 20_000;
/** After a renewal that failed: a token that could not be had, or a file that a reader holds open (Windows). Milliseconds. */
const retryMs = 2_000;
const ownerOnly = 0o600;

/** Writes a file that only its owner can read, also when it was there before with another mode. */
export async function writePrivate(path: string, content: string): Promise<void> {
  await writeFile(path, content, { mode: ownerOnly });
  await chmod(path, ownerOnly);
}

/**
 * Writes a kubeconfig and its token file into a folder that the caller removes.
 * @returns the path of the kubeconfig, and what keeps the token fresh until `signal` is aborted, whatever fails meanwhile.
 */
export async function writeKubeconfig(
  folder: string,
  source: KubeconfigSource,
  clock: Clock,
): Promise<{ readonly path: string; renew(signal: AbortSignal): Promise<void> }> {
  const { token } = source;
  const path = join(folder, 'kubeconfig');
  if (token === undefined) {
    await writePrivate(path, JSON.stringify(content(source, certificateUser(source.clientCertificate))));
    return { path, renew: () => Promise.resolve() };
  }
  const tokenFile = join(folder, 'token');
  let current = await token();
  await writePrivate(tokenFile, current);
  await writePrivate(path, JSON.stringify(content(source, { tokenFile })));
  const refresh = async (): Promise<void> => {
    const next = await token();
    if (next === current) return;
    await writePrivate(`${tokenFile}.next`, next);
    await rename(`${tokenFile}.next`, tokenFile);
    current = next;
  };
  return {
    path,
    renew: async (signal) => {
      let pause = renewalMs;
      for (;;) {
        await clock.sleep(pause, signal).catch(() => undefined);
        if (signal.aborted) return;
        // A failure is not reported: the old token may last, and if it does not, helm says so.
        pause = await refresh().then(() => renewalMs, () => retryMs);
      }
    },
  };
}

/** The file is private, so the key may stand in it. Source: client-go clientcmd, AuthInfo. */
function certificateUser(client: ClientCertificate | undefined): object {
  const encoded = (pem: string): string => Buffer.from(pem).toString('base64');
  return client === undefined ? {} : { 'client-certificate-data': encoded(client.certificate), 'client-key-data': encoded(client.key) };
}

/** JSON is YAML. */
function content(source: KubeconfigSource, user: object): object {
  const { label: name, proxy } = source;
  // Go clients take this proxy for every address, also for those of this machine. Source: client-go clientcmd, `proxy-url`.
  const way = proxy === undefined ? {} : { 'proxy-url': proxy.href };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: source.server, 'certificate-authority-data': source.certificateAuthority, ...way } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
}
