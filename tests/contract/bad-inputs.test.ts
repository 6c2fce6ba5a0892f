import assert from 'node:assert/strict';
import { badInputs } from '../unit/tasks/bad-inputs/all-rows.js';
import { readJson, records, tasks, textOf } from './tree.js';

/** What an input of a type can be, at least, that it should not. */
const expected: Readonly<Record<string, readonly string[]>> = {
  int: ['WI1002'],
  boolean: ['WI1003'],
  pickList: ['WI1003'],
};

describe('the table of bad inputs (tests/unit/tasks/bad-inputs)', () => {
  for (const task of tasks) {
    const inputs = records(readJson(`tasks/${task}/task.json`).inputs);
    const codesOf = (name: string): readonly string[] => badInputs.filter((row) => row.task === task && row.input === name).map(({ code }) => code);

    it(`has a line for every input of ${task}`, () => {
      assert.deepEqual(inputs.map((input) => textOf(input, 'name')).filter((name) => codesOf(name).length === 0), []);
    });

    it(`has the mistakes that the types of ${task}'s inputs allow`, () => {
      const lacking = inputs.flatMap((input) => {
        const name = textOf(input, 'name');
        const wanted = [...(expected[textOf(input, 'type')] ?? []), ...(input.required === true ? ['WI1001'] : [])];
        return wanted.filter((code) => !codesOf(name).includes(code)).map((code) => `${name} ${code}`);
      });
      assert.deepEqual(lacking, []);
    });

    it(`has no line for an input that ${task} does not have`, () => {
      const names = new Set(inputs.map((input) => textOf(input, 'name')));
      const given = badInputs.filter((row) => row.task === task).flatMap((row) => [row.input, ...Object.keys(row.given)]);
      assert.deepEqual([...new Set(given)].filter((name) => !names.has(name)), []);
    });
  }
});
