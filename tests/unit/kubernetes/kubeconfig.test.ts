import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
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
});
