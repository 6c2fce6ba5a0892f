import { join } from 'node:path';
import type { Agent, TaskEnd } from '../_shared/agent/agent.js';
import { severities } from '../_shared/fleet/posture/rule.js';
import { toEvidence } from '../_shared/report/audit-evidence.js';
import { toJUnit } from '../_shared/report/audit-junit.js';
import { auditLog, auditResultLine } from '../_shared/report/audit-log.js';
import { toAuditMarkdown } from '../_shared/report/audit-markdown.js';
import { auditType, failed, openFindings, type AuditReport } from '../_shared/report/audit-report.js';
import { toSarif } from '../_shared/report/audit-sarif.js';
import { redacted } from '../_shared/report/redacted.js';
import { printParts } from '../_shared/agent/run-log.js';

/** The files that an audit leaves, by the output variable that says where. */
const files = {
  reportFile: ['audit.json', (report: AuditReport) => `${JSON.stringify(report, undefined, 2)}\n`],
  sarifFile: ['audit.sarif', (report: AuditReport) => `${JSON.stringify(toSarif(report), undefined, 2)}\n`],
  junitFile: ['audit-junit.xml', toJUnit],
  evidenceFile: ['audit-evidence.md', toEvidence],
} as const;

/** Tells what an audit found everywhere where somebody looks: log, files, outputs, summary, attachment. All of it comes from one value. */
export function publishAudit(agent: Agent, found: AuditReport, folder: string): TaskEnd {
  const report = redacted(found, (text) => agent.redact(text));
  printParts(agent, auditLog(report));
  for (const [output, [name, make]] of Object.entries(files)) {
    const path = join(folder, name);
    agent.saveFile(path, make(report));
    agent.output(output, path);
  }
  agent.line(`Reports  ${folder}`);
  const open = openFindings(report.findings);
  agent.output('reportFolder', folder);
  for (const severity of severities) agent.output(severity, String(open.filter((finding) => finding.severity === severity && finding.outcome === 'fail').length));
  agent.output('unknown', String(open.filter(({ outcome }) => outcome === 'unknown').length));
  agent.summary(toAuditMarkdown(report));
  agent.attach(auditType, `${agent.task}.json`, JSON.stringify(report));
  const result = failed(report, report.failOn) ? 'Failed' : open.length > 0 ? 'SucceededWithIssues' : 'Succeeded';
  return { result, message: auditResultLine(report) };
}
