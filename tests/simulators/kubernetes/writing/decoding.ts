import { isRecord } from '../../kernel/service.js';
import type { Kind } from '../objects/kinds.js';
import { fieldShape, objectShape, shapeOf, type Shape } from '../objects/schema.js';
import { badRequest } from '../objects/status.js';
import type { Fields } from '../objects/values.js';

/** An object as the server takes it: unknown and null fields are gone. */
export interface Decoded {
  readonly object: Fields;
  /** `unknown field "spec.bogus"`, one per field that the kind does not have. */
  readonly problems: readonly string[];
}

/**
 * Decodes a body by the kind's structure, as the server's decoder does: types are checked, unknown fields are found and dropped.
 * @throws ApiError 400 for a value of the wrong type or bad base64.
 */
export function decode(kind: Kind, body: Fields): Decoded {
  const decoder = new Decoder(kind);
  const object = decoder.value(body, objectShape(kind.type), '', '');
  return { object: isRecord(object) ? object : {}, problems: decoder.problems };
}

/** What a strict decoder answers for the problems that were found, without the part that names the kind. */
export function strictError(problems: readonly string[]): string {
  return `strict decoding error: ${problems.join(', ')}`;
}

/** Quantities may be written as numbers; the structural types know them as texts. */
function isQuantity(path: string): boolean {
  return /\.(limits|requests|hard|capacity|allocatable|default|defaultRequest|max|min|overhead)\.[^.]+$|\.(sizeLimit|divisor|averageValue)$/.test(path);
}

class Decoder {
  readonly problems: string[] = [];

  constructor(private readonly kind: Kind) {}

  value(value: unknown, shape: Shape, path: string, place: string): unknown {
    switch (shape.is) {
      case 'any':
        return value;
      case 'scalar':
        return this.#scalar(value, shape.type, path, place);
      case 'list':
        if (!Array.isArray(value)) this.#wrong(value, 'slice', path, place);
        return (value as unknown[]).map((item, index) => this.value(item, shapeOf(shape.of), `${path}[${index}]`, place));
      case 'map':
      case 'struct':
        if (!isRecord(value)) this.#wrong(value, shape.is === 'map' ? `map[string]${shape.of}` : goName(shape.type), path, place);
        return isRecord(value) ? this.#fields(value, shape, path) : {};
    }
  }

  #fields(value: Fields, shape: Shape, path: string): Fields {
    const result: Fields = {};
    const owner = shape.is === 'struct' ? goName(shape.type) : '';
    for (const [field, inner] of Object.entries(value)) {
      const known = fieldShape(shape, field);
      const here = path === '' ? field : `${path}.${field}`;
      if (known === undefined) this.problems.push(`unknown field "${here}"`);
      else if (inner !== null || shape.is === 'map') result[field] = this.value(inner, known, here, owner);
    }
    return result;
  }

  #scalar(value: unknown, type: string, path: string, place: string): unknown {
    if (type === 'string' && typeof value === 'number' && isQuantity(path)) return String(value);
    if (type === 'byte') return this.#bytes(value, path, place);
    const accepted: Record<string, readonly string[]> = { number: ['number'], boolean: ['boolean'], IntOrString: ['number', 'string'] };
    if (!(accepted[type] ?? ['string']).includes(typeof value)) {
      if (value === null) return '';
      this.#wrong(value, type === 'number' ? 'int32' : type === 'boolean' ? 'bool' : 'string', path, place);
    }
    return value;
  }

  #bytes(value: unknown, path: string, place: string): string {
    if (value === null) return '';
    if (typeof value !== 'string') return this.#wrong(value, '[]uint8', path, place);
    const text = value.replace(/[\r\n]/g, '');
    const bad = /[^A-Za-z0-9+/=]/.exec(text)?.index ?? (text.length % 4 === 0 ? -1 : text.length - (text.length % 4));
    if (bad >= 0) throw this.#refusal(`illegal base64 data at input byte ${bad}`);
    return text;
  }

  #wrong(value: unknown, wanted: string, path: string, place: string): never {
    const got = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    const field = `${place === '' ? this.kind.kind : place}.${path.replace(/\[\d+\]/g, '')}`;
    throw this.#refusal(`json: cannot unmarshal ${got} into Go struct field ${field} of type ${wanted}`);
  }

  #refusal(why: string): Error {
    return badRequest(`${this.kind.kind} in version "${this.kind.version}" cannot be handled as a ${this.kind.kind}: ${why}`);
  }
}

function goName(type: string): string {
  return type.replace(/^(Core|Rbac)?V\d(alpha\d|beta\d)?/, '');
}
