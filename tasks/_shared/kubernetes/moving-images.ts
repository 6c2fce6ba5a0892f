import { text } from '../fleet/json.js';
import { containersOf } from '../fleet/posture/namespace-view.js';
import { some, upperFirst } from '../fleet/wording.js';
import { Problem } from '../reconcile/problem.js';
import { nameOf } from './objects.js';
import { podTemplateOf } from './pod-templates.js';
import type { SendFinding, Sending } from './send-checks.js';

/** Images that can become others without a change of the manifest: pods that start later may run something that nobody reviewed. */
export function movingImages({ objects, policy, source }: Sending): SendFinding[] {
  return objects.flatMap(({ content, ref }) => {
    const template = podTemplateOf(content);
    if (template === undefined) return [];
    const moving = containersOf({ template }).flatMap((container) => {
      const image = text(container.image);
      const flaw = image === undefined ? undefined : flawOf(image);
      return flaw === undefined ? [] : [`container ${text(container.name) ?? ''}: ${image ?? ''} ${flaw}`];
    });
    if (moving.length === 0) return [];
    const problem = new Problem({
      code: 'WI4222',
      what: `${upperFirst(source)} would run an image in ${nameOf(ref)} that can become another one`,
      because: some(moving, 5, '; '),
      remedy: 'give the image a tag that does not move, or better its digest (@sha256:…); or set latestImages to warn',
    });
    return [{ severity: policy.latestImages, problem }];
  });
}

/** Why an image can become another one; undefined when it is pinned by digest or has a tag of its own. Source: Kubernetes docs, images, image names. */
function flawOf(image: string): string | undefined {
  if (image.includes('@')) return undefined;
  const [, tag] = (image.split('/').at(-1) ?? '').split(':');
  if (tag === undefined || tag === '') return 'has neither tag nor digest, which means latest';
  return tag === 'latest' ? 'has the tag latest' : undefined;
}
