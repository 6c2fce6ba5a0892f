import protobuf from 'protobufjs';
import { isRecord } from '../../kernel/service.js';
import { badRequest, unsupportedMediaType } from '../objects/status.js';
import { timestamp, type Fields } from '../objects/values.js';

/**
 * The messages that helm and kubectl send in protobuf, with the field numbers of k8s.io/api's generated.proto files.
 * Fields that are not listed are skipped by the decoder.
 */
const definitions = `
syntax = "proto2";
message Unknown { optional TypeMeta typeMeta = 1; optional bytes raw = 2; optional string contentEncoding = 3; optional string contentType = 4; }
message TypeMeta { optional string apiVersion = 1; optional string kind = 2; }
message Time { optional int64 seconds = 1; optional int32 nanos = 2; }
message OwnerReference { optional string kind = 1; optional string name = 3; optional string uid = 4; optional string apiVersion = 5;
  optional bool controller = 6; optional bool blockOwnerDeletion = 7; }
message ObjectMeta { optional string name = 1; optional string generateName = 2; optional string namespace = 3; optional string uid = 5;
  optional string resourceVersion = 6; optional int64 generation = 7; optional Time creationTimestamp = 8; map<string, string> labels = 11;
  map<string, string> annotations = 12; repeated OwnerReference ownerReferences = 13; repeated string finalizers = 14; }
message LocalObjectReference { optional string name = 1; }
message ObjectReference { optional string kind = 1; optional string namespace = 2; optional string name = 3; optional string uid = 4;
  optional string apiVersion = 5; optional string resourceVersion = 6; optional string fieldPath = 7; }
message Secret { optional ObjectMeta metadata = 1; map<string, bytes> data = 2; optional string type = 3; map<string, string> stringData = 4; optional bool immutable = 5; }
message ConfigMap { optional ObjectMeta metadata = 1; map<string, string> data = 2; map<string, bytes> binaryData = 3; optional bool immutable = 4; }
message ServiceAccount { optional ObjectMeta metadata = 1; repeated ObjectReference secrets = 2; repeated LocalObjectReference imagePullSecrets = 3;
  optional bool automountServiceAccountToken = 4; }
message NamespaceSpec { repeated string finalizers = 1; }
message NamespaceStatus { optional string phase = 1; }
message Namespace { optional ObjectMeta metadata = 1; optional NamespaceSpec spec = 2; optional NamespaceStatus status = 3; }
message Preconditions { optional string uid = 1; optional string resourceVersion = 2; }
message DeleteOptions { optional int64 gracePeriodSeconds = 1; optional Preconditions preconditions = 2; optional bool orphanDependents = 3;
  optional string propagationPolicy = 4; repeated string dryRun = 5; }
message BoundObjectReference { optional string kind = 1; optional string apiVersion = 2; optional string name = 3; optional string uid = 4; }
message TokenRequestSpec { repeated string audiences = 1; optional BoundObjectReference boundObjectRef = 3; optional int64 expirationSeconds = 4; }
message TokenRequest { optional ObjectMeta metadata = 1; optional TokenRequestSpec spec = 2; }
message ResourceAttributes { optional string namespace = 1; optional string verb = 2; optional string group = 3; optional string version = 4;
  optional string resource = 5; optional string subresource = 6; optional string name = 7; }
message NonResourceAttributes { optional string path = 1; optional string verb = 2; }
message SelfSubjectAccessReviewSpec { optional ResourceAttributes resourceAttributes = 1; optional NonResourceAttributes nonResourceAttributes = 2; }
message SelfSubjectAccessReview { optional ObjectMeta metadata = 1; optional SelfSubjectAccessReviewSpec spec = 2; }
message SelfSubjectRulesReviewSpec { optional string namespace = 1; }
message SelfSubjectRulesReview { optional ObjectMeta metadata = 1; optional SelfSubjectRulesReviewSpec spec = 2; }
message SelfSubjectReview { optional ObjectMeta metadata = 1; }
message PolicyRule { repeated string verbs = 1; repeated string apiGroups = 2; repeated string resources = 3; repeated string resourceNames = 4; repeated string nonResourceURLs = 5; }
message RoleRef { optional string apiGroup = 1; optional string kind = 2; optional string name = 3; }
message Subject { optional string kind = 1; optional string apiGroup = 2; optional string name = 3; optional string namespace = 4; }
message Role { optional ObjectMeta metadata = 1; repeated PolicyRule rules = 2; }
message ClusterRole { optional ObjectMeta metadata = 1; repeated PolicyRule rules = 2; }
message RoleBinding { optional ObjectMeta metadata = 1; repeated Subject subjects = 2; optional RoleRef roleRef = 3; }
message ClusterRoleBinding { optional ObjectMeta metadata = 1; repeated Subject subjects = 2; optional RoleRef roleRef = 3; }
`;

const root = protobuf.parse(definitions, { keepCase: true }).root;
const magic = Buffer.from('k8s\0');

/**
 * Decodes a `application/vnd.kubernetes.protobuf` body into the JSON form of the same object.
 * @throws ApiError 400 for bytes that are no such message, 415 for a kind whose messages are not known.
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
    const object = jsonForm(type, type.toObject(type.decode(Buffer.from(raw, 'base64')), { bytes: String, longs: Number }));
    return { ...object, kind, apiVersion: meta.apiVersion };
  } catch (error) {
    if (error instanceof RangeError || error instanceof protobuf.util.ProtocolError) throw badRequest(`unable to decode protobuf: ${error.message}`);
    throw error;
  }
}

/** Go writes empty texts, zero generations and empty times explicitly; in JSON they are absent. */
function jsonForm(type: protobuf.Type, value: Fields): Fields {
  const result: Fields = {};
  for (const [name, inner] of Object.entries(value)) {
    const field = type.get(name);
    const of = field instanceof protobuf.Field ? field.resolve().resolvedType : null;
    if (of instanceof protobuf.Type && of.name === 'Time') {
      const seconds = isRecord(inner) ? Number(inner.seconds ?? 0) : 0;
      if (seconds > 0) result[name] = timestamp(new Date(seconds * 1000));
    } else if (of instanceof protobuf.Type && !(field instanceof protobuf.MapField)) {
      result[name] = Array.isArray(inner) ? inner.filter(isRecord).map((item) => jsonForm(of, item)) : isRecord(inner) ? jsonForm(of, inner) : inner;
    } else if (inner !== '' && !(name === 'generation' && inner === 0)) {
      result[name] = inner;
    }
  }
  return result;
}
