// Run as a process of its own by pipeline-agent.test.ts: the agent's library takes its environment when it is loaded.
import { runTask } from '../../../tasks/_shared/agent/run-task.js';

void runTask('ChildTask', async (agent) => {
  const connection = agent.endpoint('conn');
  agent.line(`url ${connection?.url ?? ''} scheme ${connection?.scheme ?? ''} data ${connection?.data('SubscriptionId') ?? ''}`);
  agent.line(`secret ${connection?.secretParameter('ServicePrincipalKey') ?? ''}`);
  agent.line(`nothing ${String(agent.endpoint('nowhere') !== undefined)} ${String(agent.input('empty'))} ${String(agent.variable('no.such'))}`);
  agent.line(`input ${agent.input('word') ?? ''} variable ${agent.variable('My.Variable') ?? ''} secret ${String(agent.isSecretVariable('hidden'))} ${String(agent.isSecretVariable('My.Variable'))}`);
  agent.line('text of a service ##vso[task.complete result=Succeeded]');
  agent.group('title', ['inside']);
  agent.output('out', 'value');
  agent.summary('# canary-key canary-variable');
  agent.attach('kind', 'file.json', '{"key":"canary-key"}');
  agent.line(`scratch ${agent.scratch()}`);
  if (agent.input('flood') === 'true') {
    for (let index = 0; index < 4_000; index += 1) agent.line(`line ${index} ${'x'.repeat(100)}`);
    agent.line('last line before the kill');
    process.kill(process.pid, 'SIGKILL');
  }
  if (agent.input('hang') === 'true') {
    setInterval(() => undefined, 1000);
    agent.lastCall.addEventListener('abort', () => agent.line('last call'));
    agent.line('hanging');
    return new Promise(() => undefined);
  }
  if (agent.input('wait') === 'true') {
    const alive = setInterval(() => undefined, 1000);
    agent.line('waiting');
    await new Promise((resolve) => agent.signal.addEventListener('abort', resolve));
    clearInterval(alive);
    return { result: 'Failed', message: 'cancelled in order' };
  }
  setInterval(() => undefined, 1000);
  throw new Error('canary-key is broken');
});
