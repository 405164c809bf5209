/** Why an owner may not have what it asks for, in words: one place for the texts of the registry. */
import { LumaError } from '../../base/errors.ts';
import type { HostConflict } from '../client/contract.ts';
import { SERVICES_MAX } from '../limits.ts';

/** The owner of what commands made: it has no link. */
export const CLIENT_OWNER = 'client';

export function ownerText(owner: string): string {
  return owner === CLIENT_OWNER ? 'a luma-proxy command' : `the installation ${owner}`;
}

export function hostTaken(conflict: HostConflict): LumaError {
  return new LumaError('host_taken', `the host ${conflict.host} belongs to ${conflict.owner}`, {
    hint: 'choose another host, or remove it from that service first',
    details: { ...conflict },
  });
}

export function serviceTaken(service: string, owner: string): LumaError {
  return new LumaError('service_taken', `the service ${service} belongs to ${ownerText(owner)}`, {
    hint: 'choose another name, or remove that service first',
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
