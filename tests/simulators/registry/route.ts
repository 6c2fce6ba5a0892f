import type { SimRequest, SimResponse } from '../kernel/service.js';
import type { ImageStore } from './image-store.js';
import type { NeededScope } from './refusals.js';

/** One operation of the distribution API. */
export interface Route {
  /** Absent where any valid token will do. */
  readonly needs?: NeededScope;
  answer(images: ImageStore, request: SimRequest): SimResponse;
}

/** Repository names. Source: OCI distribution specification. */
export const repositoryName = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*';
