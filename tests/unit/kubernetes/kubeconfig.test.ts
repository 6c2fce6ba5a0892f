import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeKubeconfig } from '../../../tasks/_shared/kubernetes/kubeconfig.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';

describe('kubeconfig', () => {
  it('goes on renewing the token after a token that could not be had and a file that could not be written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aks-wi-test-'));
    const clock = new VirtualClock();
    const obstacle = join(folder, 'token.next');
    const ended = new AbortController();
    const seen: string[] = [];
    let asked = 0;
    const token = async (): Promise<string> => {
      asked += 1;
      seen.push(`${clock.monotonic()} ${await readFile(join(folder, 'token'), 'utf8').catch(() => 'none')}`);
      if (asked === 2) throw new Error('Entra does not answer');
      // A folder of that name stands in for whatever keeps the file from being written or renamed.
      if (asked === 3) await mkdir(obstacle);
      if (asked === 4) await rm(obstacle, { recursive: true });
      if (asked === 5) ended.abort();
      return `token-${asked}`;
    };
    const kubeconfig = await writeKubeconfig(folder, { label: 'aks-1', server: 'https://aks.sim', certificateAuthority: '', token }, clock);
    await kubeconfig.renew(ended.signal);
    assert.deepEqual(seen, ['0 none', '20000 token-1', '22000 token-1', '24000 token-1', '44000 token-4']);
    await rm(folder, { recursive: true });
  });

  it('holds a client certificate and its key in the private file itself, where no token signs in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aks-wi-test-'));
    const clientCertificate = { certificate: 'PEM of a certificate', key: 'PEM of a key' };
    const kubeconfig = await writeKubeconfig(folder, { label: 'aks-1', server: 'https://aks.sim', certificateAuthority: '', clientCertificate }, new VirtualClock());
    await kubeconfig.renew(new AbortController().signal);
    const encoded = (text: string): string => Buffer.from(text).toString('base64');
    const { users } = JSON.parse(await readFile(kubeconfig.path, 'utf8')) as { users: { user: object }[] };
    assert.deepEqual(users.map(({ user }) => user), [{ 'client-certificate-data': encoded('PEM of a certificate'), 'client-key-data': encoded('PEM of a key') }]);
    if (process.platform !== 'win32') assert.equal((await stat(kubeconfig.path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['kubeconfig']);
    await rm(folder, { recursive: true });
  });
});
