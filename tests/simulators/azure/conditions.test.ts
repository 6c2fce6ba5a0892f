import assert from 'node:assert/strict';
import { actionMatches, parseCondition } from './conditions.js';

const read = 'Microsoft.ContainerRegistry/registries/repositories/content/read';
const write = 'Microsoft.ContainerRegistry/registries/repositories/content/write';
const name = 'Microsoft.ContainerRegistry/registries/repositories:name';
/** As the ACR documentation prints it for one repository. */
const oneRepository = `((!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'}) AND !(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/read'})) OR (@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEqualsIgnoreCase 'hello-world'))`;

function holds(text: string, action = read, repository?: string): boolean | undefined {
  return parseCondition(text)?.({ action, attributes: repository === undefined ? {} : { [name]: repository } });
}

describe('conditions of role assignments', () => {
  it('reads the documented condition for one repository', () => {
    assert.equal(holds(oneRepository, read, 'hello-world'), true);
    assert.equal(holds(oneRepository, read, 'Hello-World'), true);
    assert.equal(holds(oneRepository, read, 'hello-world-2'), false);
    assert.equal(holds(oneRepository, read), false);
    assert.equal(holds(oneRepository, write, 'other'), true, 'actions that are not listed stay unrestricted');
  });

  it('reads the same condition on several lines', () => {
    assert.equal(holds(oneRepository.replaceAll(/(AND|OR)/g, '\n $1\n\t'), read, 'hello-world'), true);
  });

  for (const [operator, value, repository, expected] of [
    ['StringEquals', 'App', 'App', true],
    ['StringEquals', 'App', 'app', false],
    ['StringEqualsIgnoreCase', 'App', 'aPP', true],
    ['StringStartsWith', 'backend/', 'backend/a', true],
    ['StringStartsWith', 'backend/', 'Backend/a', false],
    ['StringStartsWithIgnoreCase', 'backend/', 'BACKEND/a', true],
    ['StringStartsWithIgnoreCase', 'backend/', 'back', false],
  ] as const) {
    it(`${operator} '${value}' is ${expected} for ${repository}`, () => {
      assert.equal(holds(`@Request[${name}] ${operator} '${value}'`, read, repository), expected);
      assert.equal(holds(`@Resource[${name.toUpperCase()}] ${operator} '${value}'`, read, repository), expected);
    });
  }

  it('binds AND closer than OR, and ! closest', () => {
    const yes = "ActionMatches{'*/read'}";
    const no = "ActionMatches{'*/write'}";
    assert.equal(holds(`${yes} OR ${no} AND ${no}`), true);
    assert.equal(holds(`(${yes} OR ${no}) AND ${no}`), false);
    assert.equal(holds(`!${no} AND ${yes}`), true);
    assert.equal(holds(`!(${no} OR ${yes})`), false);
    assert.equal(holds(`NOT ${yes} || !!${yes}`), true);
    assert.equal(holds(`${yes} && ${no}`), false);
    assert.equal(holds(`${yes} and ${no}`), false);
  });

  describe('that constrain what may be assigned', () => {
    const roles = '{5e467623-bb1f-42f4-a55d-6e525e11384b, a795c7a0-d4a2-40c1-ae25-d81f01202912}';
    const write = 'Microsoft.Authorization/roleAssignments/write';
    /** Shaped as the portal's template "Constrain roles and principal types" writes it. */
    const constrained = `((!(ActionMatches{'${write}'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals ${roles} AND @Request[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'User', 'Group'}))`;
    const asked = (text: string, role: string, type?: string): boolean | undefined => {
      const typed = type === undefined ? {} : { 'Microsoft.Authorization/roleAssignments:PrincipalType': type };
      return parseCondition(text)?.({ action: write, attributes: { 'Microsoft.Authorization/roleAssignments:RoleDefinitionId': role, ...typed } });
    };

    it('compare with each value of a set', () => {
      assert.equal(asked(constrained, 'A795C7A0-d4a2-40c1-ae25-d81f01202912', 'group'), true);
      assert.equal(asked(constrained, 'a795c7a0-d4a2-40c1-ae25-d81f01202912', 'ServicePrincipal'), false);
      assert.equal(asked(constrained, '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'Group'), false);
      assert.equal(asked(constrained, 'a795c7a0-d4a2-40c1-ae25-d81f01202912'), false, 'without the type');
      assert.equal(parseCondition(constrained)?.({ action: 'Microsoft.Authorization/roleAssignments/delete', attributes: {} }), true);
    });

    it('take a set that directly follows its operator, and the form that names what is not allowed', () => {
      const all = `@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals${roles}`;
      assert.equal(asked(all, '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'), true);
      assert.equal(asked(all, '5e467623-bb1f-42f4-a55d-6e525e11384b'), false);
      assert.equal(asked(all.replace('ForAnyOfAllValues', 'ForSomeValues'), 'x'), undefined);
      assert.equal(asked(all.replace('ForAnyOfAllValues:', ''), 'x'), undefined, 'a set needs a quantifier');
    });
  });

  it('takes escaped quotes in a literal', () => {
    assert.equal(holds(`@Request[${name}] StringEquals 'it\\'s'`, read, "it's"), true);
  });

  for (const text of [
    '',
    '()',
    `${oneRepository})`,
    oneRepository.slice(1),
    `@Request[${name}] StringLike 'a*'`,
    `@Request[${name}] StringEquals app`,
    `@Request[${name}] StringEquals`,
    `@Environment[utcNow] StringEquals 'x'`,
    "ActionMatches{'a'} ActionMatches{'b'}",
    "ActionMatches{'a'} OR",
    "ActionMatches{'a'",
    "AND ActionMatches{'a'}",
    "ActionMatches{'a'} XOR ActionMatches{'b'}",
    "'a'",
    '!',
  ]) {
    it(`does not read ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.equal(parseCondition(text), undefined);
    });
  }
});

describe('actions', () => {
  it('match whole, without case, with wildcards over slashes', () => {
    assert.equal(actionMatches('*/read', read), true);
    assert.equal(actionMatches('Microsoft.Authorization/*/Write', 'microsoft.authorization/roleAssignments/write'), true);
    assert.equal(actionMatches('Microsoft.Authorization/*/Write', 'Microsoft.Authorization/write'), false);
    assert.equal(actionMatches('Microsoft.X/y/read', 'Microsoft.X/y/read/more'), false);
    assert.equal(actionMatches('Microsoft.X/y/read', 'MicrosoftxX/y/read'), false, 'a dot is a dot');
    assert.equal(actionMatches('*', write), true);
  });
});
