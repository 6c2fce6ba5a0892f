import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { evaluate, grammarOf } from './evaluate.js';
import { Instant } from './instant.js';
import { ExpressionError } from './lexer.js';
import { parseExpression } from './parser.js';
import { MemoryCounters, refusedContexts, RunExpressions, variableSignatures } from './runtime.js';
import { ValueContext } from './values.js';
import type { Value } from './values.js';
import { mapOf } from '../yaml/nodes.js';

const start = new Date('2024-03-07T04:05:09.250Z');

/** Evaluates as the value of a variable in one run. */
function inRun(run: RunExpressions, major = '1'): (text: string) => Value {
  const values = new Map<string, Value>([['variables', mapOf([['major', major]])], ['pipeline', run.pipeline]]);
  return (text) => evaluate(text, { values, functions: run.variableFunctions });
}

describe('runtime expressions', () => {
  it('counts from the seed, one more each run, by pipeline and prefix', () => {
    const counters = new MemoryCounters();
    const once = (text: string, pipeline = 'CI', major = '1'): Value => inRun(new RunExpressions(start, pipeline, counters), major)(text);
    assert.equal(once("counter(variables['major'], 100)"), 100);
    assert.equal(once("counter(variables['major'], 100)"), 101);
    assert.equal(once("counter(variables['major'], 100)", 'CI', '2'), 100);
    assert.equal(once("counter(variables['major'], 100)"), 102);
    assert.equal(once("counter(variables['major'], 100)", 'Other'), 100);
    assert.equal(once("counter('1', 7)", 'ci'), 103, 'names of pipelines and prefixes ignore case; the seed is only for the first run');
    assert.equal(once('counter()'), 0);
    assert.equal(once("counter('', 5)"), 1);
  });

  it('moves a counter once per run, however many jobs evaluate it', () => {
    const counters = new MemoryCounters();
    const first = inRun(new RunExpressions(start, 'CI', counters));
    assert.deepEqual([first("counter('a', 1)"), first("counter('A', 1)"), first("counter('b', 1)"), first("counter('a', 1)")], [1, 1, 1, 1]);
    assert.equal(inRun(new RunExpressions(start, 'CI', counters))("counter('a', 1)"), 2);
  });

  it('refuses a seed that is no number, and a third argument', () => {
    const evaluateIt = inRun(new RunExpressions(start, 'CI', new MemoryCounters()));
    assert.throws(() => evaluateIt("counter('a', 'x')"), (error: unknown) => error instanceof ExpressionError && error.message === 'Unable to convert from String to Number. Value: x');
    assert.throws(() => evaluateIt("counter('a', 1, 2)"), /Too many arguments for function 'counter'; at most 2/);
  });

  it('formats the start of the run by day, as the documentation does', () => {
    const evaluateIt = inRun(new RunExpressions(start, 'CI', new MemoryCounters()));
    assert.equal(evaluateIt("format('{0:yyyyMMdd}', pipeline.startTime)"), '20240307');
    assert.equal(evaluateIt("format('{0:yy.M.d}-{0:HH:mm:ss}-{0:H.m.s}-{0:K}', pipeline.startTime)"), '24.3.7-04:05:09-4.5.9-Z');
    assert.equal(evaluateIt("counter(format('{0:yyyyMMdd}', pipeline.startTime), 100)"), 100);
    assert.equal(evaluateIt("format('{0}', pipeline.startTime)"), '2024-03-07 04:05:09+00:00');
    assert.equal(evaluateIt('pipeline.other'), null);
    assert.throws(() => evaluateIt("format('{0:dddd}', pipeline.startTime)"), /^ExpressionError: The format specifiers 'dddd' are not valid for objects of type 'DateTime'$/);
    assert.throws(() => evaluateIt("format('{0}', pipeline)"), /^ExpressionError: Unable to convert from Object to String\.$/);
  });

  it('compares times as points in time, and with text that is one', () => {
    const evaluateIt = inRun(new RunExpressions(start, 'CI', new MemoryCounters()));
    assert.equal(evaluateIt("gt(pipeline.startTime, '2024-03-07 04:05:09Z')"), true);
    assert.equal(evaluateIt("eq(pipeline.startTime, '2024-03-06T23:05:09.25-05:00')"), true);
    assert.equal(evaluateIt("lt(pipeline.startTime, '2024/03/08')"), true);
    assert.equal(evaluateIt("eq(pipeline.startTime, 'yesterday')"), false);
    assert.throws(() => evaluateIt("lt(pipeline.startTime, 'yesterday')"), /Unable to convert from String to DateTime\. Value: yesterday/);
    assert.equal(evaluateIt('and(pipeline.startTime, pipeline)'), true);
  });

  it('reads and prints offsets', () => {
    assert.equal(Instant.tryParse('2018-01-02 21:45:21-05:30')?.toString(), '2018-01-02 21:45:21-05:30');
    assert.equal(Instant.tryParse('2018-01-02 21:45:21+02:00')?.format('HHK'), '21+02:00');
    assert.equal(Instant.tryParse('2018-01-02T21:45:21')?.milliseconds, Date.UTC(2018, 0, 2, 21, 45, 21));
    for (const text of ['2018-02-30', '2018-13-01', '20180102', 'x', '']) assert.equal(Instant.tryParse(text), undefined, text);
  });

  it('checks variables before a run: counter and pipeline are there, status functions and resources are not', () => {
    const grammar = grammarOf(['variables', 'pipeline'], variableSignatures, refusedContexts);
    parseExpression("counter(format('{0:yyyyMMdd}', pipeline.startTime), 100)", grammar);
    assert.throws(() => parseExpression('succeeded()', grammar), /Unrecognized function: 'succeeded'.*only available in conditions/);
    assert.throws(() => parseExpression("split('a', ',')", grammar), /Unrecognized function: 'split'.*only available in \$\{\{ \}\} expressions/);
    assert.throws(() => parseExpression('resources.pipeline.x', grammar), /^ExpressionError: not supported by the local runner: the context resources$/);
    assert.throws(() => parseExpression('parameters.x', grammar), /Unrecognized value: 'parameters'/);
  });

  it('looks names of a context up without regard to case', () => {
    const context = new ValueContext(new Map([['starttime', 1]]));
    assert.deepEqual([context.get('StartTime'), context.get('other')], [1, null]);
  });
});
