import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { CommandQueue, type QueueTools } from '../../../tasks/_shared/kubernetes/command-queue.js';
import type { InnerCall } from '../../../tasks/_shared/kubernetes/command-script.js';
import { VirtualClock } from '../../simulators/kernel/virtual-clock.js';
import { filesOf } from '../../simulators/world/command-pod.js';
import { problemOf } from './cluster-world.js';

const call = (...line: string[]): InnerCall => ({ line });

/** Answers calls by their words, in the form that the script prints. */
class Pod {
  readonly commands: string[][] = [];
  readonly files: Map<string, string>[] = [];
  limit = Number.POSITIVE_INFINITY;
  form: 'text' | 'gzip' = 'text';
  exitCode = 0;

  constructor(private readonly answer: (words: readonly string[]) => { readonly code?: number; readonly output?: string; readonly errors?: string }) {}

  readonly run: QueueTools['run'] = async (command, context) => {
    const files = await filesOf(Buffer.from(context, 'base64'));
    const script = files.get('calls.sh') ?? '';
    assert.equal(command, 'sh calls.sh');
    const mark = /aks-wi-[0-9a-f]+/.exec(script)?.[0] ?? '';
    const lines = script.split('\n').filter((line) => /^call \d/.test(line));
    this.commands.push(lines.map((line) => line.replace(/^call \d+ \w+ /, '')));
    this.files.push(files);
    const show = (text: string): string => (this.form === 'text' ? text : gzipSync(text).toString('base64'));
    const logs = lines.map((line, index) => {
      const { code = 0, output = '', errors = '' } = this.answer([...line.matchAll(/'((?:[^']|'\\'')*)'/g)].map(([, word = '']) => word));
      return `${mark} output ${index} ${code} ${this.form}\n${show(output)}\n${mark} errors ${index}\n${show(errors)}\n${mark} end ${index}\n`;
    });
    return { exitCode: this.exitCode, logs: logs.join('').slice(0, this.limit) };
  };
}

function queueOf(pod: Pod, more: Partial<QueueTools> = {}): { queue: CommandQueue; clock: VirtualClock } {
  const clock = new VirtualClock();
  return { clock, queue: new CommandQueue({ label: 'aks-1', clock, signal: new AbortController().signal, run: pod.run, ...more }) };
}

describe('command queue', () => {
  const echo = new Pod((words) => ({ output: words.join(' ') }));
  beforeEach(() => {
    Object.assign(echo, { limit: Number.POSITIVE_INFINITY, form: 'text', exitCode: 0 });
    echo.commands.length = 0;
    echo.files.length = 0;
  });

  for (const form of ['text', 'gzip'] as const) {
    it(`puts what is asked at the same time into one command, and gives each its own answer (${form})`, async () => {
      echo.form = form;
      const { queue } = queueOf(echo);
      const asked = ['a', 'b', "it's $HOME; `id`"].map((word) => queue.ask(call('echo', word), 'ask'));
      assert.deepEqual((await Promise.all(asked)).map(({ exitCode, output }) => [exitCode, output]), [[0, 'echo a'], [0, 'echo b'], [0, "echo it'\\''s $HOME; `id`"]]);
      assert.equal(echo.commands.length, 1);
      await Promise.all([queue.ask(call('echo', 'later'), 'ask'), queue.ask(call('echo', 'too'), 'ask')]);
      assert.equal(echo.commands.length, 2);
    });
  }

  it('keeps exit codes and errors apart, and runs alone what has to be alone', async () => {
    const pod = new Pod(([program]) => ({ code: program === 'helm' ? 1 : 0, errors: `words of ${program ?? ''}` }));
    const { queue } = queueOf(pod);
    const helm: InnerCall = { line: ['helm', { place: 'chart' }], files: [{ path: 'chart/Chart.yaml', content: 'name: x' }], quiet: true, limitSeconds: 90 };
    const [one, two, three] = await Promise.all([queue.ask(call('kubectl'), 'ask'), queue.runAlone(helm, 'deploy', 60_000), queue.ask(call('kubectl'), 'ask')]);
    assert.deepEqual([one.exitCode, two.exitCode, three.exitCode, two.errors], [0, 1, 0, 'words of helm']);
    assert.deepEqual(pod.commands, [["'kubectl'", "'kubectl'"], ["limited 90 'helm' 'call-0/chart'"]]);
    assert.equal(pod.files[1]?.get('call-0/chart/Chart.yaml'), 'name: x');
  });

  it('asks for what came back cut in smaller pieces, and never takes it for whole', async () => {
    const pod = new Pod(([word = '']) => ({ output: word.repeat(200) }));
    pod.limit = 600;
    const { queue } = queueOf(pod);
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((word) => queue.ask(call(word), 'ask')));
    assert.deepEqual(answers.map(({ output }) => output), ['a', 'b', 'c', 'd'].map((word) => word.repeat(200)));
    assert.deepEqual(pod.commands.map((lines) => lines.length), [4, 2, 1, 1]);
    pod.limit = 150;
    const problem = await problemOf(queue.ask(call('e'), 'list pods'));
    assert.deepEqual([problem.code, problem.tried], ['WI4506', 'list pods']);
    pod.form = 'gzip';
    pod.limit = 70;
    assert.equal((await problemOf(queue.ask(call('e'), 'list pods'))).code, 'WI4506');
  });

  it('fails with a command that fails as a whole, although its state is Succeeded', async () => {
    echo.exitCode = 1;
    const { queue } = queueOf(echo);
    const asked = await Promise.allSettled([problemOf(queue.ask(call('a'), 'ask')), problemOf(queue.ask(call('b'), 'ask'))]);
    assert.deepEqual(asked.map((each) => (each.status === 'fulfilled' ? each.value.code : '')), ['WI4505', 'WI4505']);
    const said: QueueTools['run'] = () => Promise.resolve({ exitCode: 1, logs: 'error: unzip failed' });
    const { because } = await problemOf(queueOf(echo, { run: said }).queue.ask(call('a'), 'ask'));
    assert.equal(because, 'it ended with exit code 1, although its state is Succeeded: error: unzip failed');
    const silent: QueueTools['run'] = () => Promise.resolve({ exitCode: 0, logs: '' });
    assert.equal((await problemOf(queueOf(echo, { run: silent }).queue.ask(call('a'), 'ask'))).code, 'WI4506');
  });

  it('sends nothing that is too large, and nothing once the run is cancelled', async () => {
    const { queue } = queueOf(echo, { contextLimit: 500 });
    const problem = await problemOf(queue.ask(call('a'), 'ask'));
    assert.deepEqual([problem.code, problem.because.includes('and 500 go at most')], ['WI4507', true]);
    const abort = new AbortController();
    abort.abort(new Error('cancelled'));
    await assert.rejects(queueOf(echo, { signal: abort.signal }).queue.ask(call('a'), 'ask'), /cancelled/);
    assert.equal(echo.commands.length, 0);
  });
});
