import { runCommand } from './command.js';
import { commandWorlds } from './worlds.js';

/** Ctrl+C cancels the run, which still does what runs always; a second one ends it at once. */
const cancel = new AbortController();
process.once('SIGINT', () => cancel.abort(new Error('cancelled by the user')));

process.exitCode = await runCommand(process.argv.slice(2), {
  // npm runs scripts in the project's folder and keeps the caller's own here.
  folder: process.env.INIT_CWD ?? process.cwd(),
  print: (line) => void process.stdout.write(`${line}\n`),
  printError: (line) => void process.stderr.write(`${line}\n`),
  worlds: commandWorlds,
  signal: cancel.signal,
  colour: process.stdout.isTTY,
});
