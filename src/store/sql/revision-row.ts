/** Between a revision and its row: the persisted document has its own names, so that the domain can change. */
import { z } from 'zod';
import { LumaError } from '../../base/errors.ts';
import type { SecretPlace } from '../../base/sealed-text.ts';
import type { Project, RevisionSettings } from '../../domain/project.ts';
import type { Revision } from '../../domain/revision.ts';
import type { Seal, Unseal } from '../secrets/key-ring.ts';
import { fromProbesDocument, probesDocument, toProbesDocument } from './probes-document.ts';
import { openEnvironment, revisionPlace, sealEnvironment } from './sealed-environment.ts';
import type { RevisionRow } from './tables.ts';

export const revisionShape = {
  image: z.string().nullable(),
  command: z.array(z.string()).nullable(),
  entrypoint: z.array(z.string()).nullable(),
  working_dir: z.string().nullable(),
  /** Values are sealed. */
  env_vars: z.record(z.string(), z.string()),
  container_port: z.number().nullable(),
  health_check: z.strictObject({ path: z.string(), timeout_ms: z.number() }).nullable(),
  probes: probesDocument,
  stop_timeout_ms: z.number(),
};

const revisionDocument = z.strictObject(revisionShape);

type RevisionDocument = z.infer<typeof revisionDocument>;

/** What a project's row implies of the revision that its settings are. */
export function toRevisionRow({ settings, revision, updatedAt }: Project, seal: Seal): RevisionRow {
  const place = revisionPlace(settings.name, revision);
  return {
    project: settings.name,
    number: revision,
    settings: JSON.stringify(toRevisionDocument(settings, place, seal)),
    pinned_image: null,
    created_at: updatedAt,
  };
}

export function fromRevisionRow(row: RevisionRow, unseal: Unseal): Revision {
  const number = Number(row.number);
  const place = revisionPlace(row.project, number);
  return {
    project: row.project,
    number,
    settings: fromRevisionDocument(readDocument(row), place, unseal),
    pinnedImage: row.pinned_image,
    createdAt: Number(row.created_at),
  };
}

export function toRevisionDocument(
  settings: RevisionSettings,
  place: SecretPlace,
  seal: Seal,
): RevisionDocument {
  const { command, entrypoint, healthCheck } = settings;
  return {
    image: settings.image,
    command: command && [...command],
    entrypoint: entrypoint && [...entrypoint],
    working_dir: settings.workingDir,
    env_vars: sealEnvironment(settings.envVars, place, seal),
    container_port: settings.containerPort,
    health_check: healthCheck && { path: healthCheck.path, timeout_ms: healthCheck.timeoutMs },
    probes: toProbesDocument(settings.probes),
    stop_timeout_ms: settings.stopTimeoutMs,
  };
}

export function fromRevisionDocument(
  document: RevisionDocument,
  place: SecretPlace,
  unseal: Unseal,
): RevisionSettings {
  const { health_check: healthCheck } = document;
  return {
    image: document.image,
    command: document.command,
    entrypoint: document.entrypoint,
    workingDir: document.working_dir,
    envVars: openEnvironment(document.env_vars, place, unseal),
    containerPort: document.container_port,
    healthCheck: healthCheck && { path: healthCheck.path, timeoutMs: healthCheck.timeout_ms },
    probes: fromProbesDocument(document.probes),
    stopTimeoutMs: document.stop_timeout_ms,
  };
}

function readDocument(row: RevisionRow): RevisionDocument {
  try {
    return revisionDocument.parse(JSON.parse(row.settings));
  } catch (cause) {
    const what = `revision ${row.number} of project ${row.project}`;
    throw new LumaError('store_unreadable', `the stored settings of ${what} cannot be read`, {
      hint: 'The database was changed by something other than Luma, or is damaged: restore a backup.',
      cause,
      details: { project: row.project, revision: row.number },
    });
  }
}
