const passedOn =
  /^(PATH|PATHEXT|HOME|USER|USERNAME|LOGNAME|USERPROFILE|HOMEDRIVE|HOMEPATH|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|TEMP|TMP|TMPDIR|LANG|LC_\w+|TZ|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|HTTPS?_PROXY|NO_PROXY|ALL_PROXY|XDG_\w+)$/i;

/**
 * The environment of child processes: an allow-list, so that no job variable reaches a program that has no business with it.
 * The agent's own proxy is added where the environment names none.
 * @param variable looks up agent variables. Source of their names: Azure Pipelines docs, predefined variables; agent, proxy configuration.
 */
export function childEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  variable: (name: string) => string | undefined,
  secret: (text: string) => void,
): Record<string, string> {
  const kept = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && passedOn.test(entry[0]));
  const result = Object.fromEntries(kept);
  const url = variable('Agent.ProxyUrl');
  if (url === undefined || url === '' || kept.some(([name]) => /^https_proxy$/i.test(name))) return result;
  const proxy = withCredentials(url, variable('Agent.ProxyUsername'), variable('Agent.ProxyPassword'), secret);
  const bypass = hostsOf(variable('Agent.ProxyBypassList'));
  return { ...result, HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: [result.NO_PROXY ?? '', ...bypass].filter((host) => host !== '').join(',') };
}

function withCredentials(url: string, user: string | undefined, password: string | undefined, secret: (text: string) => void): string {
  if (user === undefined || user === '' || !URL.canParse(url)) return url;
  const proxy = new URL(url);
  proxy.username = user;
  if (password !== undefined && password !== '') {
    secret(password);
    proxy.password = password;
    secret(proxy.password);
  }
  return proxy.href;
}

/** The agent keeps regular expressions; NO_PROXY knows host names only, so only those that are plain names carry over. */
function hostsOf(list: string | undefined): string[] {
  if (list === undefined || list === '') return [];
  let patterns: unknown;
  try {
    patterns = JSON.parse(list);
  } catch {
    return [];
  }
  if (!Array.isArray(patterns)) return [];
  const plain = patterns.filter((pattern): pattern is string => typeof pattern === 'string').map((pattern) => pattern.replaceAll('\\.', '.'));
  return plain.filter((host) => /^[-\w.:]+$/.test(host));
}
