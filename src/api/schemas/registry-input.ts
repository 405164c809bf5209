/** Who Luma is at a registry, as it is sent and as it is shown: secrets go in and never come out. */
import { z } from '@hono/zod-openapi';
import type { RegistryCredentials } from '../../domain/registry.ts';
import { REGISTRY_SECRET_CHARACTERS_MAX, REGISTRY_USERNAME_CHARACTERS_MAX } from '../limits.ts';
import { problem, type RuleProblem, textThat } from '../rules/rule.ts';
import { flag } from './deploy-input.ts';

const secret = (description: string) =>
  textThat((text) => checkLength(text, REGISTRY_SECRET_CHARACTERS_MAX)).openapi({
    description,
    writeOnly: true,
    minLength: 1,
  });

const username = textThat((text) => checkLength(text, REGISTRY_USERNAME_CHARACTERS_MAX)).openapi({
  description: 'With `password`.',
  example: 'ops',
  minLength: 1,
});

export const putRegistrySchema = z
  .strictObject({
    username: username.nullish(),
    password: secret('Or an access token that the registry takes as one.').nullish(),
    identity_token: secret(
      'What a registry gave a client for later: exchanged for a short-lived one.',
    ).nullish(),
    registry_token: secret('Sent to the registry as it is.').nullish(),
  })
  .openapi('PutRegistry', {
    description:
      'Either `username` and `password`, or one of the two tokens, as Docker’s X-Registry-Auth has them.',
  });

export const loginQuerySchema = z.strictObject({
  verify: flag
    .openapi({
      description: '`false`: they are stored unseen. Default: the registry is asked whether it takes them.',
    })
    .optional(),
});

export const registrySchema = z
  .object({
    host: z
      .string()
      .openapi({ description: 'As in image references; Docker Hub is `docker.io`.', example: 'ghcr.io' }),
    auth: z.enum(['password', 'identity_token', 'registry_token']),
    username: z.string().nullable().openapi({ description: 'null with a token.' }),
    updated_at: z.iso.datetime(),
  })
  .openapi('Registry');

export const registryListSchema = z.object({ registries: z.array(registrySchema) }).openapi('RegistryList');

export const keyRotationSchema = z
  .object({ key_id: z.string().openapi({ description: 'Of the key that counts from now on.' }) })
  .openapi('KeyRotation');

export type RegistryJson = z.infer<typeof registrySchema>;
export type KeyRotationJson = z.infer<typeof keyRotationSchema>;
type PutRegistry = z.output<typeof putRegistrySchema>;

/** Null where it is neither one form nor another. */
export function readCredentials(input: PutRegistry): RegistryCredentials | null {
  const { username: name, password, identity_token: identity, registry_token: token } = input;
  const given = [name ?? password, identity, token].filter((value) => value != null);
  if (given.length !== 1) return null;
  if (identity != null) return { kind: 'identity_token', token: identity };
  if (token != null) return { kind: 'registry_token', token };
  return name != null && password != null ? { kind: 'password', username: name, password } : null;
}

function checkLength(text: string, max: number): RuleProblem | null {
  if (text === '') return problem('required', 'must not be empty');
  if (text.length > max) return problem('too_long', `must be at most ${max} characters long`);
  return null;
}
