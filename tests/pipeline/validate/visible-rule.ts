/** The value of an input by name, as far as it is known before the run. */
export type InputValue = (name: string) => string | undefined;

const term = /^\s*(\S+)\s*(==|!=|=|NotContains|NotEndsWith|NotStartsWith|Contains|EndsWith|StartsWith)\s*(.*?)\s*$/;

function holds(text: string, value: InputValue): boolean {
  const [, name = '', operator = '', right = ''] = term.exec(text) ?? [];
  const [left, wanted] = [(value(name) ?? '').toLowerCase(), right.toLowerCase()];
  switch (operator) {
    case '=':
    case '==':
      return left === wanted;
    case '!=':
      return left !== wanted;
    case 'Contains':
      return left.includes(wanted);
    case 'NotContains':
      return !left.includes(wanted);
    case 'StartsWith':
      return left.startsWith(wanted);
    case 'NotStartsWith':
      return !left.startsWith(wanted);
    case 'EndsWith':
      return left.endsWith(wanted);
    case 'NotEndsWith':
      return !left.endsWith(wanted);
    default:
      throw new Error(`Not a visibleRule: ${text}`);
  }
}

/** Evaluates `a = x && b != y || c NotEndsWith z`; `&&` binds closer. An absent rule is true. Source: tasks.schema.json. */
export function isVisible(rule: string | undefined, value: InputValue): boolean {
  if (rule === undefined || rule.trim() === '') return true;
  return rule.split('||').some((part) => part.split('&&').every((one) => holds(one, value)));
}
