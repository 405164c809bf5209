/** The refusals that every store words the same way. */
import { LumaError } from '../base/errors.ts';

export function projectExists(name: string): LumaError {
  return new LumaError('project_exists', `there is a project named ${name} already`, {
    hint: 'Choose another name, or change the existing project.',
    details: { name },
  });
}

export function projectNotFound(name: string): LumaError {
  return new LumaError('project_not_found', `there is no project named ${name}`, {
    hint: 'List the projects to see their names.',
    details: { name },
  });
}

export function hostnameTaken(hostname: string, owner: string): LumaError {
  return new LumaError('hostname_taken', `the hostname ${hostname} belongs to project ${owner}`, {
    hint: 'A hostname belongs to one project: choose another, or take it from its owner first.',
    details: { hostname, owner },
  });
}

export function instanceNotFound(instanceId: string): LumaError {
  return new LumaError('instance_not_found', `the store knows no instance ${instanceId}`, {
    details: { instance_id: instanceId },
  });
}
