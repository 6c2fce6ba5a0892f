import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { auditCompany, auditFolder } from './audit-example/audit.js';
import { addCompany } from './audit-example/company.js';
import { runFleet } from './audit-example/fleet.js';
import { addNamespaces } from './audit-example/namespaces.js';

const page = new URL('../docs/audit-evidence-example.md', import.meta.url);
/** When the audit takes place, by the world's clock. */
const auditAt = new Date('2026-03-02T02:00:00Z');

const head = `> **An example.** Contoso and everything in it is simulated: no such company, cluster or person is meant. \`npm run audit-example\` makes the simulated
> fleet, runs the writing tasks in both rings, adds by hand what companies collect over the years, runs [AuditWorkloadIdentity](../tasks/AuditWorkloadIdentity/README.md) over
> all clusters as a principal that can only read, and writes the file \`audit-evidence.md\` here as the task left it. It was given this
> [boundary policy](../${auditFolder}/boundaries.yml) and this [profile](../${auditFolder}/profile.yml). How to read it is in [the audit](audit.md).
`;

/** The page with the evidence document of contoso: the same at every time and on every machine. */
export async function auditExample(): Promise<string> {
  const fleet = await runFleet();
  const company = await addCompany(fleet.world, fleet.network);
  addNamespaces(fleet.world);
  // How long the runs took depends on the machine: a virtual clock takes a wait for the disk for idleness.
  fleet.clock.advance(auditAt.getTime() - fleet.clock.now().getTime());
  return `${head}\n${await auditCompany(fleet, company)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(page, await auditExample());
