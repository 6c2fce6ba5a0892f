import assert from 'node:assert/strict';
import { evaluateCondition, type ConditionFacts } from '../../../tasks/_shared/azure/condition-language.js';

const write = 'Microsoft.Authorization/roleAssignments/write';
const remove = 'Microsoft.Authorization/roleAssignments/delete';
const [pull, push, owner] = ['7f951dda-4ed3-4680-a7ca-43fe172d538d', '8311e382-0749-4cb8-b61a-304f252e45ec', '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'];
const role = 'Microsoft.Authorization/roleAssignments:RoleDefinitionId';
const type = 'Microsoft.Authorization/roleAssignments:PrincipalType';
const principal = 'Microsoft.Authorization/roleAssignments:PrincipalId';
/** The form that the portal writes for constrained roles and principal types. */
const documented = `
(
 (
  !(ActionMatches{'${write}'})
 )
 OR
 (
  @Request[${role}] ForAnyOfAnyValues:GuidEquals {${pull}, ${push}}
  AND
  @Request[${type}] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal', 'Group'}
 )
)
AND
(
 (
  !(ActionMatches{'${remove}'})
 )
 OR
 (
  @Resource[${role}] ForAnyOfAnyValues:GuidEquals {${pull}}
 )
)`;

function facts(more: Partial<ConditionFacts> = {}): ConditionFacts {
  return { action: write, request: { [role]: pull, [type]: 'ServicePrincipal' }, resource: {}, pending: [], ...more };
}

describe('conditions of delegates', () => {
  it('hold for the roles and principal types that they name', () => {
    assert.equal(evaluateCondition(documented, facts()), true);
    assert.equal(evaluateCondition(documented, facts({ request: { [role]: push.toUpperCase(), [type.toUpperCase()]: 'group' } })), true);
    assert.equal(evaluateCondition(documented, facts({ request: { [role]: owner, [type]: 'ServicePrincipal' } })), false);
    assert.equal(evaluateCondition(documented, facts({ request: { [role]: pull, [type]: 'User' } })), false);
    assert.equal(evaluateCondition(documented, facts({ request: { [role]: pull } })), false, 'a type that is not sent is not there');
  });

  it('judge what is removed by what is there', () => {
    assert.equal(evaluateCondition(documented, facts({ action: remove, request: {}, resource: { [role]: pull } })), true);
    assert.equal(evaluateCondition(documented, facts({ action: remove, request: {}, resource: { [role]: push } })), false);
    assert.equal(evaluateCondition(documented, facts({ action: 'Microsoft.Authorization/roleAssignments/read', request: {} })), true);
  });

  it('leave open what is not known yet, unless the rest settles it', () => {
    const some = `@Request[${principal}] ForAnyOfAnyValues:GuidEquals {${owner}}`;
    const pending = [principal];
    assert.equal(evaluateCondition(some, facts({ pending })), undefined);
    assert.equal(evaluateCondition(`!(${some})`, facts({ pending })), undefined);
    assert.equal(evaluateCondition(`${some} AND @Request[${role}] GuidEquals '${push}'`, facts({ pending })), false);
    assert.equal(evaluateCondition(`${some} OR @Request[${role}] GuidEquals '${pull}'`, facts({ pending })), true);
  });

  it('know the form that names what is not allowed', () => {
    const others = `@Request[${role}] ForAnyOfAllValues:GuidNotEquals{${owner}, ${push}}`;
    assert.equal(evaluateCondition(others, facts()), true);
    assert.equal(evaluateCondition(others, facts({ request: { [role]: push } })), false);
  });

  for (const text of ['', '()', `@Request[${role}] Matches '${pull}'`, `@Environment[isPrivateLink] BoolEquals true`, `@Request[${role}] GuidEquals`, `@Request[${role}] ForSome:GuidEquals {${pull}}`, "ActionMatches{'a'} 'b'", '#', `SubOperationMatches{'Blob.List'}`, `@Request[${role}] GuidEquals {${pull}}`]) {
    it(`are left open in the form ${JSON.stringify(text)}`, () => assert.equal(evaluateCondition(text, facts()), undefined));
  }
});
