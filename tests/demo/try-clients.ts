import { complaint, helmTries, kubectlTries, type Try } from './client-tries.js';
import { printedAccess } from './printed-access.js';

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Tries kubectl, helm 3 and helm 4 against the world of the demo, in a shell that is prepared as `--keep` prints it. */
async function tryClients(): Promise<number> {
  const access = await printedAccess();
  let failures = 0;
  try {
    const shown: Try[] = access.shown.map((command) => ({ command }));
    for (const each of [...shown, ...kubectlTries, ...helmTries('helm3'), ...helmTries('helm4')]) {
      const wrong = complaint(each, await access.run(each.command, each.input));
      print(`${wrong === undefined ? 'ok     ' : 'FAILED '} ${each.command}`);
      if (wrong === undefined) continue;
      failures += 1;
      print(wrong.replaceAll(/^/gm, '        '));
    }
  } finally {
    await access.close();
  }
  return failures;
}

const failures = await tryClients();
print(`clients: ${failures === 0 ? 'PASS' : `FAIL ${failures} commands`}`);
process.exitCode = failures === 0 ? 0 : 1;
