import assert from 'node:assert/strict';
import { namespaceRules } from '../../../tasks/_shared/fleet/posture/namespace-rules.js';
import { severities } from '../../../tasks/_shared/fleet/posture/rule.js';
import { cases } from './namespace-cases.js';
import { changed, verdictsOf } from './namespace-sample.js';
import { writtenSources } from './written-procedures.js';

describe('posture: texts of the rules over namespaces', () => {
  const ids = namespaceRules.map(({ id }) => id);

  it('have ids of their own', () => {
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^namespace(?:-[a-z]+)+$/);
  });

  for (const { id, title, remedy, severity, source, dependants, mendedBy } of namespaceRules) {
    it(`${id} says what, from where and what to do`, () => {
      for (const sentence of [title, remedy]) assert.match(sentence, /^[A-Z].*[^.]$/);
      assert.ok(severities.includes(severity));
      assert.ok(source.length > 0);
      assert.deepEqual(source.filter((one) => !writtenSources.includes(one)), []);
      for (const other of dependants) assert.ok(other !== id && ids.includes(other), other);
      assert.equal(mendedBy, undefined);
    });
  }
});

describe('posture: rules over namespaces', () => {
  it('have a passing, a failing and a case where they do not apply each', () => {
    assert.deepEqual(Object.keys(cases).sort(), namespaceRules.map(({ id }) => id).sort());
    for (const { passes, fails, notApplicable } of Object.values(cases)) assert.ok([passes, fails, notApplicable].every(({ length }) => length > 0));
  });

  for (const [id, { passes, fails, notApplicable, unknown = [] }] of Object.entries(cases)) {
    describe(id, () => {
      for (const [outcome, rows] of Object.entries({ pass: passes, notApplicable, unknown })) {
        for (const { what, change, evidence } of rows) {
          it(`${outcome}: ${what}`, () => {
            const [verdict, ...more] = verdictsOf(id, change);
            assert.equal(verdict.outcome, outcome, verdict.evidence);
            assert.deepEqual(more, []);
            assert.match(verdict.evidence, evidence);
          });
        }
      }
      for (const { what, change, evidence, at } of fails) {
        it(`fail: ${what}`, () => {
          const found = verdictsOf(id, change);
          for (const { outcome } of found) assert.equal(outcome, 'fail');
          assert.match(found.map((verdict) => verdict.evidence).join('\n'), evidence);
          assert.deepEqual(found.map(({ object }) => object), at ?? [undefined]);
        });
      }
    });
  }

  it('never repeat the value of a variable', () => {
    for (const { id } of namespaceRules) {
      for (const { change } of Object.values(cases).flatMap(({ passes, fails }) => [...passes, ...fails])) assert.doesNotMatch(JSON.stringify(verdictsOf(id, change)), /canary/);
    }
    assert.match(JSON.stringify(changed(cases['namespace-no-credential-variables']!.fails[0]!.change)), /canary-secret/);
  });
});
