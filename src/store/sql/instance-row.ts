/** Between the record of an instance and its row. Owns nothing. */
import type { InstanceRecord } from '../contract.ts';
import type { Tables } from './tables.ts';

export function toInstanceRow(instance: InstanceRecord): Tables['instances'] {
  return {
    instance_id: instance.instanceId,
    project: instance.project,
    service: instance.service,
    revision: instance.revision,
    intent: instance.intent,
    created_at: instance.createdAt,
  };
}

export function fromInstanceRow(row: Tables['instances']): InstanceRecord {
  return {
    instanceId: row.instance_id,
    project: row.project,
    service: row.service ?? row.project,
    revision: Number(row.revision),
    intent: row.intent,
    createdAt: Number(row.created_at),
  };
}
