import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('pipeline-agent-child.ts', import.meta.url));

describe('PipelineAgent', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'pipeline-agent-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function start(inputs: Readonly<Record<string, string>>): ChildProcessByStdio<null, Readable, null> {
    const authorization = { scheme: 'ServicePrincipal', parameters: { serviceprincipalid: 'id', serviceprincipalkey: 'canary-key' } };
    const env = {
      PATH: process.env.PATH,
      AGENT_TEMPDIRECTORY: folder,
      INPUT_WORD: 'x',
      ...inputs,
      MY_VARIABLE: 'y',
      SECRET_HIDDEN: 'z',
      SECRET_DBPASSWORD: 'canary-variable',
      VSTS_SECRET_VARIABLES: '["hidden","dbPassword"]',
      ENDPOINT_URL_conn: 'https://management.azure.com/',
      ENDPOINT_AUTH_conn: JSON.stringify(authorization),
      ENDPOINT_DATA_conn_SUBSCRIPTIONID: 'sub',
    };
    return spawn(process.execPath, ['--import', 'tsx', script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  }

  async function outcome(child: ReturnType<typeof start>, each: (text: string) => void = () => undefined): Promise<{ code: number | null; text: string; lines: string[] }> {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      each(text);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, text, lines: text.split('\n').filter((line) => !line.startsWith('##vso[task.debug]')) };
  }

  it('speaks to the agent in its own language, masks first, and exits 0 after a failure', async () => {
    const { code, text, lines } = await outcome(start({}));
    assert.equal(code, 0);
    const at = (start: string): string => lines.find((line) => line.startsWith(start)) ?? assert.fail(`${start} is not in\n${lines.join('\n')}`);
    assert.equal(at('url '), 'url https://management.azure.com scheme ServicePrincipal data sub');
    assert.ok(lines.indexOf('##vso[task.setsecret]canary-key') < lines.indexOf('secret ***'));
    assert.equal(at('nothing '), 'nothing false undefined undefined');
    assert.equal(at('input '), 'input x variable y secret true false');
    assert.equal(at('text of'), 'text of a service ## vso[task.complete result=Succeeded]');
    assert.ok(lines.join('\n').includes('##[group]title\ninside\n##[endgroup]'));
    assert.ok(lines.includes('##vso[task.setvariable variable=out;isOutput=true;issecret=false;]value'));
    const summary = at('##vso[task.uploadsummary]').slice('##vso[task.uploadsummary]'.length);
    assert.equal(readFileSync(summary, 'utf8'), '# *** ***');
    const attached = /^##vso\[task\.addattachment type=kind;name=file\.json;\](.*)$/.exec(at('##vso[task.addattachment'))?.[1] ?? '';
    assert.equal(readFileSync(attached, 'utf8'), '{"key":"***"}');
    assert.equal(statSync(attached).mode & 0o777, 0o600);
    assert.ok(!existsSync(at('scratch ').slice('scratch '.length)));
    assert.match(at('WI9001 '), /^WI9001 {2}The task met an error/);
    assert.match(at('##vso[task.complete'), /^##vso\[task\.complete result=Failed;\]The task met an error.*\*\*\* is broken/);
    assert.equal(text.split('canary-key').length, 2, 'the secret shows elsewhere than in the command that masks it');
  });

  it('aborts its signal when the pipeline cancels', async () => {
    const child = start({ INPUT_WAIT: 'true' });
    let sent = false;
    const { code, lines } = await outcome(child, (text) => {
      if (!sent && text.includes('\nwaiting\n')) sent = child.kill('SIGINT');
    });
    assert.equal(code, 0);
    assert.ok(lines.includes('##vso[task.complete result=Failed;]cancelled in order'));
  });

  it('has every line out of the process before it goes on, so that a kill takes none back', async () => {
    const { lines } = await outcome(start({ INPUT_FLOOD: 'true' }));
    assert.ok(lines.includes('last line before the kill'), `the log ends with ${lines.at(-2) ?? ''}`);
  });

  it('ends what never ends by itself at the last call, with its folder gone', async () => {
    const child = start({ INPUT_HANG: 'true' });
    let sent = false;
    const { code, lines } = await outcome(child, (text) => {
      if (!sent && text.includes('\nhanging\n')) sent = child.kill('SIGTERM');
    });
    assert.equal(code, 0);
    assert.ok(lines.includes('last call'));
    assert.match(lines.find((line) => line.startsWith('##vso[task.complete')) ?? '', /result=Failed;\].*WI9002/);
    const scratch = lines.find((line) => line.startsWith('scratch '))?.slice('scratch '.length) ?? '';
    assert.ok(scratch !== '' && !existsSync(scratch));
  });

  it('tells its post-job step the name of its folder before that is there', async () => {
    const { lines } = await outcome(start({ INPUT_FLOOD: 'true' }));
    const name = /^##vso\[task\.settaskvariable variable=AKS_WORKLOAD_IDENTITY_RUN;issecret=false;\](ChildTask-[0-9a-f-]+)$/m.exec(lines.join('\n'))?.[1];
    assert.ok(name !== undefined && existsSync(join(folder, name)), 'a killed run leaves its folder under the name that it gave');
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o700);
  });
});
