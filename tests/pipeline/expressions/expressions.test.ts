import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { list, mapOf, scalar } from '../yaml/nodes.js';
import { eachItem, evaluate } from './evaluate.js';
import { templateFunctions } from './functions.js';
import { ExpressionError, tokenize } from './lexer.js';
import { isCollection, toJson, Version } from './values.js';
import type { Value } from './values.js';

const rings = list([
  mapOf([['name', 'dev'], ['size', 1], ['on', true]]),
  mapOf([['name', 'prd'], ['size', 3], ['on', false]]),
]);
const values = new Map<string, Value>([
  ['parameters', mapOf([['ring', 'Dev'], ['count', 3], ['yes', true], ['rings', rings], ['tags', list([scalar('a'), scalar('b')])], ['numbers', list([scalar(1), scalar(2)])]])],
  ['variables', mapOf([['Build.Reason', 'Manual'], ['empty', '']])],
]);

function result(text: string): unknown {
  const value = evaluate(text, { values, functions: templateFunctions });
  if (value instanceof Version) return `v${value.toString()}`;
  return isCollection(value) ? (JSON.parse(toJson(value)) as unknown) : value;
}

const cases: readonly (readonly [string, unknown])[] = [
  ["'it''s'", "it's"], ['-1.5', -1.5], ['.5', 0.5], ['1.2.3', 'v1.2.3'], ['TRUE', true], ['null', null],
  ['parameters.ring', 'Dev'], ["parameters['RING']", 'Dev'], ['parameters.nope', null], ['parameters.nope.deeper', null],
  ["variables['build.reason']", 'Manual'], ['parameters.rings[1].name', 'prd'], ['parameters.rings[9]', null],
  ['parameters.rings.*.name', ['dev', 'prd']], ['parameters.rings[*].size', [1, 3]], ["join(',', parameters.rings.*.name)", 'dev,prd'],
  ["eq(parameters.ring, 'dEV')", true], ["eq(1, '1.0')", true], ["eq(1, 'one')", false], ["eq('1', 1)", true], ["eq(true, 'false')", true], ["eq('true', true)", true],
  ["eq(null, '')", true], ["eq('', null)", true], ['eq(0, null)', true], ["eq(1.2.3, '1.2.3')", true], ["eq(1.2.3, 'x')", false],
  ['eq(parameters.tags, parameters.tags)', true], ["ne('a', 'A')", false], ["ne('a', 'b')", true],
  ['and(true, 1, 0)', false], ["and(true, 'x')", true], ["and(false, lt(1, 'x'))", false],
  ["or('', 0, null)", false], ["or('', 'x')", true], ["or(true, lt(1, 'x'))", true], ['not(null)', true], ["not('false')", false], ['xor(true, false)', true], ['xor(true, 1)', false],
  ["lt('a', 'B')", true], ['le(2, 2)', true], ["gt(10, '9')", true], ["gt('10', '9')", false], ['ge(1.10.0, 1.9.0)', true], ["ge(1.10.0, '1.9')", true], ['gt(1.3.0, 1.2)', true], ["eq(1.2.3, '1.2.99999999999')", false], ["eq('1.2.3', 1.2.3)", true], ['eq(true, 1.2.3)', true],
  ["eq('1,000', 1000)", false], ["eq(1000, '1,000')", true], ["eq(5, ' 5 ')", true], ["eq(0, '')", true], ["eq('', 0)", false], ['eq(false, null)', true], ['eq(1, true)', true], ['lt(1.2.3, 1.2.3.4)', true], ['gt(true, false)', true],
  ["in('B', 'a', 'b')", true], ["in('c', 'a', 'b')", false], ["in('a')", false], ["notIn('a')", true], ["notIn('c', 'a', 'b')", true],
  ["contains('Federation', 'RAT')", true], ["contains('abc', 'd')", false], ["contains(parameters.count, '3')", true],
  ["containsValue(parameters.tags, 'B')", true], ["containsValue(parameters.tags, 'c')", false], ['containsValue(parameters.rings[0], 1)', true], ["containsValue(parameters.numbers, '2')", true], ['containsValue(parameters.numbers, true)', true], ['containsValue(parameters.numbers, null)', false], ["containsValue('a', 'a')", false],
  ["startsWith('refs/heads/main', 'REFS/')", true], ["endsWith('a.yml', '.YAML')", false], ["endsWith('a.yml', '.YML')", true],
  ["coalesce(null, '', 'x', 'y')", 'x'], ["coalesce(null, '')", null], ['coalesce(parameters.nope, 0)', 0],
  ["format('{0}-{1}-{0}', 'a', 2)", 'a-2-a'], ["format('{{{0}}}', 'x')", '{x}'], ["format('none')", 'none'], ["format('{0}', true)", 'True'],
  ["join(';', 'alone')", 'alone'], ["join(';', parameters.rings)", ';'], ["split('a,b,,c', ',')", ['a', 'b', '', 'c']], ["split('abc', '')", ['abc']],
  ["lower('ABC')", 'abc'], ["upper('abc')", 'ABC'], ["trim('  a b ')", 'a b'], ["replace('a.b.c', '.', '$&')", 'a$&b$&c'],
  ["length('four')", 4], ['length(parameters.rings)', 2], ["length('')", 0],
  ["iif(parameters.yes, 'on', 'off')", 'on'], ["iif(false, lt(1, 'x'), 'safe')", 'safe'],
  ["  eq( 'a' ,\n 'a' )  ", true], ["EQ('a', 'a')", true],
];

