/** The tables as kysely sees them. Rows are the persisted form, apart from the domain's types on purpose. */
import type { InstanceIntent } from '../contract.ts';

export interface Tables {
  luma_migrations: { number: number; name: string; applied_at: number };
  /** Single values: the installation id, the first-start claim, the id of the key that counts. */
  facts: { name: string; value: string };
  /** Numbers that only grow: the epoch, the last event id. */
  counters: { name: string; value: number };
  projects: ProjectRow;
  revisions: RevisionRow;
  registries: RegistryRow;
  /** The unique key that decides who owns a hostname. */
  hostnames: { hostname: string; project: string; position: number };
  instances: {
    instance_id: string;
    project: string;
    /** Null: that of its project. */
    service: string | null;
    revision: number;
    intent: InstanceIntent;
    created_at: number;
  };
  events: { id: number; project: string; kind: string; at: number; message: string; details: string };
}

export interface ProjectRow {
  name: string;
  /** JSON, see `project-row.ts`; its shape is changed by migrations only. */
  settings: string;
  wanted: string;
  revision: number;
  /** JSON; null: all to `revision`. */
  traffic: string | null;
  created_at: number;
  updated_at: number;
}

/** Never changed but for `pinned_image`, which its first instance tells. */
export interface RevisionRow {
  project: string;
  number: number;
  /** JSON, see `revision-row.ts`; its shape is changed by migrations only. */
  settings: string;
  pinned_image: string | null;
  created_at: number;
}

export interface RegistryRow {
  host: string;
  kind: string;
  /** Null with a token. */
  username: string | null;
  /** The password or token, sealed. */
  secret: string;
  updated_at: number;
}
