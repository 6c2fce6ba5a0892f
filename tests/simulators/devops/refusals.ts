import type { SimResponse } from '../kernel/service.js';

/** Azure DevOps' error body. The client shows its `message`. */
export function refusal(status: number, typeKey: string, message: string): SimResponse {
  const typeName = `Microsoft.TeamFoundation.${typeKey}, Microsoft.TeamFoundation`;
  return { status, body: { $id: '1', innerException: null, message, typeName, typeKey, errorCode: 0, eventId: 3000 } };
}

/** No token, or one of a job that has ended. */
export function unauthorised(): SimResponse {
  const message = 'TF400813: The user is not authorized to access this resource.';
  return { ...refusal(401, 'UnauthorizedRequestException', message), headers: { 'www-authenticate': 'Bearer' } };
}

/** A project that does not exist, or that the job's token does not reach. */
export function unknownProject(project: string): SimResponse {
  const message =
    `TF200016: The following project does not exist: ${project}. Verify that the name of the project is correct and that the project ` +
    'exists on the specified Azure DevOps Server.';
  return refusal(404, 'ProjectDoesNotExistWithNameException', message);
}
