import type { AuditFinding, AuditedGood, AuditReport } from './audit-report.js';
import { acceptedText, auditName, pathOf } from './audit-words.js';
import { brief } from './columns.js';

/** What a rule found at one cluster or namespace, however many objects it is about. */
interface TestCase {
  readonly title: string;
  readonly place: string;
  readonly looks: (AuditFinding | AuditedGood)[];
}

/** Longest attribute: the Tests tab shows it in a row. */
const messageLength = 500;
/** Most objects that one failure lists. */
const longestList = 100;

/**
 * The audit as JUnit XML for the Tests tab: a suite for each cluster, a case for each rule and place. What fails lists its objects; what does not
 * apply, is accepted or could not be told is skipped with the reason. Names stay the same from run to run, so that the tab can tell their history.
 *
 * Source: Azure Pipelines docs, PublishTestResults@2, result formats mapping, JUnit.
 */
export function toJUnit(report: AuditReport): string {
  const suites = suitesOf(report);
  const cases = [...suites.values()].flatMap((byCase) => [...byCase.values()]);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${auditName}" ${totals(cases)}>`,
    ...[...suites].flatMap(([cluster, byCase]) => {
      const own = [...byCase.values()];
      return [`  <testsuite name="${xml(cluster)}" ${totals(own)} timestamp="${xml(report.startedAt)}" time="0">`, ...own.map(caseXml), '  </testsuite>'];
    }),
    '</testsuites>',
    '',
  ].join('\n');
}

function suitesOf({ rules, inventory, findings, good }: AuditReport): ReadonlyMap<string, ReadonlyMap<string, TestCase>> {
  const titles = new Map(rules.map(({ id, title }) => [id, title]));
  const order = new Map(rules.map(({ id }, index) => [id, index]));
  const suites = new Map<string, Map<string, TestCase>>(inventory.clusters.map(({ label }) => [label, new Map()]));
  const looks = [...findings, ...good].sort((one, other) => (order.get(one.rule) ?? 0) - (order.get(other.rule) ?? 0));
  for (const look of looks) {
    const { rule, cluster, namespace } = look;
    const path = pathOf({ cluster, namespace });
    const [suite = ''] = path;
    const cases = suites.get(suite) ?? new Map<string, TestCase>();
    suites.set(suite, cases);
    const key = JSON.stringify([rule, namespace]);
    const known = cases.get(key) ?? { title: titles.get(rule) ?? rule, place: path.join('.'), looks: [] };
    cases.set(key, known);
    known.looks.push(look);
  }
  return new Map([...suites].filter(([, cases]) => cases.size > 0));
}

function caseXml(one: TestCase): string {
  const head = `    <testcase name="${xml(one.title)}" classname="${xml(one.place)}" time="0"`;
  const failures = failuresIn(one);
  const [first] = failures;
  if (first !== undefined) {
    const told = failures.slice(0, longestList).map((finding) => `- ${seen(finding)}`);
    const rest = failures.length > longestList ? [`- and ${failures.length - longestList} more, in the attached report`] : [];
    const body = [...told, ...rest, '', `To do: ${first.remedy}`].join('\n');
    return `${head}><failure message="${xml(summary(failures.map(seen)))}" type="${first.severity}">${xml(body)}</failure></testcase>`;
  }
  const reason = skipReason(one);
  return reason === undefined ? `${head}/>` : `${head}><skipped message="${xml(reason)}"/></testcase>`;
}

function failuresIn({ looks }: TestCase): AuditFinding[] {
  return looks.filter((look): look is AuditFinding => look.outcome === 'fail' && !('exception' in look));
}

/** Why a case without failures is no success either; undefined when it is one. */
function skipReason({ looks }: TestCase): string | undefined {
  const unknown = looks.filter((look) => look.outcome === 'unknown' && !('exception' in look));
  if (unknown.length > 0) return `could not be told: ${summary(unknown.map(seen))}`;
  const accepted = looks.flatMap((look) => ('exception' in look ? [acceptedText(look.exception)] : []));
  if (accepted.length > 0) return summary([...new Set(accepted)]);
  if (looks.some(({ outcome }) => outcome === 'pass')) return undefined;
  return `does not apply: ${summary(looks.map(seen))}`;
}

function seen({ object, evidence }: AuditFinding | AuditedGood): string {
  return object === undefined ? evidence : `${object}: ${evidence}`;
}

/** The first of several texts, and how many more. */
function summary([first = '', ...others]: readonly string[]): string {
  const text = brief(first, messageLength);
  return others.length === 0 ? text : `${text} (and ${others.length} more)`;
}

function totals(cases: readonly TestCase[]): string {
  const failures = cases.filter((one) => failuresIn(one).length > 0);
  const skipped = cases.filter((one) => failuresIn(one).length === 0 && skipReason(one) !== undefined);
  return `tests="${cases.length}" failures="${failures.length}" errors="0" skipped="${skipped.length}"`;
}

const references: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** A text as XML shows it, in attributes and elements. What XML 1.0 (2.2, characters) forbids is replaced. */
function xml(text: string): string {
  return text.replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD').replaceAll(/[&<>"']/g, (character) => references[character] ?? '');
}
