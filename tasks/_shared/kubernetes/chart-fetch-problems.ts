import { Problem, toProblem, type ProblemParts } from '../reconcile/problem.js';
import { originTitle, type ChartOrigin } from './chart-origin.js';

/** Why a chart could not be fetched. */
export interface FetchFailure {
  readonly problem: Problem;
  /** True when another try may succeed. */
  readonly passing: boolean;
}

/** Said while a service is busy or restarts, and by connections that broke. */
const passing = /(?:: |status code )(?:429|50[0234])\b|i\/o timeout|TLS handshake timeout|connection reset|unexpected EOF|no complete answer came/i;

interface Kind {
  readonly says: RegExp;
  readonly parts: Pick<ProblemParts, 'code' | 'remedy'>;
}

/** By helm's words, the first that fits. Source: seen with helm 3.17.2 and 4.1.4 (helm pkg/repo, pkg/getter; oras-go; Go crypto/tls and net). */
const kinds: readonly Kind[] = [
  {
    says: /\bversion "[^"]*" not found in |: not found$|(?:: |status code )404\b|name unknown|manifest unknown/i,
    parts: { code: 'WI4214', remedy: 'correct chart, repo or version; versions are written out as the index or the registry has them, e.g. 1.2.3' },
  },
  {
    says: /(?:: |status code )40[13]\b|unauthorized|denied|forbidden/i,
    parts: { code: 'WI4215', remedy: 'chart repositories are read without a login, and registries outside of Azure as well; in an Azure registry the connection’s principal needs AcrPull (or Container Registry Repository Reader for the repository)' },
  },
  {
    says: /x509:|certificate/i,
    parts: { code: 'WI4216', remedy: 'let the agent trust the authority that signed the certificate (--sslcacert of its configuration, or NODE_EXTRA_CA_CERTS), or correct the address' },
  },
  {
    says: /is not a valid chart repository(?!.*(?:dial|Get|lookup))|cannot unmarshal/i,
    parts: { code: 'WI4216', remedy: 'give in repo the address below which index.yaml is; charts of a registry are named as oci://registry/path in chart' },
  },
];
const unreachable = { code: 'WI4216', remedy: 'check the address, and that the agent reaches it (proxy, firewall, DNS)' };

/** The Problem of a helm pull that failed; what is not about fetching stays what it is. */
export function fetchFailure(origin: ChartOrigin, error: unknown): FetchFailure {
  const found = error instanceof Problem ? error : undefined;
  if (found !== undefined && found.code !== 'WI4202') return { problem: found, passing: false };
  const because = found?.parts.because ?? toProblem(error).parts.because;
  const { parts } = kinds.find(({ says }) => says.test(because)) ?? { parts: unreachable };
  const further = elsewhere(origin, because);
  const problem = new Problem({ ...parts, what: `Chart ${originTitle(origin)} cannot be fetched`, tried: 'run helm pull', because: further === undefined ? because : `${because} (it led on to ${further})` }, error);
  return { problem, passing: passing.test(because) };
}

/** The Problem of a chart that came and is not the one that was asked for. */
export function notAsked(origin: ChartOrigin, because: string, cause?: unknown): Problem {
  const parts = {
    code: 'WI4217',
    what: `Chart ${originTitle(origin)} is not what was fetched`,
    tried: 'look at the package that helm pull brought',
    because,
    remedy: 'write version as the chart itself has it, and chartDigest as its publisher tells it; when neither changed, find out who replaced the chart',
  };
  return new Problem(parts, cause);
}

/** A host in helm's words that is not the one that was asked: indexes and registries name others, and redirect to them. */
function elsewhere({ place }: ChartOrigin, because: string): string | undefined {
  const asked = 'registry' in place ? place.registry : new URL(place.repository).host;
  const named = [...because.matchAll(/https?:\/\/[^\s"]+/g)].flatMap(([address]) => (URL.canParse(address) ? [new URL(address).host] : []));
  return named.find((host) => host !== asked);
}