const errors: readonly (readonly [string, RegExp])[] = [
  ['parameter.x', /^Unrecognized value: 'parameter'\. Located at position 1 within expression: parameter\.x\.$/],
  ["eq('a', dependencies.x)", /^Unrecognized value: 'dependencies'\. Located at position 9/],
  ["equals('a', 'b')", /^Unrecognized function: 'equals'/], ["eq('a')", /^Too few arguments for function 'eq'; at least 2/],
  ["not('a', 'b')", /^Too many arguments for function 'not'; at most 1/], ["'open", /^Unexpected symbol: ''open'/],
  ["eq('a', 'b'", /^Unexpected end of expression/], ["'a' == 'b'", /^Unexpected symbol: '=='/], ["eq('a', 'b') x", /^Unexpected symbol: 'x'/],
  ['', /^Unexpected end of expression/], ['ge(1.2.3, 2.0)', /^Unable to convert from Number to Version\. Value: 2$/], ["lt(null, 'a')", /^Unable to convert from String to Null\. Value: a$/],
  ['succeeded()', /^Unrecognized function: 'succeeded'.* The function succeeded is only available in conditions\.$/], ["lt(1, 'x')", /^Unable to convert from String to Number\. Value: x$/], ['lower(parameters.rings)', /^Unable to convert from Array to String/],
  ["counter('a', 1)", /^Unrecognized function: 'counter'\. Located at position 1 within expression: counter\('a', 1\)\. The function counter is only available in the value of a variable/], ["format('{1}', 'a')", /references more arguments/], ["format('{', 'a')", /format string is invalid/],
  ["format('{0:yyyy}', 'a')", /^The format specifiers 'yyyy' are not valid for objects of type 'String'$/],
];

describe('expressions', () => {
  for (const [text, expected] of cases) {
    it(`${text.trim()} → ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(result(text), expected);
    });
  }

  for (const [text, message] of errors) {
    it(`${text === '' ? '(nothing)' : text} is refused`, () => {
      assert.throws(() => result(text), (error: unknown) => error instanceof ExpressionError && message.test(error.message));
    });
  }

  it('prints JSON with an indent of two, keeping kinds', () => {
    assert.equal(evaluate('convertToJson(parameters.rings[0])', { values }), '{\n  "name": "dev",\n  "size": 1,\n  "on": true\n}');
  });

  it('walks lists by item and mappings by pair', () => {
    const pairs = eachItem(mapOf([['a', 1]]))?.map((pair) => toJson(pair));
    assert.deepEqual(pairs?.map((pair) => JSON.parse(pair) as unknown), [{ key: 'a', value: 1 }]);
    assert.deepEqual(eachItem(list([scalar('x')])), ['x']);
    assert.equal(eachItem('text'), undefined);
  });

  it('keeps numbers as written where they print differently', () => {
    assert.deepEqual(eachItem(list([scalar(1.3, undefined, '1.30'), scalar(2)])), ['1.30', 2]);
  });

  it('tells where each token stands', () => {
    assert.deepEqual(tokenize("eq(a.b, 'c')").map((token) => token.index), [0, 2, 3, 4, 5, 6, 8, 11]);
  });
});
