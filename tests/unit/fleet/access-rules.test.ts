import assert from 'node:assert/strict';
import { accessRules } from '../../../tasks/_shared/fleet/posture/access-rules.js';
import { driftRule, judgeDrift, reached, reachRules } from '../../../tasks/_shared/fleet/posture/record-rules.js';
import type { IdentityFacts } from '../../../tasks/_shared/fleet/posture/access-facts.js';
import { severities, type Outcome } from '../../../tasks/_shared/fleet/posture/rule.js';
import { cases, flips, soundIdentity } from './access-rule-cases.js';
import { writtenSources } from './written-procedures.js';

const all = [...accessRules, ...Object.values(reachRules), driftRule];
const ids = accessRules.map(({ id }) => id);
const outcomes = (identity: IdentityFacts): ReadonlyMap<string, Outcome> => new Map(accessRules.map((rule) => [rule.id, rule.judge(identity)[0].outcome]));

describe('posture: rules over access', () => {
  for (const rule of accessRules) {
    for (const [outcome, identity, evidence, object] of cases[rule.id] ?? []) {
      it(`${rule.id} is ${outcome}: ${evidence.source}`, () => {
        const [found, ...more] = rule.judge(identity);
        assert.equal(found.outcome, outcome, found.evidence);
        assert.match(found.evidence, evidence);
        assert.deepEqual(more, []);
        if (outcome === 'unknown') assert.equal(found.object, 'identity id-orders');
        else if (object === undefined) assert.equal(found.object === undefined, outcome !== 'fail');
        else assert.match(found.object ?? '', object);
      });
    }
  }

  it('have a passing, a failing, a not-applicable and an unknown case each', () => {
    assert.deepEqual(Object.keys(cases).sort(), [...ids].sort());
    for (const id of ids) assert.deepEqual([...new Set((cases[id] ?? []).map(([outcome]) => outcome))].sort(), ['fail', 'notApplicable', 'pass', 'unknown'], id);
  });

  it('name each credential and grant that is at fault, and what could not be told does not hide them', () => {
    const grants = ['Owner', 'Contributor', 'Key Vault Secrets User'].map((role) => ({ ...soundIdentity.grants[0]!, role }));
    const identity: IdentityFacts = { ...soundIdentity, grants, unread: ['role assignments of subscription 2: 403'] };
    const found = accessRules.find(({ id }) => id === 'access-grant-least')!.judge(identity);
    assert.deepEqual(found.map(({ outcome, object }) => [outcome, object?.split(' on ')[0]]), [['fail', 'identity id-orders, Owner'], ['fail', 'identity id-orders, Contributor']]);
  });
});

describe('posture: flips of one property of access', () => {
  it('begin at an identity on which every rule passes', () => assert.deepEqual([...outcomes(soundIdentity)].filter(([, outcome]) => outcome !== 'pass'), []));

  for (const [rule, title, after, alsoChange = []] of flips) {
    it(`${title} flips ${[rule, ...alsoChange].join(', ')} and nothing else`, () => {
      const [before, now] = [outcomes(soundIdentity), outcomes(after)];
      assert.deepEqual(ids.filter((id) => before.get(id) !== now.get(id)).sort(), [rule, ...alsoChange].sort());
    });
  }

  it('flip every rule, and show every declared dependant and no other', () => {
    for (const { id, dependants } of accessRules) {
      const own = flips.filter(([rule]) => rule === id);
      assert.notEqual(own.length, 0, id);
      assert.deepEqual([...new Set(own.flatMap(([, , , also = []]) => also))].sort(), [...dependants].sort(), id);
    }
  });
});

describe('posture: what an audit reads, and what ledgers tell', () => {
  it('is unknown where it could not be read', () => {
    assert.deepEqual(reached({ found: 'aks-1 was read' }), { outcome: 'pass', evidence: 'aks-1 was read' });
    assert.deepEqual(reached({ unread: '403' }), { outcome: 'unknown', evidence: '403' });
  });

  it('differs object by object, passes where nothing does, and is not asked without ledgers', () => {
    const same = { title: 'identity id-1', difference: { found: undefined } };
    assert.equal(judgeDrift(undefined)[0].outcome, 'notApplicable');
    assert.equal(judgeDrift([])[0].outcome, 'notApplicable');
    assert.deepEqual(judgeDrift([same]), [{ outcome: 'pass', evidence: 'identity id-1: as written' }]);
    assert.deepEqual(judgeDrift([same, { title: 'identity id-2', difference: { unread: '403' } }]), [{ outcome: 'unknown', evidence: 'identity id-2: 403' }]);
    assert.deepEqual(judgeDrift([{ title: 'identity id-3', difference: { found: 'it is gone' } }, { title: 'identity id-2', difference: { unread: '403' } }]), [{ outcome: 'fail', evidence: 'it is gone', object: 'identity id-3' }]);
  });

  it('says of itself what every rule does', () => {
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    for (const { id, title, severity, source, remedy, dependants } of all) {
      assert.match(id, /^(access|audit|ledger)(-[a-z]+)+$/);
      assert.match(title, /^\S.*[^.\s]$/, id);
      assert.ok(severities.includes(severity), id);
      assert.notEqual(source.length, 0, id);
      assert.deepEqual(source.filter((one) => !writtenSources.includes(one)), [], id);
      assert.match(remedy, /^[A-Z].*[^.\s]$/s, id);
      assert.deepEqual(dependants.filter((other) => !ids.includes(other) || other === id), [], id);
    }
  });
});
