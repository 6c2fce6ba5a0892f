import type { Agent } from './agent.js';

/**
 * The longest value of an output variable, in bytes of UTF-8. Variables become the environment of later steps, where one text may
 * have 128 KiB on Linux and 32,766 characters on Windows. Source: azure-pipelines-task-lib, issue 1114.
 */
export const longestOutput = 24 * 1024;

/**
 * Sets an output variable. A value that is too long goes to a file that lives as long as the job; the variable then is
 * `@` and the file's path, the form that every list input accepts.
 */
export function publishOutput(agent: Agent, name: string, value: string): void {
  const fits = Buffer.byteLength(value, 'utf8') <= longestOutput;
  agent.output(name, fits ? value : `@${agent.keepFile(`${name}.txt`, value)}`);
}
