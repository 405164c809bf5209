/** Between a revision and its row: the persisted document has its own names, so that the domain can change. */
import { z } from 'zod';
import { LumaError } from '../../base/errors.ts';
import type { Project, RevisionSettings } from '../../domain/project.ts';
import type { Revision } from '../../domain/revision.ts';
import type { RevisionRow } from './tables.ts';

export const revisionShape = {
  image: z.string().nullable(),
  command: z.array(z.string()).nullable(),
  entrypoint: z.array(z.string()).nullable(),
  working_dir: z.string().nullable(),
  env_vars: z.record(z.string(), z.string()),
  container_port: z.number().nullable(),
  health_check: z.strictObject({ path: z.string(), timeout_ms: z.number() }).nullable(),
  stop_timeout_ms: z.number(),
};

const revisionDocument = z.strictObject(revisionShape);

type RevisionDocument = z.infer<typeof revisionDocument>;

/** What a project's row implies of the revision that its settings are. */
export function toRevisionRow({ settings, revision, updatedAt }: Project): RevisionRow {
  return {
    project: settings.name,
    number: revision,
    settings: JSON.stringify(toRevisionDocument(settings)),
    pinned_image: null,
    created_at: updatedAt,
  };
}

export function fromRevisionRow(row: RevisionRow): Revision {
  return {
    project: row.project,
    number: Number(row.number),
    settings: fromRevisionDocument(readDocument(row)),
    pinnedImage: row.pinned_image,
    createdAt: Number(row.created_at),
  };
}

export function toRevisionDocument(settings: RevisionSettings): RevisionDocument {
  const { command, entrypoint, healthCheck } = settings;
  return {
    image: settings.image,
    command: command && [...command],
    entrypoint: entrypoint && [...entrypoint],
    working_dir: settings.workingDir,
    env_vars: settings.envVars,
    container_port: settings.containerPort,
    health_check: healthCheck && { path: healthCheck.path, timeout_ms: healthCheck.timeoutMs },
    stop_timeout_ms: settings.stopTimeoutMs,
  };
}

export function fromRevisionDocument(document: RevisionDocument): RevisionSettings {
  const { health_check: healthCheck } = document;
  return {
    image: document.image,
    command: document.command,
    entrypoint: document.entrypoint,
    workingDir: document.working_dir,
    envVars: document.env_vars,
    containerPort: document.container_port,
    healthCheck: healthCheck && { path: healthCheck.path, timeoutMs: healthCheck.timeout_ms },
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
