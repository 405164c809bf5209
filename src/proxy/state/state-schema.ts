/** The daemon's state file, version by version. Never the in-memory shape: what is stored outlives the code. */
import { z } from 'zod';
import { gateSchema } from '../link/messages.ts';
import { serviceSpecSchema } from '../services/service-schema.ts';

export const STATE_VERSION = 1;

const savedServiceSchema = z.strictObject({
  /** An installation id, or `client`. */
  owner: z.string().min(1),
  spec: serviceSpecSchema,
  gate: gateSchema,
  /** Those of the spec's targets that had answered. */
  readyTargets: z.array(z.string()),
});

export const savedStateSchema = z.strictObject({
  version: z.literal(STATE_VERSION),
  /** Of the machine when it was saved: after a reboot no target is where it was. */
  bootId: z.string(),
  services: z.array(savedServiceSchema),
});

export type SavedService = z.infer<typeof savedServiceSchema>;
export type SavedState = z.infer<typeof savedStateSchema>;
