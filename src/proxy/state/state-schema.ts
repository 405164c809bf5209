/** The daemon's state file, version by version. Never the in-memory shape: what is stored outlives the code. */
import { z } from 'zod';
import { gateSchema } from '../link/messages.ts';
import { deploymentSchema } from '../services/deployment.ts';
import { globalOptionsSchema, noOptions } from '../services/global-options.ts';
import { serviceSpecSchema } from '../services/service-schema.ts';

export const STATE_VERSION = 3;

const service = {
  /** An installation id, or `client`. */
  owner: z.string().min(1),
  spec: serviceSpecSchema,
  gate: gateSchema,
  /** Those of the spec's targets that had answered. */
  readyTargets: z.array(z.string()),
};

const file = {
  /** Of the machine when it was saved: after a reboot no target is where it was. */
  bootId: z.string(),
};

const savedServiceSchema = z.strictObject({
  ...service,
  /** What client commands made of it, pauses and stops included; null for a control plane's. */
  deployment: deploymentSchema.nullable(),
});

const stateSchema = z.strictObject({
  ...file,
  version: z.literal(STATE_VERSION),
  options: globalOptionsSchema,
  services: z.array(savedServiceSchema),
});

/** Before services had options of their own: what it lacks is read as never said. */
const stateSchemaOfVersion2 = z.strictObject({
  ...file,
  version: z.literal(2),
  options: globalOptionsSchema,
  services: z.array(savedServiceSchema),
});

/** Before there were client commands: only what control planes published. */
const stateSchemaOfVersion1 = z.strictObject({
  ...file,
  version: z.literal(1),
  services: z.array(z.strictObject(service)),
});

export type SavedService = z.infer<typeof savedServiceSchema>;
export type SavedState = z.infer<typeof stateSchema>;

/** Any version up to this one, read as this one. */
export const savedStateSchema = z.discriminatedUnion('version', [
  stateSchema,
  stateSchemaOfVersion2.transform((old): SavedState => ({ ...old, version: STATE_VERSION })),
  stateSchemaOfVersion1.transform(
    (old): SavedState => ({
      ...old,
      version: STATE_VERSION,
      options: noOptions,
      services: old.services.map((saved) => ({ ...saved, deployment: null })),
    }),
  ),
]);
