import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../tasks/_shared/reconcile/clock.js';
import { DevOps } from '../../simulators/devops/devops.js';
import type { Job } from '../../simulators/devops/model.js';
import { createCertificateAuthority } from '../../simulators/kernel/certificate-authority.js';
import { LoopbackNetwork } from '../../simulators/kernel/loopback-network.js';

const projectId = '271ef6f7-5998-4b0f-86fb-4b54d9129990';
const job: Job = { projectId, pipelineId: 7, planId: 'c738a23e-2307-4a6c-a406-f1f0f729387c', jobId: '12f1170f-54f2-53f3-20dd-22fc7dff55f9', hub: 'build' };
const id = '/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1';
const script = fileURLToPath(new URL('../../../tasks/SelectClusters/index.ts', import.meta.url));

describe('SelectClusters as a process of its own, against Azure DevOps', () => {
  const devops = new DevOps({ name: 'devops', clock: systemClock(), organisation: { id: '0ca3ddd9-f0b0-4635-a98c-5866526961b6', name: 'contoso' } });
  let network: LoopbackNetwork;
  let origin: string;
  let folder: string;

  before(async () => {
    const authority = await createCertificateAuthority(new Date());
    network = new LoopbackNetwork(systemClock(), authority.server);
    origin = await network.attach(devops);
    folder = mkdtempSync(join(tmpdir(), 'select-clusters-'));
    writeFileSync(join(folder, 'ca.pem'), authority.certificate);
    devops.projects.push({ id: projectId, name: 'Fleet of Contoso' });
    devops.groups.push({ id: 1, name: 'wi-nonprod', projectId, readers: 'all', variables: { clusters: { value: id }, key: { value: 'canary', isSecret: true } } });
    devops.groups.push({ id: 2, name: 'wi-prod', projectId, readers: [8], variables: { clusters: { value: id } } });
  });

  after(async () => {
    await network.close();
    rmSync(folder, { recursive: true });
  });

  async function select(group: string, token = devops.issueJobToken(job)): Promise<string> {
    const env = {
      PATH: process.env.PATH,
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
      AGENT_TEMPDIRECTORY: folder,
      SYSTEM_COLLECTIONURI: devops.collectionUri(origin),
      SYSTEM_TEAMPROJECTID: projectId,
      ENDPOINT_AUTH_SYSTEMVSSCONNECTION: JSON.stringify({ scheme: 'OAuth', parameters: { AccessToken: token } }),
      INPUT_VARIABLEGROUP: group,
    };
    const child = spawn(process.execPath, ['--import', 'tsx', script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 0);
    return text;
  }

  it('reads a group with the job token', async () => {
    const text = await select('wi-nonprod');
    assert.ok(text.includes(`##vso[task.setvariable variable=clusters;isOutput=true;issecret=false;]${id}\n`), text);
    assert.ok(text.includes('##vso[task.setvariable variable=count;isOutput=true;issecret=false;]1\n'));
    assert.match(text, /##vso\[task\.complete result=Succeeded;\]\n$/);
    assert.ok(!text.includes('canary'));
  });

  it('names a group that the job must not see, and a token that is refused', async () => {
    assert.match(await select('wi-prod'), /\nWI1022 {2}The variable group wi-prod is not to be seen\.\n(.*\n)*##vso\[task\.complete result=Failed;\]/);
    assert.match(await select('wi-nonprod', 'expired'), /\nWI1023 {2}/);
  });
});
