import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { isVisible } from '../validate/visible-rule.js';
import { RunLog } from './log.js';
import { parseCommand } from './logging-commands.js';
import { Masker } from './masking.js';
import { worst } from './result.js';
import { ancestorsOf, runGraph } from './scheduler.js';
import { environmentName, JobVariables } from './variables.js';

describe('logging commands', () => {
  it('reads area, event, properties and data', () => {
    const command = parseCommand('##vso[task.setvariable variable=a;isOutput=true;]value');
    assert.deepEqual(command, { area: 'task', event: 'setvariable', properties: new Map([['variable', 'a'], ['isoutput', 'true']]), data: 'value' });
  });

  it('undoes escapes: five in properties, three in data', () => {
    const command = parseCommand('##vso[task.logissue type=x%3By%5Dz%AZP250A]a%0D%0Ab%AZP253B%3B%25');
    assert.ok(command !== undefined && !('malformed' in command));
    assert.equal(command.properties.get('type'), 'x;y]z%0A');
    assert.equal(command.data, 'a\r\nb%3B%3B%25');
  });

  for (const line of ['##vso[task.debug', '##vso[taskdebug]x', '##vso[task.setvariable variable]x', '##vso[]x', '##vso[task.set-variable a=b]x']) {
    it(`does not accept ${line}`, () => {
      const command = parseCommand(line);
      assert.ok(command !== undefined && 'malformed' in command);
    });
  }

  it('leaves other lines alone', () => {
    assert.equal(parseCommand('##[group]vso'), undefined);
  });
});

describe('masking', () => {
  it('lets the longest secret win', () => {
    const masker = new Masker();
    masker.add('abc');
    masker.add('abcdef');
    assert.equal(masker.mask('abcdef abc ab'), '*** *** ab');
  });

  it('masks each line of a secret, its JSON form, and characters that mean something in patterns', () => {
    const masker = new Masker();
    masker.add('first$(.*)\n  second"quoted\n\n');
    assert.equal(masker.mask('x first$(.*) y'), 'x *** y');
    assert.equal(masker.mask('second"quoted {"k":"second\\"quoted"}'), '*** {"k":"***"}');
  });

  it('ignores blank secrets', () => {
    const masker = new Masker();
    masker.add(' \n ');
    assert.equal(masker.mask('a b'), 'a b');
  });
});

describe('variables', () => {
  it('expands macros once and leaves unknown ones as text', () => {
    const variables = new JobVariables();
    variables.set('A.b', '$(c)');
    variables.set('c', 'see');
    assert.equal(variables.expand('$(a.B) $(nope) $(C)$'), '$(c) $(nope) see$');
  });

  it('resolves variables among each other, stops at circles, and spreads secrecy', () => {
    const variables = new JobVariables();
    variables.set('s', 'hidden', { secret: true });
    variables.set('a', '1$(b)');
    variables.set('b', '2$(s)');
    variables.set('x', 'x$(y)');
    variables.set('y', 'y$(x)');
    variables.resolve();
    assert.equal(variables.value('a'), '12hidden');
    assert.equal(variables.get('a')?.secret, true);
    assert.equal(variables.value('x'), 'xy$(x)');
    assert.equal(variables.value('y'), 'yx$(y)');
  });

  it('stays secret when it is set again', () => {
    const variables = new JobVariables();
    variables.set('s', 'a', { secret: true });
    variables.set('S', 'b');
    assert.deepEqual(variables.get('s'), { name: 's', value: 'b', secret: true, readOnly: false });
  });

  it('names environment variables', () => {
    assert.equal(environmentName('my.var name-x'), 'MY_VAR_NAME-X');
  });
});

describe('visible rules', () => {
  const value = (name: string): string | undefined => ({ a: 'X', b: 'long text' })[name];
  for (const [rule, expected] of [['a = x', true], ['a != x', false], ['a = y || b Contains LONG', true], ['a = x && b EndsWith no', false], ['b NotEndsWith no', true], ['c = ', true], ['', true]] as const) {
    it(`'${rule}' is ${String(expected)}`, () => {
      assert.equal(isVisible(rule, value), expected);
    });
  }
});

describe('scheduling', () => {
  const nodes = [{ name: 'A', dependsOn: [] }, { name: 'B', dependsOn: ['a'] }, { name: 'C', dependsOn: [] }, { name: 'D', dependsOn: ['B', 'C'] }];

  it('starts what is ready, no more than allowed at once', async () => {
    const events: string[] = [];
    let now = 0;
    let most = 0;
    const results = await runGraph(nodes, 2, async (node, done: ReadonlyMap<string, string>) => {
      events.push(`${node.name}<${[...done.keys()].sort().join('')}`);
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return node.name.toLowerCase();
    });
    assert.deepEqual(results, ['a', 'b', 'c', 'd']);
    assert.equal(most, 2);
    assert.deepEqual(events.slice(0, 2), ['A<', 'C<']);
    assert.equal(events.at(-1), 'D<abc');
  });

  it('knows everything above a node', () => {
    assert.deepEqual([...ancestorsOf({ name: 'D', dependsOn: ['B', 'C'] }, nodes)].sort(), ['a', 'b', 'c']);
  });

  it('takes the worst result', () => {
    assert.equal(worst(['Succeeded', 'Skipped', 'SucceededWithIssues']), 'SucceededWithIssues');
    assert.equal(worst(['Canceled', 'Failed']), 'Failed');
    assert.equal(worst(['Skipped', 'Skipped']), 'Skipped');
    assert.equal(worst([]), 'Succeeded');
  });

  it('does not mix the logs of jobs that run together, and masks what waits', () => {
    const lines: string[] = [];
    const masker = new Masker();
    const log = new RunLog((line) => lines.push(line), masker, false);
    const [first, second] = [log.open(), log.open()];
    second.line('two key');
    first.line('one');
    masker.add('key');
    second.close();
    first.line('one more\nand more');
    first.close();
    assert.deepEqual(lines, ['one', 'one more', 'and more', 'two ***']);
  });

  it('colours only when asked', () => {
    const lines: string[] = [];
    new RunLog((line) => lines.push(line), new Masker(), true).line('##[error]no');
    assert.deepEqual(lines, ['\u001b[31m##[error]no\u001b[0m']);
  });
});
