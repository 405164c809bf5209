/** The door of telemetry: logs and the standard streams they go to. */
export { createLog, type LogFormat, type LogLevel, type LogOptions } from './log.ts';
export { guardStandardStreams, type StandardStreams } from './standard-streams.ts';
