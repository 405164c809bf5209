/** Why an owner may not have what it asks for, in words: one place for the texts of the registry. */
import { LumaError } from '../../base/errors.ts';
import type { HostConflict } from '../client/contract.ts';
import { SERVICES_MAX } from '../limits.ts';

/** The owner of what commands made: it has no link. */
export const CLIENT_OWNER = 'client';

export function ownerText(owner: string): string {
  return owner === CLIENT_OWNER ? 'a luma-proxy command' : `the installation ${owner}`;
}

/** `holder`: the service that has it, and whose that is. */
export function hostTaken(
  conflict: HostConflict,
  holder: { readonly service: string; readonly owner: string },
): LumaError {
  const { host } = conflict;
  const free =
    holder.owner === CLIENT_OWNER
      ? `luma-proxy remove ${holder.service} --host ${host || "'*'"} (without --host: the whole service)`
      : `luma projects remove ${holder.service}, or by a change of its hostnames`;
  return new LumaError(
    'host_taken',
    host === ''
      ? `every host that nobody else has belongs to ${conflict.owner}`
      : `the host ${host} belongs to ${conflict.owner}`,
    { hint: `choose another host, or free this one with: ${free}`, details: { ...conflict } },
  );
}

export function serviceTaken(service: string, owner: string): LumaError {
  return new LumaError('service_taken', `the service ${service} belongs to ${ownerText(owner)}`, {
    hint:
      owner === CLIENT_OWNER
        ? `choose another name, or remove that service first with: luma-proxy remove ${service}`
        : `a project is changed where it was registered, see: luma projects show ${service}; for a service of your own choose another name`,
    details: { service, owner: ownerText(owner) },
  });
}

export function notOwned(service: string): LumaError {
  return new LumaError('service_not_found', `this owner has no service ${service}`, {
    hint: 'publish it first',
  });
}

export function tooManyServices(): LumaError {
  return new LumaError('too_many_services', `luma-proxy has ${SERVICES_MAX} services already`, {
    hint: 'remove some that are not used',
  });
}

export function unknownService(service: string): LumaError {
  return new LumaError('service_not_found', `luma-proxy has no service ${service}`, {
    hint: 'luma-proxy list-services shows those it has',
  });
}
