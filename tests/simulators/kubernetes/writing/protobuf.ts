import protobuf from 'protobufjs';
import { isRecord } from '../../kernel/service.js';
import { ApiError, badRequest, unsupportedMediaType } from '../objects/status.js';
import { timestamp, type Fields } from '../objects/values.js';
import { messages } from './protobuf-messages.js';

const root = protobuf.parse(messages, { keepCase: true }).root;
const magic = Buffer.from('k8s\0');

/**
 * Decodes a `application/vnd.kubernetes.protobuf` body into the JSON form of the same object.
 * @throws ApiError 400 for bytes that are no such message, 415 for a kind whose messages are not known, 501 for fields that are not.
 */
export function decodeProtobuf(body: Buffer): Fields {
  if (!body.subarray(0, 4).equals(magic)) throw badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  try {
    const unknown = root.lookupType('Unknown').decode(body.subarray(4)).toJSON();
    const meta = isRecord(unknown.typeMeta) ? unknown.typeMeta : {};
    const kind = typeof meta.kind === 'string' ? meta.kind : '';
    const type = root.get(kind);
    if (!(type instanceof protobuf.Type)) throw unsupportedMediaType(['application/json', 'application/yaml']);
    const raw = typeof unknown.raw === 'string' ? unknown.raw : '';
    const bytes = Buffer.from(raw, 'base64');
    const message = type.decode(bytes);
    // What the decoder did not know it skipped, and the message is shorter than what came.
    if (type.encode(message).finish().length !== bytes.length) throw new ApiError(501, 'NotImplemented', `not simulated: protobuf of kind ${kind} with fields that this simulator does not know; send JSON`, {});
    const object = jsonForm(type, type.toObject(message, { bytes: String, longs: Number }));
    return { ...object, kind, apiVersion: meta.apiVersion };
  } catch (error) {
    if (error instanceof RangeError || error instanceof protobuf.util.ProtocolError) throw badRequest(`unable to decode protobuf: ${error.message}`);
    throw error;
  }
}

/** Go writes empty texts, zeros that are no pointers and empty times explicitly; in JSON they are absent. */
function jsonForm(type: protobuf.Type, value: Fields): Fields {
  const result: Fields = {};
  for (const [name, inner] of Object.entries(value)) {
    const field = type.get(name);
    if (!(field instanceof protobuf.Field) || unsaid.has(name)) continue;
    const of = field.resolve().resolvedType;
    const json = of instanceof protobuf.Type ? messagesForm(of, field, inner) : isZero(field, inner) ? undefined : inner;
    if (json !== undefined && name === 'ingressRuleValue') Object.assign(result, json);
    else if (json !== undefined) result[name] = json;
  }
  return result;
}

/** Fields whose content no writer means: the server's own. */
const unsaid = new Set(['status', 'managedFields']);

function isZero(field: protobuf.Field, value: unknown): boolean {
  return value === '' || (field.required && (value === 0 || value === false)) || (field.name === 'generation' && value === 0);
}

/** A message, a list of messages, or a map to messages. */
function messagesForm(type: protobuf.Type, field: protobuf.Field, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => messageForm(type, item));
  if (!(field instanceof protobuf.MapField) || !isRecord(value)) return messageForm(type, value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, messageForm(type, item)]));
}

/** Times, quantities and numbers that may be text have forms of their own in JSON. */
function messageForm(type: protobuf.Type, value: unknown): unknown {
  if (!isRecord(value)) return value;
  switch (type.name) {
    case 'Time': {
      const seconds = Number(value.seconds ?? 0);
      return seconds > 0 ? timestamp(new Date(seconds * 1000)) : undefined;
    }
    case 'Quantity':
      return value.string ?? '0';
    case 'IntOrString':
      return value.type === 0 ? value.intVal : value.strVal;
    default:
      return jsonForm(type, value);
  }
}
